"""Interventions on nodes of a prompt, resolved to changes that frozen and free runs both apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from circuitviz.errors import InputError, suggest_name
from circuitviz.features.build_node_table import feature_directions
from circuitviz.features.cross_layer import later_layers, reconstruct_in_run
from circuitviz.features.neurons import neurons_of_run, require_neurons
from circuitviz.features.node_rows import NodeTable
from circuitviz.features.prompt_run import PromptRun
from circuitviz.graph import Intervention, Interventions, Node, NodeKind
from circuitviz.graph.feature_sites import site_of
from circuitviz.graph.names import parse_feature_name, parse_neuron_name

INTERVENTION_ACTIONS = ("zero", "scale", "set", "mean", "corrupted")


@dataclass(frozen=True, eq=False)
class NodeChange:
    """An intervention resolved on a run.

    Attributes:
        node: The node.
        activation_before: Its activation in the run.
        direction: [d_model], what it writes at activation 1; of other nodes, what they write in the run.
        new_activation: A feature's or neuron's new activation, where it is fixed.
        factor: What its own value or vector is multiplied with.
        new_vector: What another node writes instead [d_model]; for a head its new value [d_head]; for the
            error of an SAE on head values (``is_of_head_values``) all heads' values [heads · d_head].
        is_of_head_values: Whether ``new_vector`` is in heads' values.
        later_directions: By later layer, [d_model], what a feature of a cross-layer transcoder writes there
            at activation 1.
    """

    node: Node
    activation_before: float
    direction: Tensor
    new_activation: float | None = None
    factor: float | None = None
    new_vector: Tensor | None = None
    is_of_head_values: bool = False
    later_directions: Mapping[int, Tensor] = field(default_factory=dict)

    def apply_to(self, value: Tensor) -> Tensor:
        """Return what replaces the ``value`` of a node other than a feature, in its own form."""
        if self.factor is not None:
            return value * self.factor
        assert self.new_vector is not None
        return self.new_vector

    def activation_from(self, activation: Tensor) -> Tensor | float:
        """Return what replaces a feature's or neuron's ``activation``."""
        return activation * self.factor if self.factor is not None else self.new_activation or 0.0

    def added_output(self, run: PromptRun) -> Tensor:
        """Return what the node writes beyond before, [d_model], if all that it reads is held."""
        if self.factor is not None or self.new_activation is not None:
            return self.direction * self._added_activation
        assert self.new_vector is not None
        if self.node.kind is not NodeKind.HEAD and not self.is_of_head_values:
            return self.new_vector - self.direction
        assert self.node.layer is not None
        o = run.model.layers[self.node.layer].o
        o = o.flatten(0, 1) if self.is_of_head_values else o[self.node.head]
        return self.new_vector @ o * run.post[self.node.layer][self.node.position] - self.direction

    def added_later(self) -> dict[int, Tensor]:
        """Return by later layer what a cross-layer feature writes beyond before, [d_model]."""
        return {layer: row * self._added_activation for layer, row in self.later_directions.items()}

    @property
    def _added_activation(self) -> float:
        if self.factor is not None:
            return self.activation_before * (self.factor - 1)
        return (self.new_activation or 0.0) - self.activation_before


def change_embeddings(changes: Sequence[NodeChange], scale: float, embeddings: Tensor) -> Tensor:
    """Return embeddings [1, time, d_model] of a run in which some tokens are changed.

    Args:
        changes: Changes of tokens.
        scale: Factor of the embeddings in the stream.
        embeddings: [1, time, d_model].
    """
    embeddings = embeddings.clone()
    for change in changes:
        position = change.node.position
        embeddings[0, position] = change.apply_to(embeddings[0, position] * scale) / scale
    return embeddings


def change_rest(changes: Sequence[NodeChange], rest: Tensor, written: Tensor) -> Tensor:
    """Return what an MLP writes [1, time, d_model] once what its neurons that are no nodes write is changed.

    Args:
        changes: Changes of the MLP's nodes.
        rest: What those neurons write in this run, [time, d_model].
        written: What the MLP writes, also in the shape of its block.
    """
    written = written.clone()
    for change in changes:
        if change.node.kind is NodeKind.ERROR:
            position = change.node.position
            added = change.apply_to(rest[position]) - rest[position]
            written.view(len(rest), -1)[position] += added
    return written


@torch.no_grad()
def resolve_interventions(
    table: NodeTable, interventions: Interventions, references: Sequence[PromptRun] = ()
) -> list[NodeChange]:
    """Resolve interventions to changes of a table's run.

    Args:
        table: The nodes of the prompt.
        interventions: The interventions by node.
        references: For ``corrupted``, the run of the corrupted prompt, of as many tokens; for ``mean``, runs
            whose positions are averaged.

    Raises:
        InputError: An action, a node or a value is invalid, or runs are missing.
    """
    return [
        _resolve_intervention(table, name, intervention, references)
        for name, intervention in interventions.items()
    ]


def _resolve_intervention(
    table: NodeTable, name: str, intervention: Intervention, references: Sequence[PromptRun]
) -> NodeChange:
    action, amount = intervention.value, intervention.amount
    if action not in INTERVENTION_ACTIONS:
        message = (
            f"There is no action '{action}' on a prompt's node; there is {', '.join(INTERVENTION_ACTIONS)}."
        )
        raise InputError(message + suggest_name(action, INTERVENTION_ACTIONS))
    if action in ("mean", "corrupted") and not references:
        raise InputError(f"'{action}' of '{name}' needs runs to take its values from; give one.")
    if action == "corrupted" and (len(references) != 1 or references[0].time != table.run.time):
        raise InputError(
            f"'corrupted' of '{name}' needs one run of {table.run.time} tokens, as the prompt has."
        )
    node, activation, direction = _find_node(table, name)
    if node.kind.is_fixed:
        raise InputError(
            f"'{name}' is a bias or a position embedding, which is the same on every prompt; choose "
            "another node."
        )
    later = _later_directions(table, node)
    if action in ("zero", "scale"):
        factor = 0.0 if action == "zero" else amount
        return NodeChange(node, activation, direction, factor=factor, later_directions=later)
    if node.kind.has_activation:
        new_activation = amount if action == "set" else _reference_activation(table, node, action, references)
        return NodeChange(node, activation, direction, new_activation, later_directions=later)
    if action == "set":
        return NodeChange(node, activation, direction, factor=amount)
    site = table.dictionaries.get(site_of(node))
    is_of_head_values = node.kind is NodeKind.ERROR and site is not None and site.site.reads == "z"
    vector = _reference_vector(table, node, action, references)
    return NodeChange(node, activation, direction, new_vector=vector, is_of_head_values=is_of_head_values)


def _find_node(table: NodeTable, name: str) -> tuple[Node, float, Tensor]:
    """Return a node, its activation and its direction, also for features that are not active."""
    parsed = parse_feature_name(name)
    dictionary = None if parsed is None else table.dictionaries.get(parsed.site)
    if parsed is not None and parsed.position is not None and dictionary is not None:
        feature, position = parsed.feature, parsed.position
        table.check_position(position)
        if feature >= dictionary.features:
            raise InputError(
                f"'{name}' does not exist: '{dictionary.name}' has {dictionary.features:,} features."
            )
        site_input = table.run.dictionary_input(dictionary)[position]
        value = float(dictionary.encode(site_input)[feature])
        index = torch.tensor([feature], device=site_input.device)
        direction = feature_directions(table.run, dictionary, index, index.new_tensor([position]))[0]
        site = dictionary.site
        node = Node(name, NodeKind.FEATURE, site.layer, None, site.part, position, feature, dictionary.name)
        return node, value, direction
    if neuron := parse_neuron_name(name):
        layer, item, position = neuron
        table.check_position(position)
        neurons = require_neurons(table.run, layer, item)
        if layer in table.neurons:
            index = table.item_index.new_tensor([item])
            direction = neurons.written_rows(index, index.new_tensor([position]))[0]
            node = Node(name, NodeKind.NEURON, layer, site="m", position=position, feature=item)
            return node, float(neurons.activation[position, item]), direction
    row = table.index(name)
    return table.node(row), 1.0, table.written[row]


def _later_directions(table: NodeTable, node: Node) -> dict[int, Tensor]:
    dictionary = table.dictionaries.get(site_of(node))
    if node.kind is not NodeKind.FEATURE or dictionary is None:
        return {}
    index = table.item_index.new_tensor([node.feature])
    later = later_layers(table.dictionaries, dictionary)
    return {layer: dictionary.rows_at(index, layer)[0] for layer in later}


def _reference_activation(
    table: NodeTable, node: Node, action: str, references: Sequence[PromptRun]
) -> float:
    values = [table.activations_in(run, site_of(node))[:, node.feature] for run in references]
    if action == "corrupted":
        return float(values[0][node.position])
    return float(torch.cat(values).mean())


def _reference_vector(table: NodeTable, node: Node, action: str, references: Sequence[PromptRun]) -> Tensor:
    rows = torch.cat([_vectors_by_position(table, node, run) for run in references])
    return rows[node.position] if action == "corrupted" else rows.mean(0)


def _vectors_by_position(table: NodeTable, node: Node, run: PromptRun) -> Tensor:
    """Return what a node writes at every position of another run [time, d]; for a head, its values."""
    if node.kind is NodeKind.TOKEN:
        return run.embed
    layer = node.layer
    assert layer is not None
    if node.kind is NodeKind.HEAD:
        return run.z[layer][:, node.head]
    if node.kind is NodeKind.MLP:
        return run.mlp[layer]
    if node.kind is NodeKind.ERROR and layer in table.neurons and node.site == "m":
        neurons = neurons_of_run(run, layer)
        assert neurons is not None
        return neurons.output(neurons.activation * ~table.neurons[layer].listed[node.position])
    dictionary = table.dictionaries[f"{node.site}{layer}"]
    if node.kind is NodeKind.SKIP:
        assert dictionary.skip is not None
        return run.dictionary_input(dictionary) @ dictionary.skip.T
    return run.dictionary_target(dictionary) - reconstruct_in_run(run, table.dictionaries, dictionary)
