"""EAP with integrated gradients: the gradient is averaged on the way from corrupted to clean input,
so that a saturated component is not overlooked.
"""

from __future__ import annotations

from dataclasses import dataclass

from circuitviz.discovery.averaged_gradients import GradientPoint, score_by_average_gradients
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.graph import Scores
from circuitviz.options import option
from circuitviz.progress import ProgressSteps

QUADRATURE_RULES = ("left", "midpoint", "right")


@dataclass(frozen=True)
class EapIgOptions:
    """How the path from the ablated to the clean input is walked."""

    steps: int = option(5, "points on the way from the ablated to the clean input", low=1, high=1000)
    rule: str = option(
        "left",
        "where in each interval the gradient is taken: left is the authors' code (k = 0 … m−1), "
        "right the paper (k = 1 … m), midpoint the most exact",
        choices=QUADRATURE_RULES,
    )


@methods.register(
    "eap-ig",
    summary="EAP with integrated gradients over the input: more faithful circuits",
    reference="Hanna et al. 2024",
    options=EapIgOptions,
    smooth=True,
)
def eap_integrated_gradients(setting: TaskSetting, options: EapIgOptions) -> ProgressSteps[Scores]:
    """EAP with ∂L/∂x_v averaged over ``input`` at a + (k/m)(z − a)."""
    points = [GradientPoint(share) for share in path_fractions(options.steps, options.rule)]
    return (yield from score_by_average_gradients(setting, "eap-ig", lambda batch: points))


def path_fractions(steps: int, rule: str) -> list[float]:
    """How far along the straight line from ablated (0) to clean (1) the gradient is taken."""
    shift = {"left": 0.0, "midpoint": 0.5, "right": 1.0}[rule]
    return [(step + shift) / steps for step in range(steps)]
