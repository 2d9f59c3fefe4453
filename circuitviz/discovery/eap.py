"""Edge attribution patching: every edge's effect to first order, from one backward pass."""

from __future__ import annotations

from circuitviz.discovery.averaged_gradients import GradientPoint, score_by_average_gradients
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import count_gradient_passes
from circuitviz.graph import Scores
from circuitviz.options import NoOptions
from circuitviz.progress import ProgressSteps


@methods.register(
    "eap",
    summary="Edge attribution patching: two forwards and one backward for all edges",
    reference="Syed et al. 2023",
    use="The fastest look at all edges; it underrates edges where the metric is saturated",
    options=NoOptions,
    smooth=True,
    count_passes=lambda setting, options: count_gradient_passes(setting, 1, 1),
    at_clean=lambda options: True,
    points=lambda options: lambda batch: [GradientPoint()],
)
def edge_attribution_patching(setting: TaskSetting, options: NoOptions) -> ProgressSteps[Scores]:
    """s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · ∂L/∂x_v at the clean input.

    Source: [syed2023attribution].
    """
    return (
        yield from score_by_average_gradients(
            setting, "eap", lambda batch: [GradientPoint()], first_point_is_clean=True
        )
    )
