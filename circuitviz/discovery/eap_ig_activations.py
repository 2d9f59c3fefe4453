"""EAP with integrated gradients over each layer's outputs [hanna2024faithfulness].

The gradient is averaged while one layer's outputs at a time go from ablated to clean, so that components that
saturate inside the model are not missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from torch import Tensor

from circuitviz.discovery.averaged_gradients import GradientPoint, TaskBatch, score_by_average_gradients
from circuitviz.discovery.eap_ig import QUADRATURE_RULES, path_fractions
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import count_gradient_passes
from circuitviz.graph import Scores
from circuitviz.options import option
from circuitviz.progress import ProgressSteps


@dataclass(frozen=True)
class EapIgActivationsOptions:
    """The points on the line from a layer's ablated to its clean outputs."""

    steps: int = option(5, "points on each layer's line from ablated to clean outputs", low=1, high=1000)
    rule: str = option(
        "right",
        "where in each interval the gradient is taken: right is the authors' code (k = 1 … m)",
        choices=QUADRATURE_RULES,
    )


@methods.register(
    "eap-ig-activations",
    summary="EAP with integrated gradients over each layer's outputs: slower, less blind to saturation",
    reference="Hanna et al. 2024; Marks et al. 2024",
    use="Where EAP-IG misses what later layers saturate; as many passes as layers times steps",
    options=EapIgActivationsOptions,
    smooth=True,
    at_clean=lambda options: path_fractions(options.steps, options.rule) == [1.0],
    count_passes=lambda setting, options: count_gradient_passes(setting, 2, _count_points(setting, options)),
    points=lambda options: partial(_layer_points, options),
)
def eap_integrated_activations(
    setting: TaskSetting, options: EapIgActivationsOptions
) -> ProgressSteps[Scores]:
    """EAP with ∂L/∂x_v averaged over passes that hold one layer's outputs at a + (k/m)(z − a).

    First ``input``'s, then every attention's, every MLP's. As in the code of [hanna2024faithfulness], every
    edge's gradient is averaged over all (2 · layers + 1) · m passes, and none flows back through the outputs
    that are held; see also [marks2024sparse].
    """
    points = partial(_layer_points, options)
    return (yield from score_by_average_gradients(setting, "eap-ig-activations", points))


def _layer_points(options: EapIgActivationsOptions, batch: TaskBatch) -> list[GradientPoint]:
    """The input's line from ablated to clean, then that of each attention and each MLP."""
    fractions = path_fractions(options.steps, options.rule)
    gradient_points = [GradientPoint(share) for share in fractions]
    for layer, weights in enumerate(batch.model.layers):
        delta = (batch.clean.z[layer] - batch.ablated.z[layer]).flatten(2)
        heads = delta @ weights.o.flatten(0, 1)
        gradient_points += [_hold_point(weights.attn_out_hook, heads, share) for share in fractions]
        if batch.model.shape.mlp:
            mlp = batch.clean.mlp[layer] - batch.ablated.mlp[layer]
            gradient_points += [_hold_point(weights.mlp_out_hook, mlp, share) for share in fractions]
    return gradient_points


def _count_points(setting: TaskSetting, options: EapIgActivationsOptions) -> int:
    """The number of passes: ``steps`` for the input, each layer's attention, and each MLP."""
    shape = setting.model.shape
    return options.steps * (1 + shape.n_layers * (1 + shape.mlp))


def _hold_point(hook_name: str, delta: Tensor, clean_fraction: float) -> GradientPoint:
    return GradientPoint(hooks={hook_name: partial(_hold_output, delta * (1 - clean_fraction))})


def _hold_output(removed: Tensor, written: Tensor) -> Tensor:
    return written.detach() - removed
