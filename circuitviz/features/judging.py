"""A feature circuit is judged as a circuit of heads is: everything outside it is put to something else.

Faithfulness is what of the target's value the circuit keeps, completeness what the rest without the
circuit keeps (Marks et al. 2024). Nodes outside take zero, their mean, or a corrupted prompt's value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError, suggest
from circuitviz.features.free import Check, run_changed, value_in
from circuitviz.features.frozen import Predictions, frozen_change, predicted_change
from circuitviz.features.interventions import Change, Intervention, work_out
from circuitviz.features.outside import Instead, Outside
from circuitviz.features.run import Run, run_prompt
from circuitviz.features.table import NodeTable
from circuitviz.features.targets import Target
from circuitviz.graph import ERRORS, OUTSIDE, Kind
from circuitviz.graph.opened import site_of


@dataclass(frozen=True)
class Judged:
    """A target's value: in the model, with everything ablated, with the circuit alone, without it.

    faithfulness: (circuit − ablated) / (model − ablated); completeness: the same of all but the circuit,
    near 0 where the circuit is all that matters. None where model and ablated do not differ.
    """

    model: float
    ablated: float
    circuit: float
    rest: float

    @property
    def faithfulness(self) -> float | None:
        """What the circuit alone keeps."""
        return self._share(self.circuit)

    @property
    def completeness(self) -> float | None:
        """What everything but the circuit keeps."""
        return self._share(self.rest)

    def _share(self, value: float) -> float | None:
        range_ = self.model - self.ablated
        return (value - self.ablated) / range_ if abs(range_) > 1e-9 * max(1.0, abs(self.model)) else None


@dataclass(frozen=True, slots=True)
class Response:
    """A feature's activation before and after, and what that does to the target, to first order."""

    node: str
    before: float
    after: float
    effect: float


References = Sequence[Run] | Callable[[], Sequence[Run]]


class PromptBench:
    """A target's circuits measured one after another: what a change does not touch is not run again.

    references: by ablation, the runs that its values are taken from, or what makes them when they are
    needed; ``zero`` needs none, and an ablation that is not among them cannot be used. name: what the target
    is called, if not by its node.
    """

    def __init__(
        self,
        table: NodeTable,
        target: Target,
        references: Mapping[str, References] | None = None,
        name: str = "",
    ) -> None:
        self.table, self.target, self.name = table, target, name or target.node.name
        self._references: dict[str, References] = {"zero": (), **(references or {})}
        self._instead: dict[str, Instead] = {}
        self._ablated: dict[tuple[str, str, str], float] = {}
        self._starts = {"kept": target.value}
        self._predictions: Predictions | None = None
        self._shares: dict[tuple[str, str], float] = {}

    @property
    def ablations(self) -> tuple[str, ...]:
        """Those that there are values for."""
        return tuple(name for name in OUTSIDE if name in self._references)

    def references(self, ablation: str) -> Sequence[Run]:
        """The runs that an ablation takes its values from; none where there are none."""
        found = self._references.get(ablation, ())
        if callable(found):
            found = self._references[ablation] = found()
        return found

    # circuits

    def judge(
        self,
        nodes: Collection[str],
        ablation: str = "mean",
        errors: str = "kept",
        changes: Sequence[Change] = (),
        patterns: str = "free",
    ) -> Judged:
        """A circuit by the names of its nodes; ``changes``: what some of them are instead, in the circuit.

        patterns: ``free``, or ``frozen``: in every run heads look where they look on the prompt itself, as
        attribution assumes; all else responds.
        """
        return Judged(
            self.target.value,
            self.ablated(ablation, errors, patterns),
            self.circuit(nodes, ablation, errors, changes, patterns),
            self.rest(nodes, ablation, errors, patterns),
        )

    def ablated(self, ablation: str, errors: str = "kept", patterns: str = "free") -> float:
        """The target with every node at its ablation value; run once."""
        key = (ablation, errors, patterns)
        if key not in self._ablated:
            self._ablated[key] = self.circuit((), ablation, errors, patterns=patterns)
        return self._ablated[key]

    def circuit(
        self,
        nodes: Collection[str],
        ablation: str = "mean",
        errors: str = "kept",
        changes: Sequence[Change] = (),
        patterns: str = "free",
    ) -> float:
        """The target when everything outside a circuit has its ablation value."""
        return self._value(Outside(self.table, self._rows(nodes), self.instead(ablation), _way(errors),
                                   changes=changes), patterns)  # fmt: skip

    def rest(
        self, nodes: Collection[str], ablation: str = "mean", errors: str = "kept", patterns: str = "free"
    ) -> float:
        """The target when everything inside a circuit has its ablation value."""
        outside = Outside(self.table, self._rows(nodes), self.instead(ablation), _way(errors), without=True)
        return self._value(outside, patterns)

    def instead(self, ablation: str) -> Instead:
        """The values of an ablation, made once; InputError where there are none."""
        if ablation not in self._instead:
            self._instead[ablation] = Instead(self.table, ablation, self.references(ablation))
        return self._instead[ablation]

    # changes

    def changes(self, interventions: Sequence[Intervention]) -> list[Change]:
        """Interventions worked out; each takes its values from its own action's references."""
        found, seen = [], set()
        for one in interventions:
            if one.node in seen:
                raise InputError(f"'{one.node}' is changed twice; one action a node would be right.")
            seen.add(one.node)
            if one.action in ("mean", "corrupted"):
                instead = self.instead(one.action)
                (change,) = work_out(self.table, [Intervention(one.node)])
                node = change.node
                if node.kind is Kind.FEATURE:
                    dictionary = self.table.dictionaries[site_of(node)]
                    values = instead.features(dictionary, dictionary.encode(self.table.run.read(dictionary)))
                    one = Intervention(one.node, "set", float(values[node.position, node.feature]))
            found += work_out(self.table, [one], self.references(one.action))
        return found

    def start(self, errors: str = "kept") -> float:
        """What changes are measured from: the target in the model, or in the one without errors."""
        if _way(errors) not in self._starts:
            self._starts[errors] = value_in(run_changed(self.table, (), errors), self.table, self.target)
        return self._starts[errors]

    def check(self, interventions: Sequence[Intervention], errors: str = "kept") -> Check:
        """Predicted and measured change of the target, all nodes changed at once."""
        changes, start = self.changes(interventions), self.start(errors)
        return Check(
            self.target.node.name,
            tuple(interventions),
            start,
            predicted_change(self.table, self.target, changes),
            frozen_change(self.table, self.target, changes),
            self.free(changes, errors) - start,
        )

    def free(self, changes: Sequence[Change], errors: str = "kept") -> float:
        """The target in the real model with changes, everything free to respond."""
        return value_in(self.run(changes, errors), self.table, self.target)

    def run(self, changes: Sequence[Change], errors: str = "kept") -> Run:
        """The prompt in the real model with changes; without any and with errors kept, the run there is."""
        if not changes and _way(errors) == "kept":
            return self.table.run
        return run_changed(self.table, changes, errors)

    def responses(self, run: Run, nodes: Collection[str]) -> list[Response]:
        """How features among some nodes respond in another run of the prompt, what matters most first."""
        found, values = [], dict[str, Tensor]()
        effects = self.predictions.effects
        for name in nodes:
            row = self.table.index(name)
            node = self.table.node(row)
            if node.kind is not Kind.FEATURE:
                continue
            site = site_of(node)
            if site not in values:
                one = self.table.dictionaries[site]
                values[site] = one.encode(run.read(one))
            before = float(self.table.activation[row])
            after = float(values[site][node.position, node.feature])
            found.append(Response(name, before, after, float(effects[row]) / before * (after - before)))
        return sorted(found, key=lambda one: -abs(one.effect))

    @property
    def predictions(self) -> Predictions:
        """What one change alone is predicted to do, for any node from one sweep."""
        if self._predictions is None:
            self._predictions = Predictions.of(self.table, self.target)
        return self._predictions

    def shares(self, nodes: Collection[str], ablation: str) -> dict[str, float]:
        """How much of its effect on the target each node has left at its ablation value, to first order."""
        for name in nodes:
            if (name, ablation) not in self._shares:
                (out,), (gone,) = (self.changes([Intervention(name, how)]) for how in (ablation, "zero"))
                whole = self.predictions.alone(gone)
                left = 1 - self.predictions.alone(out) / whole if whole else 0.0
                self._shares[name, ablation] = left
        return self.known_shares(nodes, ablation)

    def known_shares(self, nodes: Collection[str], ablation: str) -> dict[str, float]:
        """The same, where they were worked out before; else none."""
        known = {name: self._shares.get((name, ablation)) for name in nodes}
        return {} if None in known.values() else {n: s for n, s in known.items() if s is not None}

    def _rows(self, nodes: Collection[str]) -> NDArray[np.bool_]:
        inside = np.zeros(len(self.table), dtype=bool)
        inside[[self.table.index(name) for name in nodes if name != self.target.node.name]] = True
        return inside

    def _value(self, outside: Outside, patterns: str) -> float:
        run, hooks = self.table.run, outside.hooks()
        if patterns == "frozen":
            hooks |= {f"blocks.{i}.attn.hook_pattern": partial(_held, p) for i, p in enumerate(run.pattern)}
        return value_in(run_prompt(run.model, run.tokens, hooks), self.table, self.target)


def _held(own: Tensor, pattern: Tensor) -> Tensor:
    return own[None].to(pattern)


def judge(
    table: NodeTable,
    target: Target,
    nodes: Collection[str],
    ablation: str = "mean",
    references: Sequence[Run] = (),
    errors: str = "kept",
) -> Judged:
    """Measure a circuit, by the names of its nodes, in the real model.

    errors: ``kept``, then reconstruction errors stay; ``dropped``, then they are put to zero in all runs
    but the model's own. InputError on a name that is no node, and on references that do not fit.
    """
    bench = PromptBench(table, target, {ablation: references})
    return bench.judge(nodes, ablation, errors)


def _way(errors: str) -> str:
    if errors not in ERRORS:
        there = f"There is no way with errors '{errors}'; there is {', '.join(ERRORS)}."
        raise InputError(there + suggest(errors, ERRORS))
    return errors
