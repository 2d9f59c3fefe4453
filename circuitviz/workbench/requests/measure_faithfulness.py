"""Faithfulness of what is on the screen: a few prompts first, then all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz.graph import Circuit, Interventions
from circuitviz.progress import ProgressRunner
from circuitviz.workbench.requests.messages import ProgressReported, Reply, Request
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.task_experiment import QUICK_PROMPTS

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class FaithfulnessMeasured(Reply):
    """Numbers of a circuit under its state's key; ``tier`` is ``small`` or ``exact``.

    remaining_fractions: of features, how much of its effect each node has under the ablation: what estimates
        start from.
    """

    key: str
    tier: str
    evaluation: dict[str, Any]
    remaining_fractions: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether it is of the whole task, not of a few prompts."""
        return self.tier == "exact"


@dataclass(frozen=True)
class MeasureFaithfulness(Request):
    """Measure a circuit. The latest wins."""

    title = "Could not measure faithfulness"
    priority = Priority.MEASURE_FAITHFULNESS

    circuit: Circuit
    key: str
    interventions: Interventions = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)  # of the method that found it
    requirements: tuple[object, ...] = ()  # Origin.requirements

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """The quick exact value, then the exact value over the whole task; nothing of another task."""
        if not engine.can_measure(self.requirements, self.circuit.graph):
            return
        experiment = engine.require_experiment()
        for tier in ("small", "exact"):
            if tier == "small" and len(experiment.task) <= QUICK_PROMPTS:
                continue
            bench = experiment.bench(
                self.circuit.graph,
                self.options,
                is_quick=tier == "small",
                allow_interventions=bool(self.interventions),
            )
            steps = ProgressRunner(bench.evaluate(self.circuit, self.interventions))
            for step in steps:
                yield ProgressReported("Measuring faithfulness", step.fraction, step.message)
            yield FaithfulnessMeasured(self.key, tier, steps.result.as_dict())
