"""Comparison of the effects of nodes that attribution predicts with effects measured in the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from circuitviz.errors import InputError
from circuitviz.evaluation.registry import FEATURE_CIRCUITS, FeatureMeasureInput, measures
from circuitviz.features import INTERVENTION_ACTIONS, frozen_change
from circuitviz.graph import ERROR_MODES, Intervention
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps

RESPONSE_MODES = ("free", "frozen")


@dataclass(frozen=True)
class PredictedOptions:
    """What is done to each node, and how the model may respond."""

    action: str = option("zero", "what each node is put to, alone", choices=INTERVENTION_ACTIONS)
    value: float = option(0.0, "the factor of scale, the activation of set")
    response: str = option(
        "free", "free: the real model; frozen: patterns, scales held", choices=RESPONSE_MODES
    )
    errors: str = option("kept", "reconstruction errors of the free runs", choices=ERROR_MODES)
    nodes: str = option("circuit", "circuit; selection: those selected in the window; or names with commas")


@dataclass(frozen=True)
class PredictionPoint:
    """A node, and the change of the target that changing it alone makes: predicted and measured."""

    node: str
    predicted: float
    measured: float


@dataclass(frozen=True)
class PredictionCheck:
    """The points so far."""

    target: str
    action: str
    response: str
    points: list[PredictionPoint] = field(default_factory=list)

    @property
    def correlation(self) -> float | None:
        """Pearson's correlation; None below three points or where a side does not vary."""
        if len(self.points) < 3:
            return None
        x, y = (np.array([getattr(p, k) for p in self.points]) for k in ("predicted", "measured"))
        if not x.std() or not y.std():
            return None
        return float(np.corrcoef(x, y)[0, 1])

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them."""
        return {
            "target": self.target,
            "action": self.action,
            "response": self.response,
            "r": self.correlation,
            "points": [asdict(point) for point in self.points],
        }


def find_changeable_nodes(subject: FeatureMeasureInput, options: PredictedOptions) -> list[str]:
    """Return the nodes that the options name, without those that cannot be changed; InputError on none."""
    node_option = options.nodes
    table = subject.bench.table
    if node_option == "circuit":
        names = list(subject.nodes)
    elif node_option == "selection":
        names = list(subject.selection)
    else:
        names = [name.strip() for name in node_option.split(",") if name.strip()]
    target_name = subject.bench.target.node.name
    changeable = [n for n in names if n != target_name and not table.node(table.index(n)).kind.is_fixed]
    if not changeable:
        raise InputError(
            f"There is no node to change among {node_option!r}; select features, heads, errors or tokens of "
            "the circuit, or ask for all of them with 'circuit'."
        )
    return changeable


@measures.register(
    "predicted",
    summary="The change of the target that each node alone makes: predicted by attribution, and measured",
    reference="Ameisen et al. 2025",
    options=PredictedOptions,
    of=FEATURE_CIRCUITS,
    check=find_changeable_nodes,
)
def measure_predictions(
    measure_input: FeatureMeasureInput, options: PredictedOptions
) -> ProgressSteps[PredictionCheck]:
    """Predict the effect of changing each node from one sweep, then run the model once for each node.

    Source: [ameisen2025circuit].
    """
    bench, target = measure_input.bench, measure_input.bench.target
    names, points = find_changeable_nodes(measure_input, options), []
    intervention = Intervention(options.action, options.value)
    yield Progress(0, len(names), "predicting")
    for number, name in enumerate(names, start=1):
        (change,) = bench.resolve_interventions({name: intervention})
        if options.response == "frozen":
            measured = frozen_change(bench.table, target, [change])
        else:
            measured = bench.changed_value([change], options.errors) - bench.baseline_value(options.errors)
        points.append(PredictionPoint(name, bench.predictions.effect_of(change), measured))
        so_far = PredictionCheck(bench.target_name, options.action, options.response, list(points))
        yield Progress(number, len(names), name, so_far)
    return PredictionCheck(bench.target_name, options.action, options.response, points)
