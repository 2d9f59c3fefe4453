"""A circuit of features under every ablation: a number that holds in one setting alone is no finding."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from circuitviz.evaluation.measures import FEATURES, FeatureSubject, measures
from circuitviz.graph import ERRORS
from circuitviz.progress import Progress, Steps


@dataclass(frozen=True)
class Setting:
    """Faithfulness and completeness in one setting, with the target's values behind them.

    None where the model and the ablated one do not differ. model, ablated, circuit, rest: the target in the
    model, with everything ablated, with the circuit alone, and with everything but the circuit.
    """

    ablation: str
    errors: str
    faithfulness: float | None
    completeness: float | None
    model: float
    ablated: float
    circuit: float
    rest: float


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
    summary="Faithfulness and completeness of features under each ablation, errors kept and dropped",
    reference="Marks et al. 2024",
    of=FEATURES,
)
def ablations(subject: FeatureSubject, options: object) -> Steps[Ablations]:
    """Three runs for each setting: everything ablated, the circuit alone, everything but the circuit."""
    bench, found = subject.bench, []
    changes = bench.changes(subject.changed)
    settings = [(ablation, errors) for ablation in bench.ablations for errors in ERRORS]
    target = bench.name
    for number, (ablation, errors) in enumerate(settings, start=1):
        one = bench.judge(subject.nodes, ablation, errors, changes)
        shares = one.faithfulness, one.completeness
        found.append(Setting(ablation, errors, *shares, one.model, one.ablated, one.circuit, one.rest))
        message = f"{ablation}, errors {errors}"
        yield Progress(number, len(settings), message, Ablations(target, list(found)))
    return Ablations(target, found)
