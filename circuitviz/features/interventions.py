"""What is done to a node to see whether a circuit is right, as one change that every kind of run knows.

``{node: zero | mean | corrupted | scale | set}`` serves features, heads, errors, MLPs and tokens alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.errors import InputError, suggest
from circuitviz.features.nodes import features_write
from circuitviz.features.run import Run
from circuitviz.features.table import NodeTable
from circuitviz.graph import Kind, Node
from circuitviz.graph.names import feature_name
from circuitviz.graph.opened import site_of

ACTIONS = ("zero", "scale", "set", "mean", "corrupted")


@dataclass(frozen=True, slots=True)
class Intervention:
    """One action on a node: ``set`` needs a value, ``scale`` a factor; the others none."""

    node: str
    action: str = "zero"
    value: float | None = None


@dataclass(frozen=True, eq=False)
class Change:
    """An intervention worked out on a run.

    new: a feature's new activation, where it is fixed; factor: what its own value, or a vector, is
    multiplied with; vector: what another node writes instead [d], or for a head its new value [d_head],
    for the error of an SAE on values (``of_values``) all heads' values [heads · d_head].
    before: its activation in the run; direction: [d], what it writes at activation 1 (other nodes: what
    they write in the run).
    """

    node: Node
    before: float
    direction: Tensor
    new: float | None = None
    factor: float | None = None
    vector: Tensor | None = None
    of_values: bool = False

    def own(self, now: Tensor) -> Tensor:
        """What a node other than a feature is instead of ``now``, in its own form."""
        if self.factor is not None:
            return now * self.factor
        assert self.vector is not None
        return self.vector

    def written(self, run: Run) -> Tensor:
        """What the node writes more than before, [d], if all that it reads stays."""
        if self.factor is not None:
            return self.direction * self.before * (self.factor - 1)
        if self.new is not None:
            return self.direction * (self.new - self.before)
        assert self.vector is not None
        if self.node.kind is not Kind.HEAD and not self.of_values:
            return self.vector - self.direction
        assert self.node.layer is not None
        o = run.model.layers[self.node.layer].o
        o = o.flatten(0, 1) if self.of_values else o[self.node.head]
        return self.vector @ o * run.post[self.node.layer][self.node.position] - self.direction


def embedded(changes: Sequence[Change], scale: float, x: Tensor) -> Tensor:
    """Embeddings [1, time, d] of a run in which some tokens are changed; ``scale``: theirs in the stream."""
    x = x.clone()
    for change in changes:
        at = change.node.position
        x[0, at] = change.own(x[0, at] * scale) / scale
    return x


@torch.no_grad()
def work_out(
    table: NodeTable, interventions: Sequence[Intervention], references: Sequence[Run] = ()
) -> list[Change]:
    """Interventions as changes of a table's run.

    references: for ``corrupted``, the run of the corrupted prompt, of as many tokens; for ``mean``, runs
    whose positions are averaged. InputError on an action, a node or a value that does not fit.
    """
    seen: set[str] = set()
    found = []
    for one in interventions:
        if one.node in seen:
            raise InputError(f"'{one.node}' is changed twice; one action a node would be right.")
        seen.add(one.node)
        found.append(_change(table, one, references))
    return found


def _change(table: NodeTable, one: Intervention, references: Sequence[Run]) -> Change:
    if one.action not in ACTIONS:
        there = f"There is no action '{one.action}'; there is {', '.join(ACTIONS)}."
        raise InputError(there + suggest(one.action, ACTIONS))
    if one.action in ("scale", "set") and one.value is None:
        raise InputError(f"'{one.action}' of '{one.node}' needs a number.")
    if one.action in ("mean", "corrupted") and not references:
        raise InputError(f"'{one.action}' of '{one.node}' needs runs to take its values from; give one.")
    if one.action == "corrupted" and (len(references) != 1 or references[0].time != table.run.time):
        raise InputError(
            f"'corrupted' of '{one.node}' needs one run of {table.run.time} tokens, as the prompt has."
        )
    node, before, direction = _node(table, one.node)
    if node.kind.is_fixed:
        raise InputError(f"'{one.node}' is no part of what the prompt says, so it stays as it is.")
    if one.action in ("zero", "scale"):
        factor = 0.0 if one.action == "zero" else float(one.value or 0.0)
        return Change(node, before, direction, factor=factor)
    if node.kind is Kind.FEATURE:
        new = one.value if one.action == "set" else _activation(table, node, one.action, references)
        return Change(node, before, direction, new=float(new or 0.0))
    if one.action == "set":
        return Change(node, before, direction, factor=float(one.value or 0.0))
    site = table.dictionaries.get(site_of(node))
    of_values = node.kind is Kind.ERROR and site is not None and site.site.reads == "z"
    vector = _vector(table, node, one.action, references)
    return Change(node, before, direction, vector=vector, of_values=of_values)


def _node(table: NodeTable, name: str) -> tuple[Node, float, Tensor]:
    """A node, its activation and its direction; features that are not active can be set, too."""
    found = feature_name(name)
    one = None if found is None else table.dictionaries.get(found.site)
    if found is not None and found.position is not None and one is not None:
        item, position = found.feature, found.position
        table.check_position(position)
        if item >= one.features:
            raise InputError(f"'{name}' does not exist: '{one.name}' has {one.features:,} features.")
        of_site = table.run.read(one)[position]
        value = float(one.encode(of_site)[item])
        index = torch.tensor([item], device=of_site.device)
        direction = features_write(table.run, one, index, index.new_tensor([position]))[0]
        node = Node(name, Kind.FEATURE, one.site.layer, None, one.site.part, position, item, one.name)
        return node, value, direction
    row = table.index(name)
    return table.node(row), 1.0, table.written[row]


def _activation(table: NodeTable, node: Node, action: str, references: Sequence[Run]) -> float:
    one = table.dictionaries[site_of(node)]
    values = [one.encode(run.read(one))[:, node.feature] for run in references]
    if action == "corrupted":
        return float(values[0][node.position])
    return float(torch.cat(values).mean())


def _vector(table: NodeTable, node: Node, action: str, references: Sequence[Run]) -> Tensor:
    rows = torch.cat([_vectors(table, node, run) for run in references])
    return rows[node.position] if action == "corrupted" else rows.mean(0)


def _vectors(table: NodeTable, node: Node, run: Run) -> Tensor:
    """What a node writes at every position of another run [time, d]; a head's own values."""
    if node.kind is Kind.TOKEN:
        return run.embed
    layer = node.layer
    assert layer is not None
    if node.kind is Kind.HEAD:
        return run.z[layer][:, node.head]
    if node.kind is Kind.MLP:
        return run.mlp[layer]
    one = table.dictionaries[f"{node.site}{layer}"]
    if node.kind is Kind.SKIP:
        assert one.skip is not None
        return run.read(one) @ one.skip.T
    return run.written(one) - one.reconstruct(run.read(one))
