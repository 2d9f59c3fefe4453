"""Learner of a cross-layer transcoder, whose features rebuild what their own and all later MLPs write."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from circuitviz.features.dictionary import Dictionary
from circuitviz.training.feature_layer import FeatureLayer
from circuitviz.training.learner import Learner
from circuitviz.training.site_activations import SiteActivations


class CrossLayerLearner(Learner):
    """A learner of the MLPs of all layers, whose features write to the MLPs of their own and all later ones.

    What a layer's features write to the layers from it on stands side by side in one decoder row.
    """

    def make_layers(self) -> list[FeatureLayer]:
        """Return the features of each layer."""
        draw = torch.Generator().manual_seed(self.recipe.seed)
        n_layers, width = len(self.sites), len(self.scalings[0].y_mean)
        return [
            FeatureLayer(self.recipe, width, (n_layers - layer) * width, False, draw, self.device)
            for layer in range(n_layers)
        ]

    def set_gradients(self, batch: Sequence[SiteActivations]) -> Tensor:
        """Set the gradients of all parameters and return the loss of each layer, a share of its variance.

        Args:
            batch: Scaled inputs and targets of each layer.
        """
        biases = [self.parameters[f"{site.name}.decoder_bias"] for site in self.sites]
        n_tokens, width = batch[0][1].shape
        errors = torch.stack([bias - y for bias, (_, y) in zip(biases, batch, strict=True)], dim=1)
        for number, (layer, (x, _)) in enumerate(zip(self.layers, batch, strict=True)):
            errors[:, number:] += layer.rebuild(x).view(n_tokens, -1, width)
        gradients = errors * (2 / errors.numel())
        for number, (layer, bias) in enumerate(zip(self.layers, biases, strict=True)):
            layer.set_gradients(gradients[:, number:].flatten(1), errors[:, number:].flatten(1))
            bias.grad = gradients[:, number].sum(0)
        return errors.square().mean((0, 2))

    @torch.no_grad()
    def to_dictionaries(self, model: str) -> tuple[Dictionary, ...]:
        """Return a dictionary for each layer, on raw activations; copies.

        Args:
            model: The model's name.
        """
        dictionaries = []
        scales = torch.stack([s.y_scale for s in self.scalings])
        for number, (site, layer, s) in enumerate(zip(self.sites, self.layers, self.scalings, strict=True)):
            encoder = layer.encoder / s.x_scale
            decoder = layer.decoder.view(self.recipe.features, len(self.sites) - number, -1)
            decoder = decoder * scales[number:, None]
            dictionaries.append(
                Dictionary(
                    name=site.name,
                    architecture="cross_layer_transcoder",
                    site=site,
                    encoder=encoder,
                    bias=layer.encoder_bias - s.x_mean @ encoder,
                    decoder=decoder[:, 0].contiguous(),
                    decoder_bias=self.parameters[f"{site.name}.decoder_bias"] * s.y_scale + s.y_mean,
                    later_decoder=decoder[:, 1:].contiguous(),
                    model=model,
                    **layer.rule.dictionary_fields(1 / layer.decoder.norm(dim=1).clamp_min(1e-8)),
                )
            )
        return tuple(dictionaries)
