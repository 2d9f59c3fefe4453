"""Faithfulness of a feature circuit against the number of its nodes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from circuitviz.evaluation.registry import FEATURE_CIRCUITS, FeatureMeasureInput, measures
from circuitviz.progress import Progress, ProgressSteps

SIZE_STEPS = (1, 2, 3, 5, 7)  # and each times 10, 100, …


@dataclass(frozen=True)
class SizePoint:
    """Faithfulness and completeness of the strongest ``nodes`` nodes; None where they are undefined."""

    nodes: int
    last: str
    faithfulness: float | None
    completeness: float | None


@dataclass(frozen=True)
class SizeCurve:
    """The points so far, the smallest circuit first."""

    target: str
    ablation: str
    errors: str
    points: list[SizePoint] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them."""
        return asdict(self)


@measures.register(
    "sizes",
    summary="Faithfulness and completeness of the circuit's strongest nodes, more and more of them",
    reference="Marks et al. 2024",
    of=FEATURE_CIRCUITS,
)
def measure_sizes(measure_input: FeatureMeasureInput, options: object) -> ProgressSteps[SizeCurve]:
    """Measure growing circuits, nodes in the order of their |effect| on the target through all paths.

    Source: [marks2024sparse].
    """
    bench = measure_input.bench
    effects = bench.predictions.effects.abs()
    order = sorted(measure_input.nodes, key=lambda name: -float(effects[bench.table.index(name)]))
    curve = SizeCurve(bench.target_name, measure_input.ablation, measure_input.errors)
    sizes = circuit_sizes_up_to(len(order))
    for step, size in enumerate(sizes, start=1):
        strongest = order[:size]
        changes = bench.resolve_interventions(
            {
                name: intervention
                for name, intervention in measure_input.interventions.items()
                if name in strongest
            }
        )
        evaluation = bench.evaluate(strongest, measure_input.ablation, measure_input.errors, changes)
        point = SizePoint(size, strongest[-1], evaluation.faithfulness, evaluation.completeness)
        curve = SizeCurve(curve.target, curve.ablation, curve.errors, [*curve.points, point])
        yield Progress(step, len(sizes), f"{size} nodes", curve)
    return curve


def circuit_sizes_up_to(n_nodes: int) -> list[int]:
    """Return 1, 2, 3, 5, 7, 10, 20, … up to the whole circuit.

    >>> circuit_sizes_up_to(12)
    [1, 2, 3, 5, 7, 10, 12]
    """
    steps = (step * 10**power for power in range(len(str(n_nodes))) for step in SIZE_STEPS)
    return [*(size for size in steps if size < n_nodes), *([n_nodes] if n_nodes else [])]
