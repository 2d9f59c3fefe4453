"""Measure of a feature circuit under every ablation, error mode and treatment of attention patterns."""

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

    Attributes:
        ablation: What nodes outside the circuit take.
        errors: Whether reconstruction errors are ``kept`` or ``dropped``.
        faithfulness: None where the model and the ablated model do not differ.
        completeness: The same of everything but the circuit.
        model: The target in the model.
        ablated: The target with everything ablated.
        circuit: The target with the circuit alone.
        rest: The target with everything but the circuit.
        patterns: ``free``, or ``frozen``: heads attend as on the prompt itself in all of these runs.
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
    """The cells of all settings that there are ablation values for."""

    target: str
    cells: list[AblationCell] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them."""
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
    """Run everything ablated, the circuit alone, and everything but the circuit, in every setting.

    Attribution freezes patterns, so a circuit may keep the target's value with frozen patterns and lose it
    once patterns respond.

    Source: [marks2024sparse].
    """
    bench, cells = measure_input.bench, []
    changes = bench.resolve_interventions(measure_input.interventions)
    settings = list(product(bench.ablations, ERROR_MODES, PATTERN_MODES))
    target = bench.target_name
    for number, (ablation, errors, patterns) in enumerate(settings, start=1):
        evaluation = bench.evaluate(measure_input.nodes, ablation, errors, changes, patterns)
        values = (
            evaluation.faithfulness,
            evaluation.completeness,
            evaluation.model,
            evaluation.ablated,
            evaluation.circuit,
            evaluation.complement,
        )
        cells.append(AblationCell(ablation, errors, *values, patterns))
        message = f"{ablation}, errors {errors}, patterns {patterns}"
        yield Progress(number, len(settings), message, AblationTable(target, list(cells)))
    return AblationTable(target, cells)
