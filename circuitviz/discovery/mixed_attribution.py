"""Edge attribution in a graph of components and features: the same scores in another basis.

As EAP and EAP-IG (methods.md, Scores), and as feature circuits over a task [marks2024sparse]: s(u→v) = mean
over prompts of Σ over positions (z_u − a_u) · ∂L/∂x_v, where u and v may be features of a site.

1. ``choose_features``: the features of greatest |attribution| are listed at each site; the rest is its error.
2. Deltas: a feature's z_u − a_u is its activation minus its ablation value, times its decoder direction; the
   error is what is left of the site's delta.
3. One pass per point in which each site is its features plus a constant error gives ∂L/∂(activation of each
   feature).
4. That gradient goes back from the activation to the residual stream, through the queries, keys and values,
   or the MLP, that the dictionary's input was computed from.

Patterns, normalisations and MLPs are free to respond, unlike in the attribution of one prompt, whose frozen
patterns are blind to QK.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from circuitviz.discovery.activation_deltas import ActivationDeltas
from circuitviz.discovery.averaged_gradients import GradientPoint, TaskBatch, compute_gradients
from circuitviz.discovery.backward_rules import BackwardRules
from circuitviz.discovery.batch_ablation_values import ablation_values
from circuitviz.discovery.device_results import FetchTimer
from circuitviz.discovery.gradients import add_edge_scores
from circuitviz.discovery.registry import TaskSetting
from circuitviz.discovery.site_gradients import (
    SiteRecord,
    attention_receiver_gradients,
    mlp_receiver_gradients,
    receivers_of_site,
    residual_receiver_gradients,
)
from circuitviz.features import Dictionary
from circuitviz.features.feature_basis import FeatureBasis, SiteBasis, strongest_features
from circuitviz.features.task_ablation_values import FeatureValues, record_site, task_feature_values
from circuitviz.graph import Graph, NodeKind, Scores
from circuitviz.graph.feature_sites import site_of
from circuitviz.models import Activations, Model
from circuitviz.models.batching import run_in_batches
from circuitviz.models.buffers import BufferPool
from circuitviz.models.device_arrays import copy_arrays
from circuitviz.models.sender_activations import recording_hooks
from circuitviz.progress import Progress, ProgressSteps

HELD_SENDER_TENSORS = 4.0  # two bases, deltas and the passes


def choose_features(
    setting: TaskSetting, dictionaries: Mapping[str, Dictionary], max_features: int
) -> ProgressSteps[tuple[FeatureBasis, dict[str, Any]]]:
    """Choose the features to list at each site: those of greatest |attribution| to the metric.

    A feature's attribution here: mean over prompts of Σ over positions (activation − ablation value) ·
    ∂L/∂activation at the clean input, where the whole output of its site is free.

    Args:
        setting: Model, task, metric and ablation.
        dictionaries: By site.
        max_features: The most features that are listed at a site.

    Returns:
        The basis, and by site how many features were active, how many are listed, and their share of all
        |attribution|.
    """
    model, task = setting.model, setting.task
    full_basis = FeatureBasis.from_dictionaries(model, dictionaries)
    values_for, feature_ablations = (
        ablation_values(model, task, setting.ablation),
        _feature_ablation_values(setting, full_basis),
    )
    total = {
        name: torch.zeros(site.dictionary.features, dtype=torch.float64, device=model.device)
        for name, site in full_basis.sites.items()
    }

    def work(rows: range) -> ProgressSteps[None]:
        subtask = task.subset(rows)
        batch = TaskBatch(model, subtask, Activations(torch.empty(0), [], []), values_for(subtask))
        records: dict[str, SiteRecord] = {}
        site_outputs: list[Tensor] = []

        def record_output(site: SiteBasis, read: Tensor, written: Tensor) -> Tensor:
            site_outputs.append(written)
            records[site.name] = SiteRecord(read, written, site.listed_activations(read.detach()))
            return written  # the same tensor: the pass continues from it, so it has a gradient

        _, gradients = compute_gradients(
            setting, batch, GradientPoint(), full_basis.hooks(record_output), site_outputs
        )
        ablated = feature_ablations(subtask)
        for (name, site), gradient in zip(full_basis.sites.items(), gradients.extra, strict=True):
            effect = gradient @ site.listed_decoder_rows().T
            total[name] += ((records[name].features - ablated[name]) * effect).sum((0, 1)).double()
        yield Progress(rows.stop, 2 * len(task), f"choosing features, {rows.stop} of {len(task)} prompts")

    yield from run_in_batches(model, len(task), task.clean.shape[1], work, HELD_SENDER_TENSORS)
    sizes = {name: attribution.abs() for name, attribution in total.items()}
    listed = strongest_features(sizes, max_features)
    sites, info = {}, {}
    for name, indices in listed.items():
        index = torch.tensor(indices, dtype=torch.long, device=model.device)
        sites[name] = SiteBasis(model, full_basis.sites[name].dictionary, index)
        total_size = float(sizes[name].sum())
        info[name] = {
            "active": int((sizes[name] > 0).sum()),
            "listed": len(indices),
            "share": float(sizes[name][index].sum()) / total_size if total_size else 1.0,
        }
    return FeatureBasis(model, sites), info


def score_mixed_edges(
    setting: TaskSetting,
    basis: FeatureBasis,
    points: Sequence[GradientPoint],
    method: str,
    info: Mapping[str, Any],
    rules: BackwardRules | None = None,
) -> ProgressSteps[Scores]:
    """Scores of the graph in which some sites show features; gradients are means over points.

    Args:
        setting: Model, task, metric and ablation.
        basis: The sites and their listed features.
        points: Where gradients are taken.
        method: Name of the method.
        info: ``Scores.info`` of the result.
        rules: What the backward pass does differently.
    """
    model, task = setting.model, setting.task
    mixed = _MixedGraph(model, basis, rules)
    values_for, feature_ablations = (
        ablation_values(model, task, setting.ablation),
        _feature_ablation_values(setting, basis),
    )
    total = torch.zeros(mixed.graph.mask.shape, dtype=torch.float64, device=model.device)
    prompts_done, buffers, timer = 0, BufferPool(), FetchTimer(model.device)

    def scores(batch_scores: Tensor, prompts: int, is_partial: bool) -> Scores:
        numbers = np.where(mixed.graph.mask, (batch_scores / prompts).cpu().numpy(), 0.0)
        return Scores(mixed.graph, numbers, method, partial=is_partial, info=dict(info))

    def work(rows: range) -> ProgressSteps[None]:
        nonlocal prompts_done
        subtask = task.subset(rows)
        batch = TaskBatch(model, subtask, Activations(torch.empty(0), [], []), values_for(subtask))
        clean = _record_clean(batch, basis)
        deltas = mixed.activation_deltas(batch, clean, feature_ablations(subtask), buffers)
        batch_scores = torch.zeros_like(total)
        for number, point in enumerate(points, start=1):
            mixed.add_point_scores(batch_scores, setting, batch, point, deltas, 1 / len(points), buffers)
            share = prompts_done + len(subtask) * number / len(points)
            text = f"pass {number} of {len(points)}, {prompts_done + len(subtask)} of {len(task)} prompts"
            partial_scores = None
            if timer.is_due():
                scaled_total = total + batch_scores * len(points) / number
                partial_scores = scores(scaled_total, prompts_done + len(subtask), True)
            yield Progress(len(task) + share, 2 * len(task), text, partial_scores)
        total.add_(batch_scores)
        prompts_done += len(subtask)

    yield from run_in_batches(
        model, len(task), task.clean.shape[1], work, HELD_SENDER_TENSORS * mixed.sender_ratio
    )
    return scores(total, len(task), False)


def _feature_ablation_values(setting: TaskSetting, basis: FeatureBasis) -> FeatureValues:
    return task_feature_values(setting.model, setting.task, setting.ablation, basis)


@torch.no_grad()
def _record_clean(batch: TaskBatch, basis: FeatureBasis) -> dict[str, Tensor]:
    """Run the clean prompts: the batch gets its senders' outputs; returned are features by site.

    Of the residual stream's sites also errors, by their names.
    """
    features: dict[str, Tensor] = {}

    def record_features(site: SiteBasis, read: Tensor, written: Tensor) -> None:
        record_site(site, read, written, features)

    model, subtask = batch.model, batch.task
    with model.hooks(recording_hooks(model, batch.clean)), model.hooks(basis.hooks(record_features)):
        batch.clean.logits = model.logits(subtask.clean, subtask.lengths - 1)
    return features


@dataclass(eq=False)
class _MixedGraph:
    """The graph with features at some sites, and where its senders and receivers are among the model's."""

    model: Model
    basis: FeatureBasis
    rules: BackwardRules | None
    graph: Graph = field(init=False)

    def __post_init__(self) -> None:
        self.graph = self.basis.graph()
        model_graph, index = self.model.graph, self.graph.receiver_index
        senders = self.graph.sender_index
        column_pairs = [(i, index[name]) for i, name in enumerate(model_graph.receivers) if name in index]
        row_pairs = [(i, senders[name]) for i, name in enumerate(model_graph.senders) if name in senders]
        site_columns = [
            [index[name] for name in receivers_of_site(site)] for site in self.basis.sites.values()
        ]
        shared = (*zip(*column_pairs, strict=True), *zip(*row_pairs, strict=True))
        arrays = [np.array(part, dtype=np.int64) for part in (*shared, *site_columns)]
        self._model_columns, self._mixed_columns, self._model_rows, self._mixed_rows, *columns = copy_arrays(
            arrays, self.model.device
        )
        self._columns_of_site = dict(zip(self.basis.sites, columns, strict=True))
        depth = np.array([self.graph.depth(name) for name in self.graph.senders])
        layers = range(self.model.shape.n_layers)
        self.senders_before = [
            (int((depth < 2 * i + 1).sum()), int((depth < 2 * i + 2).sum())) for i in layers
        ]

    @property
    def sender_ratio(self) -> float:
        """Number of senders divided by the model's number of senders."""
        return len(self.graph.senders) / len(self.model.graph.senders)

    def site_rows(self, site: str, kind: NodeKind | None = None) -> list[int]:
        """Rows of a site's nodes: its features, its error, or both."""
        nodes = enumerate(self.graph.nodes)
        return [i for i, n in nodes if kind in (None, n.kind) and site_of(n) == site]

    @torch.no_grad()
    def activation_deltas(
        self,
        batch: TaskBatch,
        features: dict[str, Tensor],
        feature_ablations: dict[str, Tensor],
        buffers: BufferPool,
    ) -> ActivationDeltas:
        """Deltas of all senders; those of a site's features and error add up to the site's."""
        model_deltas = ActivationDeltas.from_activations(self.model, batch.clean, batch.ablated, buffers)
        sizes = (len(self.graph.senders), *model_deltas.values.shape[1:])
        deltas = buffers.buffer("mixed deltas", model_deltas.values, *sizes)
        deltas[self._mixed_rows] = model_deltas.values[self._model_rows]
        for name, site in self.basis.sites.items():
            feature_deltas = (features[name] - feature_ablations[name]).expand_as(features[name])
            feature_deltas = feature_deltas[:, model_deltas.first_changed_position :]
            rows, (error,) = self.site_rows(name, NodeKind.FEATURE), self.site_rows(name, NodeKind.ERROR)
            if site.is_residual:
                error_deltas = features[site.error_name] - feature_ablations[site.error_name]
                error_deltas = error_deltas.expand_as(features[site.error_name])
                deltas[error] = error_deltas[:, model_deltas.first_changed_position :]
            else:
                site_senders = [i for i, node in enumerate(self.model.graph.nodes) if site_of(node) == name]
                site_values = model_deltas.values[site_senders[0] : site_senders[-1] + 1]  # contiguous
                deltas[error] = site_values.sum(0)
            for row, direction, amount in zip(
                rows, site.listed_directions(), feature_deltas.unbind(-1), strict=True
            ):
                torch.mul(amount[..., None], direction, out=deltas[row])
                if not site.is_residual:
                    deltas[error] -= deltas[row]
        return ActivationDeltas(model_deltas.first_changed_position, deltas)

    def add_point_scores(
        self,
        scores: Tensor,
        setting: TaskSetting,
        batch: TaskBatch,
        point: GradientPoint,
        deltas: ActivationDeltas,
        weight: float,
        buffers: BufferPool,
    ) -> None:
        """Add a point's scores, from one pass in which each site is its features and a constant error.

        Through sites of the residual stream the gradient passes as it is: features and error respond.
        """
        records: dict[str, SiteRecord] = {}
        feature_activations: list[Tensor] = []

        def replace_output(site: SiteBasis, read: Tensor, written: Tensor) -> Tensor:
            features = site.listed_activations(read)
            records[site.name] = SiteRecord(read, written, features)
            if site.is_residual:
                feature_activations.append(written)
                return written
            feature_activations.append(features)
            return written.detach() + (features - features.detach()) @ site.listed_decoder_rows()

        is_constant = self.rules is not None
        hooks = self.basis.hooks(replace_output, is_constant)
        capture, gradients = compute_gradients(setting, batch, point, hooks, feature_activations, self.rules)
        model_scores = scores.new_zeros(len(scores), len(self.model.graph.receivers))
        add_edge_scores(
            self.model, deltas, capture, gradients, model_scores, weight, buffers, self.senders_before,
            is_constant,
        )  # fmt: skip
        scores[:, self._mixed_columns] += model_scores[:, self._model_columns]
        flat_deltas = deltas.values.flatten(1)
        for name, gradient in zip(records, gradients.extra, strict=True):
            site, layer = self.basis.sites[name], self.basis.sites[name].dictionary.site.layer
            of_mlp = name[0] == "m"
            if site.is_residual:
                n_senders_before = self.site_rows(name)[0]
                receiver_gradients = residual_receiver_gradients
            else:
                n_senders_before = self.senders_before[layer][of_mlp and not self.model.shape.parallel]
                receiver_gradients = mlp_receiver_gradients if of_mlp else attention_receiver_gradients
            products = [
                weight * (flat_deltas[:n_senders_before] @ vectors.T).double()
                for vectors in receiver_gradients(
                    self.model, site, records[name], gradient, capture, is_constant
                )
            ]
            if products:
                scores[:n_senders_before, self._columns_of_site[name]] += torch.cat(products, dim=1)
