"""A circuit of features under every ablation: a number that holds in one setting alone is no finding."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any

from circuitviz.evaluation.measures import FEATURES, FeatureSubject, measures
from circuitviz.graph import ERRORS
from circuitviz.progress import Progress, Steps

PATTERNS = ("free", "frozen")


@dataclass(frozen=True)
class Setting:
    """Faithfulness and completeness in one setting, with the target's values behind them.

    None where the model and the ablated one do not differ. model, ablated, circuit, rest: the target in the
    model, with everything ablated, with the circuit alone, and with everything but the circuit. patterns:
    ``free``, or ``frozen`` where heads look as on the prompt itself in all of these runs.
    """

    ablation: str
    errors: str
    faithfulness: float | None
    completeness: float | None
    model: float
    ablated: float
    circuit: float
    rest: float
    patterns: str = "free"


@dataclass(frozen=True)
class Ablations:
    """Every setting that there are values for."""

    target: str
    cells: list[Setting] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The numbers as the command line prints them."""
        return {"target": self.target, "cells": [asdict(cell) for cell in self.cells]}


@measures.register(
    "ablations",
    summary="Faithfulness and completeness of features under each ablation, patterns free and frozen",
    reference="Marks et al. 2024",
    of=FEATURES,
)
def ablations(subject: FeatureSubject, options: object) -> Steps[Ablations]:
    """Three runs for each setting: everything ablated, the circuit alone, everything but the circuit.

    Attribution holds patterns, so a circuit that it finds may keep the target's value while heads look
    where they looked, and lose it once they choose anew: the two rows tell these apart.
    """
    bench, found = subject.bench, []
    changes = bench.changes(subject.changed)
    settings = list(product(bench.ablations, ERRORS, PATTERNS))
    target = bench.name
    for number, (ablation, errors, patterns) in enumerate(settings, start=1):
        one = bench.judge(subject.nodes, ablation, errors, changes, patterns)
        values = one.faithfulness, one.completeness, one.model, one.ablated, one.circuit, one.rest
        found.append(Setting(ablation, errors, *values, patterns))
        message = f"{ablation}, errors {errors}, patterns {patterns}"
        yield Progress(number, len(settings), message, Ablations(target, list(found)))
    return Ablations(target, found)
