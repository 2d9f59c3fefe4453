"""EAP with the mean of the gradients at the clean and the corrupted input, against saturation."""

from __future__ import annotations

from circuitviz.discovery.averaged_gradients import GradientPoint, score_by_average_gradients
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import count_gradient_passes
from circuitviz.graph import Scores
from circuitviz.options import NoOptions
from circuitviz.progress import ProgressSteps


@methods.register(
    "clean-corrupted",
    summary="EAP with the mean of the gradients at the clean and at the corrupted prompt",
    reference="Hanna et al. 2024 (authors' code)",
    use="To check EAP-IG against: two gradients instead of five or more",
    options=NoOptions,
    smooth=True,
    count_passes=lambda setting, options: count_gradient_passes(setting, 1, 2),
    points=lambda options: lambda batch: [GradientPoint(), GradientPoint(corrupted=True)],
)
def clean_corrupted(setting: TaskSetting, options: NoOptions) -> ProgressSteps[Scores]:
    """s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · ½(∂L/∂x_v at x + at x').

    Source: the code of [hanna2024faithfulness].
    """
    points = [GradientPoint(), GradientPoint(corrupted=True)]
    return (
        yield from score_by_average_gradients(
            setting, "clean-corrupted", lambda batch: points, first_point_is_clean=True
        )
    )
