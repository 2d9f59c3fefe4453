"""Targets of circuits of one prompt: a feature, a neuron, a head, a logit, or a difference of logits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features import read_vectors
from circuitviz.features.forward_order import logits_read_stage, mlp_read_stage
from circuitviz.features.node_rows import NodeTable
from circuitviz.features.prompt_run import Run
from circuitviz.features.read_vectors import ReadVectors
from circuitviz.graph import Node, NodeKind

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
        direction: Of a logit [d_model] or neuron, at the output of its normalisation.
        bias: What is added.
    """

    node: Node
    value: float
    index: int | None = None
    read_vectors: ReadVectors | None = None
    weight: float = 1.0
    direction: Tensor | None = None
    bias: float = 0.0

    def value_in_run(self, run: Run) -> float:
        """Return a logit's or neuron's value in any run of the same prompt."""
        assert self.direction is not None and self.node.position is not None
        if self.node.kind is NodeKind.NEURON:
            assert self.node.layer is not None
            normal = run.mlp_norm(self.node.layer)(run.mlp_stream[self.node.layer][self.node.position])
        else:
            normal = run.model.final_norm(run.final[self.node.position])
        return float(normal @ self.direction) + self.bias


def named_target(table: NodeTable, name: str, prompt: str) -> Target:
    """Return a target by what people write: a node's name, ``logit.42``, or the token after the prompt.

    Args:
        table: The nodes of the prompt.
        name: The name or the token.
        prompt: The prompt's text, with which a token is tokenised.

    Raises:
        InputError: The node is not active or a leaf, or the text is not one token.
    """
    if match := re.fullmatch(r"logit\.(\d+)(?:@(\d+))?", name):
        return logit_target(table, int(match[1]))
    if re.fullmatch(r"(?:[am]\d+(?:\.\w+)?|token|position)@\d+", name):
        return node_target(table, name)
    return logit_target(table, table.run.model.tokens.answer_id(prompt, name))


def node_target(table: NodeTable, name: str) -> Target:
    """Return a feature or head of the table by its name, ``m3.f123@7``; or a neuron, ``m3.n45@7``.

    Raises:
        InputError: The node is not active, or nothing flows into it.
    """
    site, dot_sign, neuron_text = name.partition(".n")
    neuron, at_sign, position = neuron_text.partition("@")
    if dot_sign and at_sign and site[:1] == "m" and (site[1:] + neuron + position).isdigit():
        return neuron_target(table, int(site[1:]), int(neuron), int(position))
    index = table.index(name)
    if table.is_leaf[index]:
        raise InputError(
            f"'{name}' is a leaf: nothing flows into it, so it has no circuit; a feature, a neuron, a head "
            "or a logit has one."
        )
    return Target(table.node(index), float(table.activation_on_host[index]), index)


@torch.no_grad()
def neuron_target(table: NodeTable, layer: int, neuron: int, position: int) -> Target:
    """Return a neuron's value before its activation function, at a position, as a target.

    Raises:
        InputError: The model has no such neuron, or MLPs with gates.
    """
    run = table.run
    table.check_position(position)
    shape = run.model.shape
    block = run.model.bridge.blocks[layer] if 0 <= layer < shape.n_layers and shape.mlp else None
    input_layer = getattr(getattr(block, "mlp", None), "in", None)
    if block is None or input_layer is None or hasattr(block.mlp, "gate"):
        raise InputError(
            f"Neuron {neuron} of layer {layer} was given; layers 0 to {shape.n_layers - 1} of models whose "
            "MLPs have neurons without gates do."
        )
    linear = input_layer.original_component
    normalised = run.mlp_norm(layer)(run.mlp_stream[layer][position])
    values = linear(normalised[None])[0]
    if not 0 <= neuron < len(values):
        raise InputError(f"Neuron {neuron} was given; the MLP of layer {layer} has 0 to {len(values) - 1}.")
    zero = torch.zeros_like(normalised)
    bias_term = linear(zero[None])[0, neuron]
    # a linear map shows its weights when it is given each unit vector
    unit_vectors = torch.eye(len(normalised), dtype=normalised.dtype, device=normalised.device)
    direction = linear(unit_vectors)[:, neuron] - bias_term
    norm = run.mlp_norm(layer)
    read_vector = direction * norm.weight
    if norm.is_centred:
        read_vector = read_vector - read_vector.mean()
    read_vector = read_vector * norm.normalise_parts(run.mlp_stream[layer][position])[1]
    constant = bias_term if norm.bias is None else bias_term + direction @ norm.bias
    name = f"m{layer}.n{neuron}@{position}"
    node = Node(name, NodeKind.NEURON, layer, site="m", position=position, feature=neuron)
    reads = ReadVectors(np.array([position]), mlp_read_stage(shape, layer), constant[None], read_vector[None])
    return Target(node, float(values[neuron]), read_vectors=reads, direction=direction, bias=float(bias_term))


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
    return direction, direction.new_zeros(()) if bias is None else bias[list(tokens)].mean()


def _logit_direction_target(
    table: NodeTable, node: Node, direction: Tensor, bias: Tensor, weight: float = 1.0
) -> Target:
    run = table.run
    positions = run.tokens.new_full((1,), run.time - 1)
    read_vector, constant = read_vectors.pull_back_through_final_norm(run, direction[None], positions)
    value = float(run.model.final_norm(run.final[-1]) @ direction + bias)
    reads = ReadVectors(
        np.array([run.time - 1]), logits_read_stage(run.model.shape), constant + bias, read_vector
    )
    return Target(node, value, read_vectors=reads, weight=weight, direction=direction, bias=float(bias))
