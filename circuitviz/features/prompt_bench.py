"""Evaluation of feature circuits on one prompt, with ablation values for everything outside.

Faithfulness is the share of the target's value that remains with the circuit alone, completeness the share
that remains without it. Source: [marks2024sparse].
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.features.ablate_outside import OutsideAblation, PromptAblationValues
from circuitviz.features.frozen_effects import EffectPredictions, frozen_change, predicted_change
from circuitviz.features.intervene import InterventionCheck, run_with_changes, target_value_in
from circuitviz.features.node_changes import NodeChange, resolve_interventions
from circuitviz.features.node_rows import NodeTable
from circuitviz.features.prompt_run import PromptRun, run_prompt
from circuitviz.features.targets import Target
from circuitviz.graph import (
    ERROR_MODES,
    OUTSIDE_VALUES,
    FeatureResponse,
    Intervention,
    Interventions,
)
from circuitviz.graph.feature_sites import site_of


@dataclass(frozen=True)
class PromptCircuitValues:
    """A target's value in four runs.

    Attributes:
        model: In the model.
        ablated: With every node ablated.
        circuit: With all but the circuit ablated.
        complement: With the circuit ablated.
    """

    model: float
    ablated: float
    circuit: float
    complement: float

    @property
    def faithfulness(self) -> float | None:
        """(circuit − ablated) / (model − ablated); None where these do not differ."""
        return self._share_of_span(self.circuit)

    @property
    def completeness(self) -> float | None:
        """The same for the complement, near 0 where the circuit is all that matters."""
        return self._share_of_span(self.complement)

    def _share_of_span(self, value: float) -> float | None:
        span = self.model - self.ablated
        return (value - self.ablated) / span if abs(span) > 1e-9 * max(1.0, abs(self.model)) else None


AblationReferences = Sequence[PromptRun] | Callable[[], Sequence[PromptRun]]


class PromptBench:
    """Evaluates circuits of one target, with runs cached that several circuits share.

    Args:
        table: The nodes of the prompt.
        target: What the circuits explain.
        references: By ablation, the runs that its values are taken from, or a function that makes them when
            they are needed. ``zero`` needs none; an ablation that is not among them cannot be used.
        target_name: Name of the target, if not that of its node.
    """

    def __init__(
        self,
        table: NodeTable,
        target: Target,
        references: Mapping[str, AblationReferences] | None = None,
        target_name: str = "",
    ) -> None:
        self.table, self.target, self.target_name = table, target, target_name or target.node.name
        self._references_by_ablation: dict[str, AblationReferences] = {"zero": (), **(references or {})}
        self._ablation_values: dict[str, PromptAblationValues] = {}
        self._ablated_values: dict[tuple[str, str, str], float] = {}
        self._baseline_values = {"kept": target.value}
        self._predictions: EffectPredictions | None = None
        self._remaining_shares: dict[tuple[str, str], float] = {}

    @property
    def ablations(self) -> tuple[str, ...]:
        """The ablations that there are values for."""
        return tuple(name for name in OUTSIDE_VALUES if name in self._references_by_ablation)

    def reference_runs(self, ablation: str) -> Sequence[PromptRun]:
        """Return the runs that an ablation takes its values from; none where there are none."""
        runs = self._references_by_ablation.get(ablation, ())
        if callable(runs):
            runs = self._references_by_ablation[ablation] = runs()
        return runs

    def evaluate(
        self,
        nodes: Collection[str],
        ablation: str = "mean",
        errors: str = "kept",
        changes: Sequence[NodeChange] = (),
        patterns: str = "free",
    ) -> PromptCircuitValues:
        """Measure a circuit.

        Args:
            nodes: Names of its nodes.
            ablation: What everything outside takes.
            errors: Whether reconstruction errors are ``kept`` or ``dropped``.
            changes: What some of its nodes are instead, in the circuit.
            patterns: ``free``, or ``frozen``: in every run heads attend as on the prompt itself, as
                attribution assumes; all else responds.
        """
        return PromptCircuitValues(
            self.target.value,
            self.ablated_value(ablation, errors, patterns),
            self.circuit_value(nodes, ablation, errors, changes, patterns),
            self.circuit_value(nodes, ablation, errors, patterns=patterns, is_complement=True),
        )

    def ablated_value(self, ablation: str, errors: str = "kept", patterns: str = "free") -> float:
        """Return the target with every node at its ablation value; run once."""
        key = (ablation, errors, patterns)
        if key not in self._ablated_values:
            self._ablated_values[key] = self.circuit_value((), ablation, errors, patterns=patterns)
        return self._ablated_values[key]

    def circuit_value(
        self,
        nodes: Collection[str],
        ablation: str = "mean",
        errors: str = "kept",
        changes: Sequence[NodeChange] = (),
        patterns: str = "free",
        is_complement: bool = False,
    ) -> float:
        """Return the target when everything outside a circuit has its ablation value.

        With ``is_complement`` everything inside has. The other arguments are those of ``evaluate``.
        """
        values, mask = self.ablation_values(ablation), self._inside_mask(nodes)
        _check_error_mode(errors)
        run = self.table.run
        hooks = OutsideAblation(self.table, mask, values, errors, is_complement, changes).hooks()
        if patterns == "frozen":
            hooks |= {
                f"blocks.{i}.attn.hook_pattern": partial(_frozen_pattern, p)
                for i, p in enumerate(run.pattern)
            }
        return target_value_in(run_prompt(run.model, run.token_ids, hooks), self.table, self.target)

    def ablation_values(self, ablation: str) -> PromptAblationValues:
        """Return the values of an ablation, made once.

        Raises:
            InputError: There are none.
        """
        if ablation not in self._ablation_values:
            self._ablation_values[ablation] = PromptAblationValues(
                self.table, ablation, self.reference_runs(ablation)
            )
        return self._ablation_values[ablation]

    def resolve_interventions(self, interventions: Interventions) -> list[NodeChange]:
        """Resolve interventions, each with the values of its own action's references."""
        changes = []
        for name, intervention in interventions.items():
            action = intervention.value
            if action in ("mean", "corrupted"):
                ablated = self.ablation_values(action)
                (change,) = resolve_interventions(self.table, {name: Intervention("zero")})
                node = change.node
                if node.kind.has_activation:
                    own = self.table.activations_in(self.table.run, site_of(node))
                    values = ablated.activations(site_of(node), own)
                    intervention = Intervention("set", float(values[node.position, node.feature]))
            changes += resolve_interventions(self.table, {name: intervention}, self.reference_runs(action))
        return changes

    def baseline_value(self, errors: str = "kept") -> float:
        """Return the target without changes: in the model, or with errors dropped."""
        _check_error_mode(errors)
        if errors not in self._baseline_values:
            self._baseline_values[errors] = target_value_in(
                run_with_changes(self.table, (), errors), self.table, self.target
            )
        return self._baseline_values[errors]

    def check_interventions(self, interventions: Interventions, errors: str = "kept") -> InterventionCheck:
        """Return the predicted and the measured change of the target, all nodes changed at once."""
        changes, baseline = self.resolve_interventions(interventions), self.baseline_value(errors)
        return InterventionCheck(
            self.target.node.name,
            interventions,
            baseline,
            predicted_change(self.table, self.target, changes),
            frozen_change(self.table, self.target, changes),
            self.changed_value(changes, errors) - baseline,
        )

    def changed_value(self, changes: Sequence[NodeChange], errors: str = "kept") -> float:
        """Return the target in the real model with changes, everything free to respond."""
        return target_value_in(self.run_with_changes(changes, errors), self.table, self.target)

    def run_with_changes(self, changes: Sequence[NodeChange], errors: str = "kept") -> PromptRun:
        """Run the prompt in the real model with changes; without any, return the run there is."""
        _check_error_mode(errors)
        if not changes and errors == "kept":
            return self.table.run
        return run_with_changes(self.table, changes, errors)

    def feature_responses(self, run: PromptRun, nodes: Collection[str]) -> list[FeatureResponse]:
        """Return how features and neurons of some nodes respond in another run, the largest effect first."""
        rows_of_site: dict[str, list[int]] = {}
        for row in (self.table.index(name) for name in nodes):
            node = self.table.node(row)
            if node.kind.has_activation:
                rows_of_site.setdefault(site_of(node), []).append(row)
        if not rows_of_site:
            return []
        index = self.table.item_index.new_tensor([row for rows in rows_of_site.values() for row in rows])
        values, start = [], 0
        for site, rows in rows_of_site.items():
            activations = self.table.activations_in(run, site)
            here, start = index[start : start + len(rows)], start + len(rows)
            values.append(activations[self.table.position_index[here], self.table.item_index[here]])
        # all numbers are fetched in one copy
        numbers = torch.stack(
            [index.double(), torch.cat(values).double(), self.predictions.effects[index].double()]
        )
        after_and_effect = {int(row): pair for row, *pair in numbers.T.tolist()}
        responses = []
        for row in (self.table.index(name) for name in nodes):
            if row not in after_and_effect:
                continue
            name, before = self.table.node(row).name, float(self.table.activation_on_host[row])
            after, effect = after_and_effect[row]
            responses.append(FeatureResponse(name, before, after, effect / before * (after - before)))
        return sorted(responses, key=lambda response: -abs(response.effect))

    @property
    def predictions(self) -> EffectPredictions:
        """Predicted effects of changing one node at a time, from one sweep."""
        if self._predictions is None:
            self._predictions = EffectPredictions.for_target(self.table, self.target)
        return self._predictions

    def remaining_shares(self, nodes: Collection[str], ablation: str) -> dict[str, float]:
        """Return the share of its effect that each node has left at its ablation value, to first order."""
        missing = [name for name in nodes if (name, ablation) not in self._remaining_shares]
        ablated, zeroed = (
            [self.resolve_interventions({name: Intervention(action)})[0] for name in missing]
            for action in (ablation, "zero")
        )
        effects = self.predictions.effects_of([*ablated, *zeroed])
        for name, effect, full_effect in zip(
            missing, effects[: len(missing)], effects[len(missing) :], strict=True
        ):
            self._remaining_shares[name, ablation] = 1 - effect / full_effect if full_effect else 0.0
        return self.cached_remaining_shares(nodes, ablation)

    def cached_remaining_shares(self, nodes: Collection[str], ablation: str) -> dict[str, float]:
        """Return the same where they were computed before, else an empty dictionary."""
        shares = {name: self._remaining_shares.get((name, ablation)) for name in nodes}
        return {} if None in shares.values() else {n: s for n, s in shares.items() if s is not None}

    def _inside_mask(self, nodes: Collection[str]) -> NDArray[np.bool_]:
        inside = np.zeros(len(self.table), dtype=bool)
        inside[[self.table.index(name) for name in nodes if name != self.target.node.name]] = True
        return inside


def _frozen_pattern(free_pattern: Tensor, pattern: Tensor) -> Tensor:
    return free_pattern[None].to(pattern)


def evaluate_prompt_circuit(
    table: NodeTable,
    target: Target,
    nodes: Collection[str],
    ablation: str = "mean",
    references: Sequence[PromptRun] = (),
    errors: str = "kept",
) -> PromptCircuitValues:
    """Evaluate a circuit in the real model.

    Args:
        table: The nodes of the prompt.
        target: The target.
        nodes: Names of the circuit's nodes.
        ablation: What nodes outside take.
        references: Runs that the ablation takes its values from.
        errors: ``kept``, or ``dropped`` for errors of zero in all runs but the model's own.

    Raises:
        InputError: A name is no node, or the references do not suit the ablation.
    """
    bench = PromptBench(table, target, {ablation: references})
    return bench.evaluate(nodes, ablation, errors)


def _check_error_mode(errors: str) -> None:
    if errors not in ERROR_MODES:
        message = f"There is no way with errors '{errors}'; there is {', '.join(ERROR_MODES)}."
        raise InputError(message + suggest_name(errors, ERROR_MODES))
