"""EAP with integrated gradients over the input [hanna2024faithfulness].

The gradient is averaged on the line from the corrupted to the clean input, so that saturated components are
not missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from circuitviz.discovery.averaged_gradients import GradientPoint, TaskBatch, score_by_average_gradients
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import count_gradient_passes
from circuitviz.graph import Scores
from circuitviz.options import option
from circuitviz.progress import ProgressSteps

QUADRATURE_RULES = ("left", "midpoint", "right")


@dataclass(frozen=True)
class EapIgOptions:
    """The points on the line from the ablated to the clean input."""

    steps: int = option(5, "points on the line from the ablated to the clean input", low=1, high=1000)
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
    use="The usual choice: the most faithful circuits for their time",
    options=EapIgOptions,
    smooth=True,
    at_clean=lambda options: path_fractions(options.steps, options.rule) == [1.0],
    count_passes=lambda setting, options: count_gradient_passes(setting, 2, options.steps),
    points=lambda options: partial(_input_points, options),
)
def eap_integrated_gradients(setting: TaskSetting, options: EapIgOptions) -> ProgressSteps[Scores]:
    """EAP with ∂L/∂x_v averaged over runs whose ``input`` is a + (k/m)(z − a).

    Source: [hanna2024faithfulness].
    """
    return (yield from score_by_average_gradients(setting, "eap-ig", partial(_input_points, options)))


def _input_points(options: EapIgOptions, batch: TaskBatch) -> list[GradientPoint]:
    return [GradientPoint(share) for share in path_fractions(options.steps, options.rule)]


def path_fractions(steps: int, rule: str) -> list[float]:
    """The points on the straight line from ablated (0) to clean (1) at which the gradient is taken.

    >>> path_fractions(4, "midpoint")
    [0.125, 0.375, 0.625, 0.875]

    Args:
        steps: Number of points.
        rule: One of ``QUADRATURE_RULES``.
    """
    shift = {"left": 0.0, "midpoint": 0.5, "right": 1.0}[rule]
    return [(step + shift) / steps for step in range(steps)]
