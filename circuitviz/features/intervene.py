"""Runs of the real model with changed nodes, in which everything else responds.

Features are computed from what their site reads in this run. A changed feature's difference is added to the
site's own output (errors kept) or to its reconstruction (errors dropped). Source: [marks2024sparse].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from circuitviz.features.cross_layer import SiteReconstructions
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.frozen_effects import frozen_change, predicted_change
from circuitviz.features.hook_points import dictionary_input, folded_value_bias
from circuitviz.features.node_changes import (
    NodeChange,
    change_embeddings,
    change_rest,
    resolve_interventions,
)
from circuitviz.features.node_rows import NodeTable
from circuitviz.features.prompt_run import PromptRun, run_prompt
from circuitviz.features.sites import RESIDUAL_PART
from circuitviz.features.targets import Target
from circuitviz.graph import Interventions, NodeKind
from circuitviz.graph.feature_sites import site_of
from circuitviz.models.model import Hook


@dataclass(frozen=True, slots=True)
class InterventionCheck:
    """Predicted and measured change of a target under interventions.

    Attributes:
        target: Name of the target.
        interventions: The interventions by node.
        before: The target in the model, or, with errors dropped, in the replacement model.
        predicted: The change that attribution predicts.
        frozen: The change with patterns, scales and active features frozen.
        free: The change in the real model, with the same error mode as ``before``.
    """

    target: str
    interventions: Interventions
    before: float
    predicted: float
    frozen: float
    free: float


@torch.no_grad()
def run_with_changes(table: NodeTable, changes: Sequence[NodeChange], errors: str = "kept") -> PromptRun:
    """Run the table's prompt in the real model with changes at its sites.

    Args:
        table: The nodes of the prompt.
        changes: The changes.
        errors: ``kept``, or ``dropped`` at every site that has a dictionary: the replacement model. Without
            changes and with errors kept, the run is the model's own.
    """
    return run_prompt(table.run.model, table.run.token_ids, _ChangeHooks(table, changes, errors).hooks())


def check_interventions(
    table: NodeTable,
    target: Target,
    interventions: Interventions,
    references: Sequence[PromptRun] = (),
    errors: str = "kept",
) -> InterventionCheck:
    """Return the predicted and measured change of a target under interventions.

    Args:
        table: The nodes of the prompt.
        target: The target.
        interventions: The interventions by node.
        references: Runs that values are taken from (``resolve_interventions``).
        errors: ``kept`` or ``dropped``.
    """
    changes = resolve_interventions(table, interventions, references)
    after = target_value_in(run_with_changes(table, changes, errors), table, target)
    before = target.value
    if errors == "dropped":
        before = target_value_in(run_with_changes(table, (), errors), table, target)
    return InterventionCheck(
        target.node.name,
        interventions,
        before,
        predicted_change(table, target, changes),
        frozen_change(table, target, changes),
        after - before,
    )


@torch.no_grad()
def target_value_in(run: PromptRun, table: NodeTable, target: Target) -> float:
    """Return a target's value in another run of the same prompt.

    Of a feature, its activation, 0 where it is not active there; of a head, its share of its own direction;
    logits before any cap.
    """
    node = target.node
    if target.index is None:
        assert target.read_vectors is not None
        return target.value_in_run(run)
    assert node.layer is not None and node.position is not None
    if node.kind is NodeKind.FEATURE:
        dictionary = table.dictionaries[site_of(node)]
        return float(dictionary.encode(run.dictionary_input(dictionary)[node.position])[node.feature])
    direction = table.written[target.index]
    if node.kind is NodeKind.HEAD:
        output = run.head_outputs(node.layer)[node.position, node.head]
    else:
        dictionary = table.dictionaries[f"m{node.layer}"]
        assert dictionary.skip is not None
        output = dictionary.skip @ run.dictionary_input(dictionary)[node.position]
    return float(output @ direction / direction.square().sum())


class _ChangeHooks:
    """Hooks that apply changes of nodes in a run."""

    def __init__(self, table: NodeTable, changes: Sequence[NodeChange], errors: str) -> None:
        self.table, self.run, self.errors = table, table.run, errors
        self.changes = changes
        self.mlp_inputs: dict[int, Tensor] = {}
        self.rests: dict[int, Tensor] = {}
        self.before = SiteReconstructions(table.dictionaries)  # of what sites read in this pass
        self.after = SiteReconstructions(table.dictionaries)  # once features are changed

    def hooks(self) -> dict[str, Hook]:
        """Return the hooks by hook point."""
        model = self.run.model
        hooks: dict[str, Hook] = {}
        if tokens := self._changes_of(""):
            hooks[model.embed_hook] = partial(change_embeddings, tokens, model.embed_scale)
        for layer in self.table.residual_layers:
            of_stream = self.table.dictionaries[f"{RESIDUAL_PART}{layer}"]
            of_site = self._changes_of(RESIDUAL_PART, layer)
            if of_site or self.errors == "dropped":
                hooks[model.stream_hook(layer)] = lambda x, one=of_stream, c=of_site: self._change_site(
                    x, x[0], one, c
                )  # type: ignore[misc]
        for layer, weights in enumerate(model.layers):
            attention, mlp = self._changes_of("a", layer), self._changes_of("m", layer)
            heads = [c for c in attention if c.node.kind is NodeKind.HEAD]
            dictionary = self.table.dictionaries.get(f"a{layer}")
            if heads or (
                dictionary and dictionary.site.reads == "z" and (attention or self.errors == "dropped")
            ):
                z_hook = f"blocks.{layer}.attn.hook_z"
                hooks[z_hook] = lambda z, dictionary=dictionary, c=attention: self._change_z(z, dictionary, c)  # type: ignore[misc]
            elif dictionary and (attention or self.errors == "dropped"):
                hooks[weights.attn_out_hook] = lambda x, dictionary=dictionary, c=attention: (
                    self._change_site(x, x[0], dictionary, c)
                )  # type: ignore[misc]
            dictionary = self.table.dictionaries.get(f"m{layer}")
            if layer in self.table.neurons and (mlp or self.errors == "dropped"):
                hooks[f"blocks.{layer}.mlp.out.hook_in"] = partial(self._change_neurons, layer, mlp)
                hooks[weights.mlp_out_hook] = partial(self._change_rest, layer, mlp)
            elif mlp or (dictionary and (self.errors == "dropped" or self._has_cross_layer_changes)):
                hooks[weights.mlp_in_hook] = lambda x, i=layer: self.mlp_inputs.__setitem__(i, x[0])  # type: ignore[misc]
                hooks[weights.mlp_out_hook] = lambda x, i=layer, c=mlp: self._change_mlp(x, i, c)  # type: ignore[misc]
        return hooks

    @property
    def _has_cross_layer_changes(self) -> bool:
        """Whether sites have to know the activations of earlier layers, whose features write to them."""
        dictionaries = self.table.dictionaries.values()
        return bool(self.changes) and any(one.later_decoder is not None for one in dictionaries)

    def _changes_of(self, part: str, layer: int = -1) -> list[NodeChange]:
        if not part:
            return [c for c in self.changes if c.node.layer is None]
        return [c for c in self.changes if c.node.layer == layer and c.node.site == part]

    def _change_z(self, z: Tensor, dictionary: Dictionary | None, changes: list[NodeChange]) -> Tensor:
        z = z.clone()
        for change in changes:
            if change.node.kind is NodeKind.HEAD:
                position, head = change.node.position, change.node.head
                z[0, position, head] = change.apply_to(z[0, position, head])
        if dictionary is None:
            return z
        bias = folded_value_bias(self.run.model, dictionary)
        flat = z[0].flatten(1) - bias
        return (self._changed_output(flat, flat, dictionary, changes) + bias).view_as(z)

    def _change_site(
        self, written: Tensor, raw_input: Tensor, dictionary: Dictionary, changes: list[NodeChange]
    ) -> Tensor:
        read = dictionary_input(self.run.model, dictionary, raw_input)
        return self._changed_output(written[0], read, dictionary, changes)[None]

    def _change_mlp(self, written: Tensor, layer: int, changes: list[NodeChange]) -> Tensor:
        dictionary = self.table.dictionaries.get(f"m{layer}")
        if dictionary is not None:
            raw_input = self.mlp_inputs[layer] if dictionary.site.is_transcoder else written[0]
            return self._change_site(written, raw_input, dictionary, changes)
        written = written.clone()
        for change in changes:
            position = change.node.position
            written[0, position] = change.apply_to(written[0, position])
        return written

    def _change_neurons(self, layer: int, changes: list[NodeChange], activation: Tensor) -> Tensor:
        """Return the hidden activations of an MLP [1, time, neurons], or in its own shape."""
        neurons = self.table.neurons[layer]
        changed = activation.clone()
        flat = changed.view(self.run.time, -1)
        rest = flat * ~neurons.listed
        for change in changes:
            if change.node.kind is NodeKind.NEURON:
                index = change.node.position, change.node.feature
                rest[index] = 0  # a neuron that is no node stops being part of the others
                flat[index] = change.activation_from(flat[index])
        if self.errors == "dropped":
            flat -= rest
            rest = torch.zeros_like(rest)
        self.rests[layer] = neurons.output(rest)
        return changed

    def _change_rest(self, layer: int, changes: list[NodeChange], written: Tensor) -> Tensor:
        return change_rest(changes, self.rests[layer], written)

    def _changed_output(
        self, written: Tensor, read: Tensor, dictionary: Dictionary, changes: list[NodeChange]
    ) -> Tensor:
        """Return what a site writes [time, d_out] with its changed features, errors and skip connections."""
        activation = dictionary.encode(read)
        reconstruction = self.before.reconstruct(dictionary, activation)
        skipped = torch.zeros_like(reconstruction) if dictionary.skip is None else read @ dictionary.skip.T
        error = written - reconstruction - skipped
        if self.errors == "dropped":
            error = torch.zeros_like(error)
        new_activation = activation.clone()
        for change in changes:
            node, position = change.node, change.node.position
            if node.kind is NodeKind.FEATURE:
                old_activation = activation[position, node.feature]
                new_activation[position, node.feature] = change.activation_from(old_activation)
            elif node.kind in (NodeKind.ERROR, NodeKind.SKIP):
                output = error if node.kind is NodeKind.ERROR else skipped
                output[position] = change.apply_to(output[position])
        return self.after.reconstruct(dictionary, new_activation) + skipped + error
