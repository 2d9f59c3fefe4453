"""What an ablation changed: the prompts it moved, and the heads that stepped in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz import evaluation
from circuitviz.graph import Circuit, Interventions
from circuitviz.workbench.requests.messages import Reply, Request, report_progress
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class ChangeExplained(Reply):
    """``evaluation.ChangeReport`` as a dict, under the key of the state that it speaks of."""

    key: str
    changes: dict[str, Any]


@dataclass(frozen=True)
class ExplainChange(Request):
    """Compare a circuit as it was found with what was made of it."""

    title = "Could not compare before and after the ablation"
    priority = Priority.COMPUTE_MEASURE

    key: str
    circuit_before: Circuit
    circuit_after: Circuit
    interventions: Interventions
    options: Mapping[str, Any] = field(default_factory=dict)  # of the method that found it
    requirements: tuple[object, ...] = ()  # Origin.requirements

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One comparison, over the whole task; nothing where another is open."""
        if not engine.can_measure(self.requirements, self.circuit_before.graph):
            return
        experiment = engine.require_experiment()
        bench = experiment.bench(
            self.circuit_before.graph, self.options, allow_interventions=bool(self.interventions)
        )
        steps = evaluation.explain_change_steps(
            bench,
            evaluation.IntervenedCircuit(self.circuit_before),
            evaluation.IntervenedCircuit(self.circuit_after, self.interventions),
        )
        found = yield from report_progress("Comparing before and after the ablation", steps)
        yield ChangeExplained(self.key, found.as_dict())
