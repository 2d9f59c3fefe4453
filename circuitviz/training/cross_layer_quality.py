"""Quality of a cross-layer transcoder on text that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from circuitviz.errors import InputError
from circuitviz.features.cross_layer import SiteReconstructions
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.passages import Passages
from circuitviz.models import Model
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.training.dictionary_quality import loss_recovered_steps
from circuitviz.training.site_activations import iterate_activations


@dataclass(frozen=True)
class CrossLayerQuality:
    """Figures of a cross-layer transcoder; lists have a number for each layer.

    Attributes:
        tokens: How many tokens they are of, the first of each passage left out.
        unexplained: Σ‖y − ŷ‖² / Σ‖y − ȳ‖² of what each MLP writes.
        l0: Active features of each layer for each token.
        dead: Share of each layer's features that were active at no token.
        recovered: With all MLPs replaced at once, (loss with zeros − with the reconstructions) / (loss with
            zeros − the model's loss).
    """

    tokens: int
    unexplained: list[float]
    l0: list[float]
    dead: list[float]
    recovered: float


@torch.no_grad()
def measure_cross_layer_steps(
    model: Model, dictionaries: Sequence[Dictionary], passages: Passages
) -> ProgressSteps[CrossLayerQuality]:
    """Measure a cross-layer transcoder; four passes over the text.

    Args:
        model: The model.
        dictionaries: One for each layer.
        passages: The text.

    Raises:
        InputError: The text has fewer than two tokens.
    """
    by_site = {one.site.name: one.to(model.empty_stream) for one in dictionaries}
    layers, width, tokens = len(by_site), model.shape.d_model, 0
    errors = torch.zeros(layers, dtype=torch.double, device=model.device)
    squares, sums = torch.zeros_like(errors), errors.new_zeros(layers, width)
    times_fired = [errors.new_zeros(one.features) for one in by_site.values()]
    sites = [one.site for one in by_site.values()]
    for parts in iterate_activations(model, sites, passages):
        x, y = (torch.stack(tensors) for tensors in zip(*parts, strict=True))
        reconstructions = SiteReconstructions(by_site)
        for layer, one in enumerate(by_site.values()):
            activation = one.encode(x[layer])
            rebuilt = reconstructions.reconstruct(one, activation)
            times_fired[layer] += (activation > 0).sum(0)
            errors[layer] += (y[layer] - rebuilt).double().square().sum()
        squares += y.double().square().sum((1, 2))
        sums += y.double().sum(1)
        tokens += x.shape[1]
        yield Progress(min(1.0, tokens / passages.n_tokens), 2, "Measuring what is explained")
    if tokens < 2:
        raise InputError("The text has fewer than two tokens; a transcoder's figures need more.")
    recovered = yield from loss_recovered_steps(model, list(by_site.values()), passages)
    return CrossLayerQuality(
        tokens=tokens,
        unexplained=(errors / (squares - sums.square().sum(1) / tokens)).tolist(),
        l0=[float(fired.sum()) / tokens for fired in times_fired],
        dead=[float((fired == 0).double().mean()) for fired in times_fired],
        recovered=recovered,
    )
