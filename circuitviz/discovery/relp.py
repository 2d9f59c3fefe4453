"""RelP: EAP's formula with the coefficients of layer-wise relevance propagation for gradients.

Saturated softmaxes, normalisations and activations make gradients small where the effect is large; rules that
take such factors as constants do not.
"""

from __future__ import annotations

from dataclasses import dataclass

from circuitviz.discovery.averaged_gradients import GradientPoint, score_by_average_gradients
from circuitviz.discovery.backward_rules import BackwardRules
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import count_gradient_passes
from circuitviz.graph import Scores
from circuitviz.options import option
from circuitviz.progress import ProgressSteps

QUERY_KEY_RULES = ("constant", "gradient")


@dataclass(frozen=True)
class RelpOptions:
    """How attention patterns are differentiated."""

    qk: str = option(
        "constant",
        "attention patterns: constant, so that edges into queries and keys score 0; gradient keeps the "
        "gradient through them",
        choices=QUERY_KEY_RULES,
    )


@methods.register(
    "relp",
    summary="EAP with the backward pass of relevance propagation: constant scales, slopes and patterns",
    reference="Rezaei Jafari et al. 2025",
    use="Nearly as fast as EAP; constant patterns leave out edges into queries and keys (see qk)",
    options=RelpOptions,
    smooth=True,
    count_passes=lambda setting, options: count_gradient_passes(setting, 1, 1),
    at_clean=lambda options: True,
    points=lambda options: lambda batch: [GradientPoint()],
    rules=lambda options: _backward_rules(options),
)
def relevance_patching(setting: TaskSetting, options: RelpOptions) -> ProgressSteps[Scores]:
    """s(u→v) = mean over prompts of Σ over positions (z_u − a_u) · the coefficient at x_v.

    In the backward pass the scales of normalisations are constants, f(x) is x · [f(x)/x] with a constant
    bracket, both factors of a gate get half the gradient, and attention patterns are constants or keep their
    gradient. Source: [jafari2025relp].
    """
    rules = _backward_rules(options)
    return (
        yield from score_by_average_gradients(
            setting, "relp", lambda batch: [GradientPoint()], first_point_is_clean=True, rules=rules
        )
    )


def _backward_rules(options: RelpOptions) -> BackwardRules:
    is_constant = options.qk == "constant"
    return BackwardRules(are_patterns_constant=is_constant, gate_factor=0.5, are_slopes_constant=True)
