"""How many of a circuit's features it takes: faithfulness against the number of nodes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from circuitviz.evaluation.measures import FEATURES, FeatureSubject, measures
from circuitviz.progress import Progress, Steps

STEPS = (1, 2, 3, 5, 7)  # and each times 10, 100, …


@dataclass(frozen=True)
class SizePoint:
    """The strongest ``nodes`` nodes alone, and all but them; None where that is undefined."""

    nodes: int
    last: str
    faithfulness: float | None
    completeness: float | None


@dataclass(frozen=True)
class Sizes:
    """Points so far, the smallest circuit first."""

    target: str
    ablation: str
    errors: str
    points: list[SizePoint] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The numbers as the command line prints them."""
        return asdict(self)


@measures.register(
    "sizes",
    summary="Faithfulness and completeness of the circuit's strongest nodes, more and more of them",
    reference="Marks et al. 2024",
    of=FEATURES,
)
def sizes(subject: FeatureSubject, options: object) -> Steps[Sizes]:
    """Nodes in the order of their |effect| on the target through all paths, as attribution predicts it."""
    bench = subject.bench
    effects = bench.predictions.effects.abs()
    order = sorted(subject.nodes, key=lambda name: -float(effects[bench.table.index(name)]))
    found = Sizes(bench.name, subject.ablation, subject.errors)
    numbers = sizes_up_to(len(order))
    for step, number in enumerate(numbers, start=1):
        kept = order[:number]
        changed = bench.changes([one for one in subject.changed if one.node in kept])
        one = bench.judge(kept, subject.ablation, subject.errors, changed)
        point = SizePoint(number, kept[-1], one.faithfulness, one.completeness)
        found = Sizes(found.target, found.ablation, found.errors, [*found.points, point])
        yield Progress(step, len(numbers), f"{number} nodes", found)
    return found


def sizes_up_to(most: int) -> list[int]:
    """1, 2, 3, 5, 7, 10, 20, … and the whole.

    >>> sizes_up_to(12)
    [1, 2, 3, 5, 7, 10, 12]
    """
    steps = (step * 10**power for power in range(len(str(most))) for step in STEPS)
    return [*(size for size in steps if size < most), *([most] if most else [])]
