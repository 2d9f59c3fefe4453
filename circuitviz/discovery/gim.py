"""GIM: EAP's formula with a backward pass in which components that replace one another keep their gradient.

Where several scores of a softmax, or both factors of a product, carry the same, each alone seems to do
nothing: the softmax is differentiated at a higher temperature, and products share their gradient.
"""

from __future__ import annotations

from circuitviz.discovery.averaged_gradients import GradientPoint, score_by_average_gradients
from circuitviz.discovery.backward_rules import BackwardRules
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import count_gradient_passes
from circuitviz.graph import Scores
from circuitviz.options import NoOptions
from circuitviz.progress import ProgressSteps

RULES = BackwardRules(softmax_temperature=2.0, query_key_factor=0.25, value_factor=0.5, gate_factor=0.5)


@methods.register(
    "gim",
    summary="EAP with a backward pass that finds backups: softmax at temperature 2, shared products",
    reference="Edin et al. 2025",
    use="Nearly as fast as EAP, for heads that stand in for one another",
    options=NoOptions,
    smooth=True,
    count_passes=lambda setting, options: count_gradient_passes(setting, 1, 1),
    at_clean=lambda options: True,
    points=lambda options: lambda batch: [GradientPoint()],
    rules=lambda options: RULES,
)
def gradient_interaction(setting: TaskSetting, options: NoOptions) -> ProgressSteps[Scores]:
    """s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · the modified gradient at x_v.

    In the backward pass the scales of normalisations are constants, the softmax of attention is that at
    temperature 2, values get half the gradient, queries and keys a quarter, and both factors of a gate half.
    Source: [edin2025gim].
    """
    return (
        yield from score_by_average_gradients(
            setting, "gim", lambda batch: [GradientPoint()], first_point_is_clean=True, rules=RULES
        )
    )
