"""All that a person can change and undo is one immutable value, so undo is exact by construction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from circuitviz.graph import BoolMatrix, Circuit, Graph, Interventions, Scores
from circuitviz.graph.scores import SIGN
from circuitviz.session.aside import Aside
from circuitviz.session.groups import Group, classed
from circuitviz.session.labels import Basis, Label, kind_of
from circuitviz.session.provenance import Provenance
from circuitviz.session.sight import Sight

ZERO_RULE = "an MLP's output bias is its own"  # before, zero and scaling left it: those numbers are others


@dataclass(frozen=True)
class State:
    """A circuit with what was done to it.

    ``ablated_nodes`` and ``ablated_edges`` hold names; ``interventions`` what nodes are made to write
    instead of their own output; ``labels`` are kept by the name of what they
    speak of: a node, an edge, ``group:NAME`` or ``class:NAME``; ``positions`` hold the places of nodes
    that were moved by hand, in the layout's units; ``groups`` what was put together, by name; ``sight``
    what of it all is drawn. ``aside`` is what was made of parts that the circuit does not have now.
    """

    provenance: Provenance | None = None
    scores: Scores | None = None
    circuit: Circuit | None = None
    ablated_nodes: frozenset[str] = frozenset()
    ablated_edges: frozenset[str] = frozenset()
    interventions: Interventions = field(default_factory=dict)
    labels: Mapping[str, Label] = field(default_factory=dict)
    positions: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    sight: Sight = field(default_factory=Sight)
    aside: Aside = field(default_factory=Aside)

    @cached_property
    def live(self) -> Circuit | None:
        """The circuit without what is ablated: what is measured."""
        if self.circuit is None:
            return None
        if not self.ablated_nodes and not self.ablated_edges:
            return self.circuit
        return self.circuit.without(self.ablated_nodes, self.ablated_edges)

    @cached_property
    def changed(self) -> Interventions:
        """The interventions that can be felt: a node that is out writes nothing at all."""
        return {n: what for n, what in self.interventions.items() if n not in self.ablated_nodes}

    @property
    def sign(self) -> str:
        """What the sign of a score means, a key of ``sight.SIGN_MEANINGS``."""
        if self.scores is None:
            return "none"
        return "helps" if self.scores.sign_known else "file"

    @property
    def opening(self) -> tuple[object, ...]:
        """What has to be open for it to be measured; empty where nobody knows."""
        return () if self.provenance is None else self.provenance.opening

    @property
    def options(self) -> Mapping[str, Any]:
        """What the method was given that found it."""
        return {} if self.provenance is None else self.provenance.options

    @property
    def untouched(self) -> bool:
        """Whether nothing is ablated or changed."""
        return not (self.ablated_nodes or self.ablated_edges or self.interventions)

    @cached_property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """Nodes by what their labels call them; a label without a colour is no class."""
        found: dict[str, tuple[str, ...]] = {}
        for target, label in self.labels.items():
            if kind_of(target) == "node" and label.colour:
                found[label.text] = (*found.get(label.text, ()), target)
        return found

    @cached_property
    def classed(self) -> dict[str, Group]:
        """The groups, and the classes of labelled nodes that are in none: what a class view draws."""
        nodes = () if self.circuit is None else self.circuit.graph.node_index
        return classed(self.groups, self.classes, nodes)

    @cached_property
    def sets(self) -> dict[str, tuple[str, ...]]:
        """What a person holds together, by name: classes of one label, and groups."""
        together = {name: set(nodes) for name, nodes in self.classes.items()}
        for name, group in self.groups.items():
            together.setdefault(name, set()).update(group.nodes)
        return {name: tuple(sorted(nodes)) for name, nodes in together.items()}

    def parts(self, target: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The nodes and the edges that a label's target stands for; none where it is gone."""
        kind, _, name = target.partition(":")
        if kind == "group":
            group = self.groups.get(name)
            return (tuple(sorted(group.nodes)) if group else ()), ()
        if kind == "class":
            return self.classes.get(name, ()), ()
        return ((), (target,)) if kind_of(target) == "edge" else ((target,), ())

    @cached_property
    def basis(self) -> Basis:
        """What a test of a node run now would rest on; evidence with another basis is stale."""
        where, circuit = self.provenance, self.circuit
        key = circuit.digest.hexdigest() if circuit is not None else ""
        return Basis(where.weight_hash if where else "", where.task_hash if where else "", key)

    def basis_of(self, target: str) -> Basis:
        """The same for a label's target: groups and classes may come to hold other nodes."""
        if kind_of(target) in ("group", "class"):
            return replace(self.basis, nodes=" ".join(sorted(self.parts(target)[0])))
        return self.basis

    @property
    def live_edges(self) -> BoolMatrix | None:
        """The edges of ``live`` [senders, receivers]."""
        return None if self.live is None else self.live.edges

    @cached_property
    def measured(self) -> str:
        """A key that is equal exactly where an evaluation's result is: edges and setting."""
        if self.live is None:
            return ""
        digest = self.live.digest.copy()
        where = self.provenance
        setting = where and [where.weight_hash, where.task_hash, where.metric, where.ablation]
        if where and setting and (where.ablation == "zero" or self.changed):
            setting.append(ZERO_RULE)
        digest.update(json.dumps([str(self.live.graph.shape), setting]).encode())
        if not self.live.graph.same_as(Graph.transformer(self.live.graph.shape)):  # its shape says not all
            told = [node.name for node in self.live.graph.nodes], sorted(self.ablated_nodes)
            errors = "" if where is None else where.options.get("errors", "")
            digest.update(json.dumps([told, errors]).encode())
        if changed := self.changed:
            digest.update(json.dumps(sorted((k, v.identity) for k, v in changed.items())).encode())
        return digest.hexdigest()

    @property
    def plain(self) -> str:
        """``measured`` of the same edges, with every node writing what it writes in the model."""
        return replace(self, interventions={}).measured

    @cached_property
    def hash(self) -> str:
        """SHA-256 over everything in the state."""
        digest = hashlib.sha256(self.measured.encode())
        if self.scores is not None:
            digest.update(self.scores.digest)
        if self.circuit is not None:
            digest.update(self.circuit.digest.digest())
        digest.update(
            json.dumps(
                [
                    sorted(self.ablated_nodes),
                    sorted(self.ablated_edges),
                    sorted((k, v.identity) for k, v in self.interventions.items()),
                    sorted((k, v.digest()) for k, v in self.labels.items()),
                    sorted((k, *v) for k, v in self.positions.items()),
                    sorted((k, *g.identity) for k, g in self.groups.items()),
                    self.sight.plain(),
                    *([self.aside.identity] if self.aside else []),
                    *([self.sign] if self.scores is not None and SIGN in self.scores.info else []),
                ]
            ).encode()
        )
        return digest.hexdigest()
