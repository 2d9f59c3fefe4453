"""Targets of circuits of one prompt: a feature, a neuron, a head, a logit, or a difference of logits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.forward_order import logits_read_stage, mlp_read_stage, residual_stage
from circuitviz.features.neurons import require_neurons
from circuitviz.features.node_rows import NodeTable
from circuitviz.features.prompt_run import PromptRun
from circuitviz.features.read_vectors import ReadVectors, pull_back_through_norm
from circuitviz.features.residual_direction import residual_direction, residual_layer
from circuitviz.graph import Node, NodeKind
from circuitviz.graph.names import parse_direction_target, parse_neuron_name

LOGIT_PROBABILITY_SHARE, MAX_LOGIT_TARGETS = 0.95, 10


@dataclass(frozen=True, eq=False)
class Target:
    """A node to explain, and its value in the run, which its row and constant add up to.

    Attributes:
        node: The node.
        value: Its value in the run.
        index: Its row in the table; None for logits and neurons.
        read_vectors: What it reads, where it has no row.
        weight: How much it counts among several targets (a logit's probability).
        direction: Of a logit [d_model], at the output of the final normalisation.
        bias: What is added.
        stream_layer: Of a direction in the stream, the layer before which it is read.
    """

    node: Node
    value: float
    index: int | None = None
    read_vectors: ReadVectors | None = None
    weight: float = 1.0
    direction: Tensor | None = None
    bias: float = 0.0
    stream_layer: int | None = None

    def value_in_run(self, run: PromptRun) -> float:
        """Return a logit's, neuron's or direction's value in any run of the same prompt."""
        node = self.node
        assert node.position is not None
        if node.kind is NodeKind.NEURON:
            assert node.layer is not None and node.feature is not None
            neurons = require_neurons(run, node.layer, node.feature)
            return float(neurons.activation[node.position, node.feature])
        assert self.direction is not None
        if self.stream_layer is not None:
            return float(run.stream(self.stream_layer)[node.position] @ self.direction)
        return float(run.model.final_norm(run.final[node.position]) @ self.direction) + self.bias


def named_target(table: NodeTable, name: str, prompt: str) -> Target:
    """Return a target by what people write: a node's name, ``logit.42``, or the token after the prompt.

    A direction in the residual stream is ``resid2@7:TOWARD|AWAY``: the stream before layer 2 at position 7,
    along the difference of two texts' streams there at their last tokens.

    Args:
        table: The nodes of the prompt.
        name: The name or the token.
        prompt: The prompt's text, with which a token is tokenised.

    Raises:
        InputError: The node is not active or a leaf, or the text is not one token.
    """
    if direction := parse_direction_target(name):
        layer_name, position, toward, away = direction
        layer = residual_layer(table.run.model, layer_name)
        vector = residual_direction(table.run.model, layer_name, toward, away)
        return direction_target(table, layer, position, vector)
    if match := re.fullmatch(r"logit\.(\d+)(?:@(\d+))?", name):
        return logit_target(table, int(match[1]))
    if re.fullmatch(r"(?:[amr]\d+(?:\.\w+)?|token|position)@\d+", name):
        return node_target(table, name)
    return logit_target(table, table.run.model.tokens.answer_id(prompt, name))


def node_target(table: NodeTable, name: str) -> Target:
    """Return a feature or head of the table by its name, ``m3.f123@7``; or a neuron, ``m3.n45@7``.

    Raises:
        InputError: The node is not active, or nothing flows into it.
    """
    if neuron := parse_neuron_name(name):
        return neuron_target(table, *neuron)
    index = table.index(name)
    if table.is_leaf[index]:
        raise InputError(
            f"'{name}' is a leaf: nothing flows into it, so it has no circuit; a feature, a neuron, a head "
            "or a logit has one."
        )
    return Target(table.node(index), float(table.activation_on_host[index]), index)


@torch.no_grad()
def direction_target(table: NodeTable, layer: int, position: int, direction: Tensor) -> Target:
    """Return as a target how much of a direction the residual stream has, x · d / d · d.

    Args:
        table: The nodes of the prompt.
        layer: The stream before this layer; the number of layers for the last.
        position: The token's position.
        direction: [d_model].

    Raises:
        InputError: There is no such layer or position, or the direction is zero.
    """
    table.check_position(position)
    if not 0 <= layer <= table.run.model.shape.n_layers or not float(direction.square().sum()):
        raise InputError(
            f"A direction of length {float(direction.norm()):g} before layer {layer} was given; one that is "
            f"not zero, before layer 0 to {table.run.model.shape.n_layers}, would be right."
        )
    unit = (direction / direction.square().sum()).to(table.written)
    node = Node(f"resid{layer}@{position}", NodeKind.LOGITS, position=position)
    value = float(table.run.stream(layer)[position] @ unit)
    reads = ReadVectors(np.array([position]), residual_stage(layer), unit.new_zeros(1), unit[None])
    return Target(node, value, read_vectors=reads, direction=unit, stream_layer=layer)


@torch.no_grad()
def neuron_target(table: NodeTable, layer: int, neuron: int, position: int) -> Target:
    """Return a neuron's activation at a position as a target.

    Raises:
        InputError: The model has no such neuron.
    """
    table.check_position(position)
    neurons = require_neurons(table.run, layer, neuron)
    index = torch.tensor([neuron], device=table.written.device)
    read_vector, constant = neurons.read_rows(index, index.new_tensor([position]))
    node = Node(f"m{layer}.n{neuron}@{position}", NodeKind.NEURON, layer, None, "m", position, neuron)
    value = float(neurons.activation[position, neuron])
    if value == 0:
        raise InputError(
            f"'{node.name}' is 0 at position {position}, so it has no circuit there; an active neuron would "
            "be right."
        )
    stage = mlp_read_stage(table.run.model.shape, layer)
    reads = ReadVectors(np.array([position]), stage, constant, read_vector)
    return Target(node, value, read_vectors=reads)


def likely_logits(
    table: NodeTable, share: float = LOGIT_PROBABILITY_SHARE, max_targets: int = MAX_LOGIT_TARGETS
) -> tuple[Target, ...]:
    """Return the logits that hold a share of the probability at the last position.

    Args:
        table: The nodes of the prompt.
        share: Share of the probability, 0 to 1.
        max_targets: At most so many.
    """
    probabilities = table.run.logits.softmax(-1)
    best = probabilities.topk(min(max_targets, len(probabilities)))
    number = int((best.values.cumsum(0) < share).sum()) + 1
    tokens = best.indices[:number].tolist()
    return tuple(logit_target(table, token, float(probabilities[token])) for token in tokens)


@torch.no_grad()
def logit_target(table: NodeTable, token: int, weight: float = 1.0) -> Target:
    """Return one token's logit at the last position, before any cap, as a target."""
    check_tokens(table, [token])
    position = table.run.time - 1
    node = Node(f"logit.{token}@{position}", NodeKind.LOGITS, position=position, token=token)
    return _logit_direction_target(table, node, *_mean_unembedding(table, [token]), weight)


@torch.no_grad()
def difference_target(table: NodeTable, correct: Sequence[int], incorrect: Sequence[int]) -> Target:
    """Return as a target the mean logit of the correct minus that of the incorrect tokens, at the end."""
    check_tokens(table, [*correct, *incorrect])
    if not correct or not incorrect:
        raise InputError("A logit difference needs at least one correct and one incorrect token.")
    correct_direction, incorrect_direction = (
        _mean_unembedding(table, correct),
        _mean_unembedding(table, incorrect),
    )
    node = Node(f"logits@{table.run.time - 1}", NodeKind.LOGITS, position=table.run.time - 1)
    return _logit_direction_target(
        table,
        node,
        correct_direction[0] - incorrect_direction[0],
        correct_direction[1] - incorrect_direction[1],
    )


def check_tokens(table: NodeTable, tokens: Sequence[int]) -> None:
    """Raise InputError for a token id that is not in the vocabulary."""
    size = table.run.model.vocabulary_size
    for token in tokens:
        if not 0 <= token < size:
            raise InputError(f"Token {token} was given; this model's vocabulary has 0 to {size - 1}.")


def _mean_unembedding(table: NodeTable, tokens: Sequence[int]) -> tuple[Tensor, Tensor]:
    model = table.run.model
    direction = model.unembedding_rows(list(tokens)).mean(0)
    bias = model.unembedding_bias
    offset = direction.new_zeros(()) if bias is None else bias[list(tokens)].mean()
    if table.convention.demeans_logits:
        direction = direction - model.unembedding.mean(0)
        offset = offset if bias is None else offset - bias.mean()
    return direction, offset


def _logit_direction_target(
    table: NodeTable, node: Node, direction: Tensor, bias: Tensor, weight: float = 1.0
) -> Target:
    run = table.run
    read_vector, constant = pull_back_through_norm(run.model.final_norm, run.final[-1:], direction[None])
    value = float(run.model.final_norm(run.final[-1]) @ direction + bias)
    reads = ReadVectors(
        np.array([run.time - 1]), logits_read_stage(run.model.shape), constant + bias, read_vector
    )
    return Target(node, value, read_vectors=reads, weight=weight, direction=direction, bias=float(bias))
