"""Nodes that are changed while a model writes on: their hooks on a batch with a strength for each text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.hook_points import site_hooks
from circuitviz.features.neurons import NeuronWeights
from circuitviz.graph import Intervention, NodeKind
from circuitviz.graph.names import parse_feature_name, parse_neuron_of_layer
from circuitviz.models import Model
from circuitviz.models.generation import GenerationPass
from circuitviz.models.model import Hook

Difference = Callable[[Tensor], Tensor]
"""Values of a node [batch, time] → what is added to them, 0 where nothing is changed."""


@dataclass(frozen=True)
class SteeredPositions:
    """Which tokens of the running pass are steered.

    Attributes:
        generation: The pass; the first of its texts is the plain one.
        prompt_time: Number of tokens of the prompt.
        steered_tokens: One of ``STEERED_TOKENS``.
    """

    generation: GenerationPass
    prompt_time: int
    steered_tokens: str

    def mask(self, time: int, positions: Sequence[int], like: Tensor) -> Tensor:
        """Return the tokens at which a node is changed, bool [batch, time]; none of the plain text.

        Args:
            time: Number of tokens of the pass.
            positions: The change's own positions; empty: those of ``steered_tokens``.
            like: A tensor of the device.
        """
        at = torch.arange(time, device=like.device) + self.generation.first_position
        if positions:
            absolute = [p if p >= 0 else self.prompt_time + p for p in positions]
            is_steered = torch.isin(at, at.new_tensor(absolute))
        elif self.steered_tokens == "generated":
            is_steered = at >= self.prompt_time - 1
        elif self.steered_tokens == "prompt":
            is_steered = at < self.prompt_time
        else:
            is_steered = torch.ones_like(at, dtype=torch.bool)
        is_changed_text = torch.arange(len(self.generation.tokens), device=like.device) > 0
        return is_changed_text[:, None] & is_steered


def check_positions(changes: Mapping[str, Intervention], prompt_time: int, max_tokens: int) -> None:
    """Check that the model reads a token at each position of the changes.

    The last token that is written is not read, so a change there would do nothing.

    Args:
        changes: What is done to each node, by name.
        prompt_time: Number of tokens of the prompt.
        max_tokens: How many tokens are written at most.

    Raises:
        InputError: There is no token at a position, or it is not read.
    """
    last = prompt_time + max_tokens - 2
    for name, change in changes.items():
        for position in change.positions:
            if not -prompt_time <= position <= last:
                raise InputError(
                    f"'{name}' was to be changed at position {position}; for a prompt of {prompt_time} "
                    f"tokens and {max_tokens} more, {-prompt_time} to {last} would be right: from 0 at the "
                    "first token, from -1 at the prompt's last token backwards."
                )


@dataclass(frozen=True)
class SteeredNode:
    """A node that is changed.

    Attributes:
        name: Its name.
        change: What is done to it; its amount is given for each text.
        make_hooks: Makes hooks from a function that changes values of the node.
        reads_other_nodes: Whether its hook reads what heads of its layer write, and so acts after theirs.
    """

    name: str
    change: Intervention
    make_hooks: Callable[[Difference], Mapping[str, Hook]]
    reads_other_nodes: bool = False

    def hooks(self, positions: SteeredPositions, amounts: Sequence[float]) -> Mapping[str, Hook]:
        """Return hooks that change the node in every text but the first.

        Args:
            positions: Where it is changed.
            amounts: The amount of each text but the first.
        """
        device = positions.generation.tokens.device
        columns = [[0.0], *([amount] for amount in amounts)]
        amount_of_text = torch.tensor(columns, dtype=torch.float64, device=device)

        def difference(value: Tensor) -> Tensor:
            column = amount_of_text.to(value.dtype)
            new = {
                "scale": lambda: value * column,
                "set": lambda: column.expand_as(value),
                "add": lambda: value + column,
                "zero": lambda: torch.zeros_like(value),
            }[self.change.value]()
            mask = positions.mask(value.shape[1], self.change.positions, value)
            return torch.where(mask, new - value, 0.0)

        return self.make_hooks(difference)


def find_steered_node(
    model: Model,
    name: str,
    change: Intervention,
    dictionaries: Mapping[str, Dictionary],
    directions: Mapping[str, Tensor],
) -> SteeredNode:
    """Find a node by its name: a feature, a neuron, a head, an MLP or a direction.

    Args:
        model: The model.
        name: ``m2.f12``, ``m2.n34``, ``a1.h2``, ``m3`` or ``resid4``.
        change: What is done to it.
        dictionaries: Dictionaries by site.
        directions: Directions by name, [d_model].

    Raises:
        InputError: There is no such node.
    """
    if name in directions:
        hook = model.stream_hook(int(name.removeprefix("resid")))
        return SteeredNode(name, change, partial(_direction_hooks, hook, directions[name]))
    if feature := parse_feature_name(name):
        if feature.position is not None:
            raise InputError(
                f"'{name}' names a position; '{name.partition('@')[0]}' would be right, with positions named "
                "apart."
            )
        dictionary = dictionaries.get(feature.site)
        if dictionary is None:
            there = f"there is one of {', '.join(dictionaries)}" if dictionaries else "there is none"
            raise InputError(
                f"'{name}' is a feature of a dictionary of {feature.site}, and {there}; its folder would be "
                "right."
            )
        if feature.feature >= dictionary.features:
            raise InputError(
                f"'{name}' does not exist: '{dictionary.name}' has {dictionary.features:,} features."
            )
        dictionary = dictionary.to(model.empty_stream)
        make = partial(_feature_hooks, model, dictionary, feature.feature)
        return SteeredNode(name, change, make, reads_other_nodes=True)
    if neuron := parse_neuron_of_layer(name):
        layer, index = neuron
        mlp = NeuronWeights.of_layer(model, layer) if layer < model.shape.n_layers else None
        if mlp is None or index >= mlp.n_neurons:
            there = "it has no neurons" if mlp is None else f"it has 0 to {mlp.n_neurons - 1}"
            raise InputError(
                f"'{name}' is a neuron of the MLP of layer {layer}, and {there}; one that '{model.name}' "
                "has, as m0.n0, would be right."
            )
        hook = f"blocks.{layer}.mlp.out.hook_in"
        return SteeredNode(name, change, partial(_neuron_hooks, hook, index))
    if name.startswith("resid"):
        raise InputError(f"'{name}' is a direction, and the two texts that it lies between were not named.")
    node = next((n for n in model.graph.nodes if n.name == name), None)
    if node is None or node.layer is None or node.kind not in (NodeKind.HEAD, NodeKind.MLP):
        names = [n.name for n in model.graph.nodes if n.kind in (NodeKind.HEAD, NodeKind.MLP)]
        raise InputError(
            f"'{name}' cannot be steered; a feature (m2.f12), a neuron (m2.n34), a head ({names[0]}), an MLP "
            "or a direction (resid4) would be right." + suggest_name(name, names)
        )
    weights = model.layers[node.layer]
    if node.kind is NodeKind.HEAD:
        if weights.post_norm is not None:
            raise InputError(
                f"{name} cannot be steered: '{model.name}' normalises what the heads of a layer write "
                "together, so that changing one would change the others."
            )
        assert node.head is not None
        hook = f"blocks.{node.layer}.attn.hook_z"
        return SteeredNode(name, change, partial(_head_hooks, hook, node.head))
    return SteeredNode(name, change, partial(_mlp_hooks, weights.mlp_out_hook))


def _feature_hooks(
    model: Model, dictionary: Dictionary, feature: int, difference: Difference
) -> dict[str, Hook]:
    index, own_layer = torch.tensor([feature], device=model.device), dictionary.site.layer
    added: list[Tensor] = []  # to the activation, in this pass

    def change(_dictionary: Dictionary, read: Tensor, written: Tensor) -> Tensor:
        added[:] = [difference(dictionary.encode(read)[..., feature])]
        return change_layer(own_layer, written)

    def change_layer(layer: int, written: Tensor) -> Tensor:
        return written + added[0][..., None] * dictionary.rows_at(index, layer)[0]

    hooks = site_hooks(model, [dictionary], change)
    for layer in range(own_layer + 1, dictionary.last_layer + 1):  # of a cross-layer transcoder
        hooks[model.layers[layer].mlp_out_hook] = partial(change_layer, layer)
    return hooks


def _head_hooks(hook: str, head: int, difference: Difference) -> dict[str, Hook]:
    def change(z: Tensor) -> Tensor:
        z = z.clone()
        z[:, :, head] = z[:, :, head] * _factor(difference, z[:, :, head])
        return z

    return {hook: change}


def _neuron_hooks(hook: str, neuron: int, difference: Difference) -> dict[str, Hook]:
    def change(hidden: Tensor) -> Tensor:
        hidden = hidden.clone()
        hidden[..., neuron] += difference(hidden[..., neuron])
        return hidden

    return {hook: change}


def _mlp_hooks(hook: str, difference: Difference) -> dict[str, Hook]:
    return {hook: lambda written: written * _factor(difference, written)}


def _direction_hooks(hook: str, direction: Tensor, difference: Difference) -> dict[str, Hook]:
    def change(stream: Tensor) -> Tensor:
        share = stream @ direction / direction.square().sum()
        return stream + difference(share)[..., None] * direction

    return {hook: change}


def _factor(difference: Difference, written: Tensor) -> Tensor:
    """What the output of a head or an MLP [batch, time, width] is multiplied by; it counts as 1 itself."""
    return 1 + difference(torch.ones_like(written[..., 0]))[..., None]
