"""A circuit of features under every ablation: a number that holds in one setting alone is no finding."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any

from circuitviz.evaluation.registry import FEATURE_CIRCUITS, FeatureMeasureInput, measures
from circuitviz.graph import ERROR_MODES
from circuitviz.progress import Progress, ProgressSteps

PATTERN_MODES = ("free", "frozen")


@dataclass(frozen=True)
class AblationCell:
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
class AblationTable:
    """Every setting that there are values for."""

    target: str
    cells: list[AblationCell] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The numbers as the command line prints them."""
        return {"target": self.target, "cells": [asdict(cell) for cell in self.cells]}


@measures.register(
    "ablations",
    summary="Faithfulness and completeness of features under each ablation, patterns free and frozen",
    reference="Marks et al. 2024",
    of=FEATURE_CIRCUITS,
)
def measure_ablation_settings(
    measure_input: FeatureMeasureInput, options: object
) -> ProgressSteps[AblationTable]:
    """Three runs for each setting: everything ablated, the circuit alone, everything but the circuit.

    Attribution holds patterns, so a circuit that it finds may keep the target's value while heads look
    where they looked, and lose it once they choose anew: the two rows tell these apart.
    """
    bench, found = measure_input.bench, []
    changes = bench.resolve_interventions(measure_input.interventions)
    settings = list(product(bench.ablations, ERROR_MODES, PATTERN_MODES))
    target = bench.target_name
    for number, (ablation, errors, patterns) in enumerate(settings, start=1):
        one = bench.evaluate(measure_input.nodes, ablation, errors, changes, patterns)
        values = one.faithfulness, one.completeness, one.model, one.ablated, one.circuit, one.complement
        found.append(AblationCell(ablation, errors, *values, patterns))
        message = f"{ablation}, errors {errors}, patterns {patterns}"
        yield Progress(number, len(settings), message, AblationTable(target, list(found)))
    return AblationTable(target, found)
