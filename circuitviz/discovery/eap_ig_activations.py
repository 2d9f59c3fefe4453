"""EAP-IG over activations: the gradient is averaged while one layer's outputs at a time go from
ablated to clean, so that a component is not overlooked that saturates inside the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from torch import Tensor

from circuitviz.discovery.averaged import Batch, Point, averaged
from circuitviz.discovery.eap_ig import RULES, shares
from circuitviz.discovery.registry import Setting, methods
from circuitviz.graph import Scores
from circuitviz.options import option
from circuitviz.progress import Steps


@dataclass(frozen=True)
class EapIgActivationsOptions:
    """How the line from a layer's ablated to its clean outputs is walked."""

    steps: int = option(5, "points on each layer's line from ablated to clean outputs", low=1, high=1000)
    rule: str = option(
        "right",
        "where in each interval the gradient is taken: right is the authors' code (k = 1 … m)",
        choices=RULES,
    )


@methods.register(
    "eap-ig-activations",
    summary="EAP with integrated gradients over each layer's outputs in turn: slower, sees saturation inside",
    reference="Hanna et al. 2024; Marks et al. 2024",
    options=EapIgActivationsOptions,
    smooth=True,
)
def integrated_activations(setting: Setting, options: EapIgActivationsOptions) -> Steps[Scores]:
    """EAP with ∂L/∂x_v averaged over passes in each of which one layer's outputs are held at
    a + (k/m)(z − a): first ``input``'s, then every attention's, every MLP's.

    As in the authors' code, every edge's gradient is averaged over all (2 · layers + 1) · m passes, and
    none flows back through the outputs that are held.
    """

    def points(batch: Batch) -> list[Point]:
        line = shares(options.steps, options.rule)
        found = [Point(share) for share in line]
        for layer, weights in enumerate(batch.model.layers):
            beyond = (batch.clean.z[layer] - batch.ablated.z[layer]).flatten(2)
            heads = beyond @ weights.o.flatten(0, 1)
            found += [_held(weights.after_attention, heads, share) for share in line]
            if batch.model.shape.mlp:
                mlp = batch.clean.mlp[layer] - batch.ablated.mlp[layer]
                found += [_held(weights.after_mlp, mlp, share) for share in line]
        return found

    return (yield from averaged(setting, "eap-ig-activations", points))


def _held(place: str, beyond: Tensor, share: float) -> Point:
    return Point(hooks={place: partial(_hold, beyond * (1 - share))})


def _hold(less: Tensor, written: Tensor) -> Tensor:
    return written.detach() - less
