"""The trained weights with their optimiser, independent of the source of batches and of reporting."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from circuitviz.cancellation import Cancelled
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.sites import DictionarySite
from circuitviz.training.activation_scaling import ActivationScaling, scaling_from_state
from circuitviz.training.feature_layer import FeatureLayer
from circuitviz.training.recipe import RELU, TOP_K, DictionaryRecipe
from circuitviz.training.site_activations import SiteActivations

ADAM_BETAS = (0.9, 0.99)
ADAM_EPSILON = 1e-12  # far below the gradients of features that are active at few tokens of a batch


class Learner:
    """Weights, optimiser and counts of a training of some sites.

    Inputs and targets of each site are scaled to mean zero and a mean square of 1 per coordinate.

    Args:
        sites: The sites.
        scalings: Theirs.
        recipe: What decides the weights.
    """

    def __init__(
        self, sites: Sequence[DictionarySite], scalings: Sequence[ActivationScaling], recipe: DictionaryRecipe
    ) -> None:
        self.sites, self.scalings, self.recipe = sites, scalings, recipe
        self.steps = 0
        self.device = scalings[0].x_mean.device
        self.layers = self.make_layers()
        self.parameters = self.own_parameters()
        for site, layer in zip(sites, self.layers, strict=True):
            self.parameters |= {f"{site.name}.{name}": tensor for name, tensor in layer.parameters.items()}
        self.optimizer = torch.optim.Adam(
            self.parameters.values(), lr=recipe.rate, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=True
        )
        self._sums = torch.zeros(3, len(sites), device=self.device)  # loss, active, batches

    def make_layers(self) -> list[FeatureLayer]:
        """Return the features of each site."""
        layers = []
        for site, scaling in zip(self.sites, self.scalings, strict=True):
            draw = torch.Generator().manual_seed(self.recipe.seed)  # a site alone has the same weights
            widths = len(scaling.x_mean), len(scaling.y_mean)
            layers.append(FeatureLayer(self.recipe, *widths, not site.is_transcoder, draw, self.device))
        return layers

    def own_parameters(self) -> dict[str, torch.nn.Parameter]:
        """Return the parameters beside those of the layers: decoder biases and skip connections."""
        own = {}
        for site, scaling in zip(self.sites, self.scalings, strict=True):
            bias = torch.zeros_like(scaling.y_mean)
            own[f"{site.name}.decoder_bias"] = torch.nn.Parameter(bias)
            if self.recipe.skip and site.is_transcoder:
                skip = bias.new_zeros(len(scaling.y_mean), len(scaling.x_mean))
                own[f"{site.name}.skip"] = torch.nn.Parameter(skip)
        return own

    @torch.no_grad()
    def step(self, batch: Sequence[SiteActivations], rate_factor: float) -> None:
        """Take one optimiser step.

        Args:
            batch: Raw inputs and targets of each site.
            rate_factor: Share of the learning rate.
        """
        scaled = [
            (scaling.scale_inputs(x), scaling.scale_targets(y))
            for scaling, (x, y) in zip(self.scalings, batch, strict=True)
        ]
        counters = {name: tensor.clone() for name, tensor in self._buffers().items()}
        try:
            losses = self.set_gradients(scaled)
        except Cancelled:  # nothing is half done
            for name, tensor in self._buffers().items():
                tensor.copy_(counters[name])
            raise
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate * rate_factor
        self.optimizer.step()
        self.steps += 1
        active = torch.stack([layer.n_active for layer in self.layers])
        self._sums += torch.stack([losses, active, torch.ones_like(losses)])

    def set_gradients(self, batch: Sequence[SiteActivations]) -> Tensor:
        """Set the gradients of all parameters and return the loss of each site, a share of its variance.

        Args:
            batch: Scaled inputs and targets of each site.
        """
        losses = []
        for site, layer, (x, y) in zip(self.sites, self.layers, batch, strict=True):
            error = layer.rebuild(x) + self.parameters[f"{site.name}.decoder_bias"] - y
            skip = self.parameters.get(f"{site.name}.skip")
            if skip is not None:
                error += x @ skip.T
            gradient = error * (2 / error.numel())
            layer.set_gradients(gradient, error)
            self.parameters[f"{site.name}.decoder_bias"].grad = gradient.sum(0)
            if skip is not None:
                skip.grad = gradient.T @ x
            losses.append(error.square().mean())
        return torch.stack(losses)

    def averages(self) -> list[tuple[float, float, float]]:
        """Return of each site mean loss and L0 since ``begin_averages``, and the share of dead features."""
        losses, active, batches = self._sums.tolist()
        dead = [float(layer.is_dead.float().mean()) for layer in self.layers]
        return [
            (loss / max(n, 1), l0 / max(n, 1), share)
            for loss, l0, n, share in zip(losses, active, batches, dead, strict=True)
        ]

    def begin_averages(self) -> None:
        """Average what comes from now on."""
        self._sums.zero_()

    def state(self) -> dict[str, Tensor]:
        """Return the learner's state by name."""
        weights = {name: tensor.detach() for name, tensor in self.parameters.items()}
        return {
            **self._buffers(),
            **weights,
            **_optimizer_tensors(self.optimizer, list(weights)),
            **{f"scaling/{i}/{k}": v for i, s in enumerate(self.scalings) for k, v in s.state().items()},
        }

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor], steps: int) -> None:
        """Restore the state of a learner of the same sites and recipe after a number of steps."""
        for name, tensor in {**self.parameters, **self._buffers()}.items():
            tensor.copy_(state[name])
        _restore_optimizer(self.optimizer, list(self.parameters), state)
        self.steps = steps

    def _buffers(self) -> dict[str, Tensor]:
        counters = {
            f"{site.name}.{name}": tensor
            for site, layer in zip(self.sites, self.layers, strict=True)
            for name, tensor in layer.counters.items()
        }
        return {"sums": self._sums, **counters}

    @torch.no_grad()
    def to_dictionaries(self, model: str) -> tuple[Dictionary, ...]:
        """Return a dictionary of each site on raw activations, decoder rows of length 1; copies.

        Args:
            model: The model's name.
        """
        dictionaries = []
        for site, layer, s in zip(self.sites, self.layers, self.scalings, strict=True):
            length = layer.decoder.norm(dim=1).clamp_min(1e-8)
            encoder, size = layer.encoder / s.x_scale, length * s.y_scale
            decoder_bias = self.parameters[f"{site.name}.decoder_bias"] * s.y_scale + s.y_mean
            skip: Tensor | None = self.parameters.get(f"{site.name}.skip")
            if skip is not None:
                skip = skip * (s.y_scale / s.x_scale)
                decoder_bias = decoder_bias - skip @ s.x_mean
            dictionaries.append(
                Dictionary(
                    name=site.name,
                    architecture=architecture_name(self.recipe, site),
                    site=site,
                    encoder=encoder * size,
                    bias=(layer.encoder_bias - s.x_mean @ encoder) * size,
                    decoder=layer.decoder / length[:, None],
                    decoder_bias=decoder_bias,
                    skip=skip,
                    model=model,
                    **layer.rule.dictionary_fields(s.y_scale.expand_as(length)),
                )
            )
        return tuple(dictionaries)


def architecture_name(recipe: DictionaryRecipe, site: DictionarySite) -> str:
    """Return which of ``features.ARCHITECTURES`` a recipe makes at a site."""
    prefix = {RELU: "", TOP_K: "topk"}.get(recipe.activation, "jumprelu")
    if not site.is_transcoder:
        return prefix or "standard"
    kind = "skip_transcoder" if recipe.skip else "transcoder"
    return f"{prefix}_{kind}" if prefix else kind


def scalings_from_state(state: dict[str, Tensor], n_sites: int, like: Tensor) -> list[ActivationScaling]:
    """Return the scalings that a learner's state holds."""
    return [
        scaling_from_state(
            {name.rpartition("/")[2]: v for name, v in state.items() if name.startswith(f"scaling/{i}/")},
            like,
        )
        for i in range(n_sites)
    ]


def _optimizer_tensors(optimizer: torch.optim.Optimizer, names: list[str]) -> dict[str, Tensor]:
    """Return an optimiser's moments by parameter name."""
    states = optimizer.state_dict()["state"]
    return {
        f"adam/{name}/{key}": value
        for index, name in enumerate(names)
        for key, value in states.get(index, {}).items()
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, names: list[str], state: dict[str, Tensor]) -> None:
    """Set an optimiser's moments from what ``_optimizer_tensors`` returned."""
    optimizer_state = optimizer.state_dict()
    optimizer_state["state"] = {}
    for name, value in state.items():
        if name.startswith("adam/"):
            _, parameter, key = name.split("/")
            optimizer_state["state"].setdefault(names.index(parameter), {})[key] = value
    optimizer.load_state_dict(optimizer_state)
