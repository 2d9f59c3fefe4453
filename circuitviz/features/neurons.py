"""Neurons of MLPs as nodes of a run, where no dictionary takes the MLP apart.

A neuron's activation a is what the MLP's output map reads: f(z) of its input z, or f(g) · u of a gated MLP.
In attribution f(z) is z · [f(z) / z] with a constant bracket, and of a product each factor is given half, the
other one held: a = ½ [a / u] u + ½ [a / g] g. So a neuron is linear in what it reads, and its edges and
constants add up to a. Source: [jafari2025relp], identity rule and half rule.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from circuitviz.errors import InputError
from circuitviz.features.prompt_run import PromptRun
from circuitviz.features.read_vectors import pull_back_through_norm
from circuitviz.models import Model
from circuitviz.models.layer_weights import read_norm
from circuitviz.models.norms import IdentityNorm, Norm
from circuitviz.models.stored_weights import run_on_own_device, stored_weight, to_computed


@dataclass(frozen=True, eq=False)
class NeuronWeights:
    """The linear maps before and after the neurons of a layer's MLP.

    Attributes:
        layer: The layer.
        inputs: The map to z, or of a gated MLP those to u and g.
        output: The map of the activations.
        output_scale: Factor of what the MLP writes.
        post_norm: Normalisation of what the MLP writes.
    """

    layer: int
    inputs: tuple[nn.Module, ...]
    output: nn.Module
    output_scale: float
    post_norm: Norm

    @staticmethod
    def of_layer(model: Model, layer: int) -> NeuronWeights | None:
        """Return the maps of a layer; None without an MLP, and of a mixture of experts."""
        weights = model.layers[layer]
        if weights.mlp is None or weights.mlp.is_mixture:
            return None
        block = model.bridge.blocks[layer]
        names = [name for name in ("in", "gate") if hasattr(block.mlp, name)]
        if "in" not in names or not hasattr(block.mlp, "out"):
            return None
        like = model.empty_stream
        name = weights.mlp_post_norm
        norm = read_norm(getattr(block, name), like, model.name, f"layer {layer}") if name else None
        return NeuronWeights(
            layer,
            tuple(getattr(block.mlp, name).original_component for name in names),
            block.mlp.out.original_component,
            weights.output_scale,
            norm or IdentityNorm.of_width(like),
        )

    @property
    def n_neurons(self) -> int:
        """How many neurons the MLP has."""
        weight = stored_weight(self.output)
        return weight.shape[1] if isinstance(self.output, nn.Linear) else weight.shape[0]

    @property
    def device(self) -> torch.device:
        """Where all weights and biases are given: the model's main device."""
        return self.post_norm.weight.device

    def input_maps(self) -> list[tuple[Tensor, Tensor]]:
        """Return for each input its weight [d_model, neurons] and bias [neurons]."""
        maps = []
        for module in self.inputs:
            weight, bias = _weight(module, self.device), getattr(module, "bias", None)
            zero = weight.new_zeros(weight.shape[1])
            maps.append((weight, zero if bias is None else bias.detach().to(self.device)))
        return maps

    def output_rows(self, item: Tensor | slice = slice(None)) -> Tensor:
        """Return what some neurons write at activation 1, before the scale of ``post_norm`` [n, d_model]."""
        return self.post_norm.fold_output(_weight(self.output, self.device)[item]) * self.output_scale


@dataclass(frozen=True, eq=False)
class NeuronLayer:
    """The neurons of a layer's MLP in a run.

    Attributes:
        weights: The maps around them.
        run: The run.
        activation: [time, neurons].
        ratios: For each input of ``weights`` what is held constant, [time, neurons].
        post_scale: 1 / scale of the normalisation of what the MLP writes, [time, 1].
        listed: Which neurons are nodes, bool [time, neurons]; the others are one error node per position.
    """

    weights: NeuronWeights
    run: PromptRun
    activation: Tensor
    ratios: tuple[Tensor, ...]
    post_scale: Tensor
    listed: Tensor

    def with_listed(self, listed: Tensor) -> NeuronLayer:
        """Return the same with other neurons as nodes; those that are 0 are none."""
        return replace(self, listed=listed & (self.activation != 0))

    def read_rows(self, item: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return what neurons read of the stream before the MLP: [k, d_model], and constants [k]."""
        direction = torch.zeros(len(item), self.run.final.shape[1]).to(self.run.final)
        constant = direction.new_zeros(len(item))
        for ratio, (weight, bias) in zip(self.ratios, self.weights.input_maps(), strict=True):
            share = ratio[positions, item]
            direction += share[:, None] * weight[:, item].T
            constant += share * bias[item]
        pulled, norm_constant = self._pull_back_through_norm(direction, positions)
        return pulled, constant + norm_constant

    def written_rows(self, item: Tensor, positions: Tensor) -> Tensor:
        """Return what neurons write at activation 1, [k, d_model]."""
        return self.weights.output_rows(item) * self.post_scale[positions]

    def output(self, activation: Tensor) -> Tensor:
        """Return what activations [time, neurons] write, without biases, [time, d_model]."""
        return activation @ self.weights.output_rows() * self.post_scale

    @property
    def rest_output(self) -> Tensor:
        """What the neurons that are no nodes write, [time, d_model]."""
        return self.output(self.activation * ~self.listed)

    def attribution(self, covector: Tensor) -> Tensor:
        """Return what each neuron gives to something that reads [time, d_model]: [time, neurons]."""
        return self.activation * (covector * self.post_scale @ self.weights.output_rows().T)

    def pull_back(self, covector: Tensor, fixed: Collection[tuple[int, int]] = ()) -> Tensor:
        """Pull vectors at what the MLP writes back through the neurons that are nodes.

        Args:
            covector: [time, d_model].
            fixed: (position, neuron) of those that pass nothing on.

        Returns:
            Vectors at the stream before the MLP, [time, d_model].
        """
        effect = covector * self.post_scale @ self.weights.output_rows().T * self._responding(fixed)
        maps = zip(self.ratios, self.weights.input_maps(), strict=True)
        direction = sum(
            ((effect * ratio) @ weight.T for ratio, (weight, _) in maps), torch.zeros_like(covector)
        )
        return self._pull_back_through_norm(direction, slice(None))[0]

    def push_forward(self, delta: Tensor, fixed: Collection[tuple[int, int]] = ()) -> Tensor:
        """Return how what the nodes write changes with the stream before the MLP; both [time, d_model]."""
        norm, stream = self.run.mlp_norm(self.weights.layer), self.run.mlp_stream[self.weights.layer]
        centred = delta - delta.mean(-1, keepdim=True) if norm.is_centred else delta
        read = centred * norm.normalise_parts(stream)[1] * norm.weight
        maps = zip(self.ratios, self.weights.input_maps(), strict=True)
        change = sum(
            (read @ weight * ratio for ratio, (weight, _) in maps), torch.zeros_like(self.activation)
        )
        return self.output(change * self._responding(fixed))

    def _pull_back_through_norm(self, direction: Tensor, positions: Tensor | slice) -> tuple[Tensor, Tensor]:
        layer = self.weights.layer
        return pull_back_through_norm(
            self.run.mlp_norm(layer), self.run.mlp_stream[layer][positions], direction
        )

    def _responding(self, fixed: Collection[tuple[int, int]]) -> Tensor:
        if not fixed:
            return self.listed
        responding = self.listed.clone()
        positions, items = zip(*fixed, strict=True)
        responding[list(positions), list(items)] = False
        return responding


@torch.no_grad()
def neurons_of_run(run: PromptRun, layer: int) -> NeuronLayer | None:
    """Return a layer's neurons in a run, all of them nodes; None where its MLP has none."""
    weights = NeuronWeights.of_layer(run.model, layer)
    if weights is None:
        return None
    normalised = run.mlp_norm(layer)(run.mlp_stream[layer])
    read: list[Tensor] = []

    def keep(_module: nn.Module, args: tuple[Any, ...]) -> None:
        read[:] = [args[0].detach().view(run.time, -1).to(weights.device)]

    mlp = run.model.layers[layer].mlp
    assert mlp is not None
    handle = weights.output.register_forward_pre_hook(keep)
    try:
        mlp(normalised[None])
    finally:
        handle.remove()
    activation = read[0]
    inputs = [run_on_own_device(module, normalised[None])[0] for module in weights.inputs]
    ratios = [torch.where(value == 0, 0.0, activation / value) / len(inputs) for value in inputs]
    written = activation @ _weight(weights.output, weights.device) * weights.output_scale
    bias = getattr(weights.output, "bias", None)
    if bias is not None:
        written = written + bias.detach().to(weights.device) * weights.output_scale
    post_scale = weights.post_norm.normalise_parts(written)[1]
    return NeuronLayer(weights, run, activation, tuple(ratios), post_scale, activation != 0)


@torch.no_grad()
def neuron_directions(model: Model, layer: int, neurons: list[int]) -> Tensor:
    """Return what some neurons write at activation 1, [n, d_model].

    Where the model normalises what its MLPs write, that normalisation counts at a scale of 1.

    Raises:
        InputError: The layer's MLP has no neurons.
    """
    weights = NeuronWeights.of_layer(model, layer)
    if weights is None:
        raise InputError(f"The MLP of layer {layer} has no neurons; it is missing, or a mixture of experts.")
    return weights.output_rows(torch.tensor(neurons, device=model.device))


def require_neurons(run: PromptRun, layer: int, neuron: int) -> NeuronLayer:
    """Return a layer's neurons in a run; InputError where there is no such neuron."""
    shape = run.model.shape
    is_layer = 0 <= layer < shape.n_layers
    neurons = neurons_of_run(run, layer) if is_layer and shape.mlp else None
    if neurons is None:
        raise InputError(
            f"Neuron {neuron} of layer {layer} was given; neurons are in MLPs of layers 0 to "
            f"{shape.n_layers - 1}, not in attention-only models and mixtures of experts."
        )
    if not 0 <= neuron < neurons.weights.n_neurons:
        raise InputError(
            f"Neuron {neuron} was given; the MLP of layer {layer} has 0 to {neurons.weights.n_neurons - 1}."
        )
    return neurons


def _weight(module: nn.Module, device: torch.device) -> Tensor:
    """A linear map's weight as [inputs, outputs] on a device; Conv1D keeps it so, Linear transposed."""
    weight = to_computed(stored_weight(module), device)
    return weight.T if isinstance(module, nn.Linear) else weight
