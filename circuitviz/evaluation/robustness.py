"""Robustness: faithfulness of one circuit under every ablation and metric."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from circuitviz.discovery import make_setting
from circuitviz.discovery.optimal_ablation import has_constants
from circuitviz.errors import InputError
from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.evaluation.registry import MeasureInput, MeasureRuns, measures
from circuitviz.graph import Circuit, Interval
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.metrics import metrics
from circuitviz.models.constant_ablations import ABLATIONS, OPTIMAL_ABLATION
from circuitviz.options import NoOptions
from circuitviz.progress import Progress, ProgressSteps

PATCHED_UNITS = ("edges", "nodes")


@dataclass(frozen=True)
class RobustnessCell:
    """Faithfulness in one setting.

    Attributes:
        ablation: What replaces what is outside.
        metric: The metric.
        patched: ``edges``, or ``nodes``: whole nodes outside are ablated.
        faithfulness: The faithfulness.
        inapplicable_reason: Why the setting does not suit the task; empty where it does.
    """

    ablation: str
    metric: str
    patched: str
    faithfulness: Interval
    inapplicable_reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the cell as files and the command line hold it."""
        numbers = asdict(self.faithfulness)
        return {"ablation": self.ablation, "metric": self.metric, "patched": self.patched, **numbers} | (
            {"why": self.inapplicable_reason} if self.inapplicable_reason else {}
        )


@dataclass(frozen=True)
class Robustness:
    """The cells of the table, one for each setting."""

    cells: list[RobustnessCell] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them."""
        return {"cells": [cell.as_dict() for cell in self.cells]}


@measures.register(
    "robustness",
    summary="Faithfulness under every ablation and metric, with edges and with whole nodes patched",
    reference="Miller et al. 2024",
    options=NoOptions,
    opened=True,
    count_runs=lambda measure_input, _options: _count_runs(measure_input),
    card_prompts=16,
)
def measure_robustness(measure_input: MeasureInput, options: NoOptions) -> ProgressSteps[Robustness]:
    """Measure the circuit under every ablation and metric, with edges and with whole nodes patched.

    With ``nodes`` every edge out of a circuit's node is kept, and only nodes outside are ablated. A circuit
    with sites shown in features is evaluated by its nodes only.

    Source: [miller2024transformer].
    """
    bench_setting = measure_input.bench.setting
    graph = measure_input.circuit.graph
    rows_in_circuit = [
        row for row, name in enumerate(graph.senders) if name in set(measure_input.circuit.node_names)
    ]
    edges_of_nodes = Circuit.empty(graph).edges
    edges_of_nodes[rows_in_circuit] = graph.mask[rows_in_circuit]
    circuits = {"edges": measure_input.circuit, "nodes": Circuit(graph, edges_of_nodes)}
    units = PATCHED_UNITS[1:] if feature_sites(graph) else PATCHED_UNITS
    n_cells, cells = len(ABLATIONS) * len(metrics.names()) * len(units), []
    for ablation in ABLATIONS:
        for metric in metrics.names():
            try:
                bench: FaithfulnessBench | None = measure_input.bench.with_setting(
                    make_setting(bench_setting.model, bench_setting.task, metric, ablation)
                )
            except InputError as error:
                bench, reason = None, str(error)
            for unit in units:
                if bench is None:
                    cells.append(RobustnessCell(ablation, metric, unit, Interval(None), reason))
                else:
                    evaluation = yield from bench.evaluate(circuits[unit])
                    cells.append(RobustnessCell(ablation, metric, unit, evaluation.faithfulness))
                message = f"{metric}, {ablation}, {unit}"
                yield Progress(len(cells), n_cells, message, Robustness(list(cells)))
    return Robustness(cells)


def _count_runs(measure_input: MeasureInput) -> MeasureRuns:
    """Every cell evaluates two circuits; constants are learned where no setting has needed them yet."""
    setting = measure_input.bench.setting
    is_learned = setting.ablation == OPTIMAL_ABLATION or has_constants(setting.model, setting.task)
    return MeasureRuns(4 * len(ABLATIONS) * len(metrics.names()), learnings=0 if is_learned else 1)
