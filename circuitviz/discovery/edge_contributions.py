"""One edge's score on one prompt, position by position, and into a head pair by pair.

1. The gradient is taken at the points of the method that scored the edge, as the method itself does.
2. Position t contributes (z_u − a_u)[t] · (mean over the points of ∂L/∂x_v[t]); the contributions add up to
   the edge's score on the prompt.
3. A head reads x_v[t] at pairs of positions: query t with every key, or key or value s with every query. The
   contribution of a position is parted by running the attention as if each pair had an x_v of its own:
   for queries and keys ∂L/∂S[t, s] times the change of the score S[t, s] along z_u − a_u, for values
   pattern[t, s] times ∂L/∂z[t] · (change of the value at s).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.discovery.activation_deltas import ActivationDeltas
from circuitviz.discovery.averaged_gradients import GradientPoint, TaskBatch, compute_gradients
from circuitviz.discovery.backward_rules import BackwardRules
from circuitviz.discovery.batch_ablation_values import AblationValues, ablation_values
from circuitviz.discovery.gradients import GradientCapture, pattern_bytes
from circuitviz.discovery.optimal_ablation import learn_missing_constants_steps
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.errors import InputError
from circuitviz.graph.names import split_edge_span
from circuitviz.metrics import metrics
from circuitviz.models import record_activations
from circuitviz.models.batching import FREE_MEMORY_DIVISOR
from circuitviz.models.buffers import BufferPool
from circuitviz.models.forward_overrides import Hook
from circuitviz.models.memory_needs import free_bytes
from circuitviz.options import build_options
from circuitviz.progress import Progress, ProgressSteps

DEFAULT_METHOD = "eap-ig"
MAX_PAIR_ERROR = 1e-3  # of the largest contribution: pairs that add up to something else are not shown


@dataclass(frozen=True, eq=False)
class EdgeContributions:
    """Which positions an edge's score on one prompt comes from.

    Attributes:
        edge: Name of the edge.
        prompt: Number of the prompt in its task.
        method: Name of the method whose gradient it is.
        channel: ``q``, ``k`` or ``v`` of an edge into a head; empty for one into an MLP or the logits.
        tokens: Tokens of the clean prompt as shown [time].
        corrupted_tokens: Tokens of the corrupted prompt as shown [time].
        positions: Contribution of each position of the receiver's input, float64 [time].
        pairs: Contribution of each pair, float64 [query, key]; None where the receiver is no head, or the
            model does not tell how it makes its attention scores, the method has other backward rules, or
            the prompt is too long.
        is_too_long_for_pairs: Whether the attention patterns of the prompt, which pairs need all at once,
            take more than a quarter of the free memory.
    """

    edge: str
    prompt: int
    method: str
    channel: str
    tokens: list[str]
    corrupted_tokens: list[str]
    positions: NDArray[np.float64]
    pairs: NDArray[np.float64] | None = None
    is_too_long_for_pairs: bool = False

    @property
    def score(self) -> float:
        """The edge's score on the prompt: the sum over positions."""
        return float(self.positions.sum())


def read_edge_steps(
    setting: TaskSetting,
    edge: str,
    prompt: int = 0,
    method: str = DEFAULT_METHOD,
    values_for: AblationValues | None = None,
    **options: object,
) -> ProgressSteps[EdgeContributions]:
    """Read an edge on one prompt, as a generator of progress.

    Args:
        setting: Model, task, metric and ablation.
        edge: Name of an edge between components; of one at a span, its tokens alone contribute.
        prompt: Number of the prompt in the task.
        method: The method that scored the edge; ``eap-ig`` where it takes no gradient at receivers.
        values_for: Ablation values of the senders, where they are there already.
        **options: The method's options; those of another method are left out.

    Returns:
        A generator of progress, one step for each pass, which returns the contributions.

    Raises:
        InputError: There is no such edge or prompt, or the metric has no gradient.
    """
    model, task = setting.model, setting.task
    component_edge, span = split_edge_span(edge)
    sender, receiver = model.graph.edge(component_edge)
    if not 0 <= prompt < len(task):
        raise InputError(f"Prompt {prompt} was asked for; the task has {len(task)}, numbered from 0.")
    if not metrics.get(setting.metric).extra.get("smooth", True):
        raise InputError(
            "Which positions an edge uses is read from a gradient, and the metric "
            f"'{setting.metric}' has none; logit-diff or prob-diff would be right."
        )
    if method not in methods.names() or "points" not in methods.get(method).extra:
        method, options = DEFAULT_METHOD, {}
    entry = methods.get(method)
    subtask = task.subset([prompt])
    yield from learn_missing_constants_steps(model, task, setting.ablation)
    ablated = (values_for or ablation_values(model, task, setting.ablation))(subtask)
    clean = record_activations(model, subtask.clean, subtask.lengths - 1)
    deltas = ActivationDeltas.from_activations(model, clean, ablated, BufferPool())
    method_options = build_options(entry.options, options)
    rules: BackwardRules | None = entry.extra["rules"](method_options) if "rules" in entry.extra else None
    batch = TaskBatch(model, subtask, clean, ablated)
    reader = _EdgeReader(setting, batch, receiver, deltas, sender, rules)
    points = entry.extra["points"](method_options)(batch)
    positions, pairs = torch.zeros_like(reader.delta[0, :, 0], dtype=torch.float64), None
    for number, point in enumerate(points, start=1):
        at_positions, at_pairs = reader.read_at(point)
        positions += at_positions / len(points)
        if at_pairs is not None:
            pairs = at_pairs / len(points) if pairs is None else pairs + at_pairs / len(points)
        yield Progress(number, len(points), f"pass {number} of {len(points)}")
    tokens, first = task.prompt_strings(prompt), deltas.first_changed_position
    of_all = np.zeros(subtask.clean.shape[1])
    of_all[first:] = positions.cpu().numpy()
    of_all = of_all[: len(tokens)]
    shown_pairs = None if pairs is None else pairs.cpu().numpy()[: len(tokens), : len(tokens)]
    if span:
        is_elsewhere = np.array(task.span_names(prompt)) != span
        of_all[is_elsewhere] = 0.0
        if shown_pairs is not None:
            shown_pairs[is_elsewhere if reader.channel == "q" else (slice(None), is_elsewhere)] = 0.0
    return EdgeContributions(
        edge,
        prompt,
        method,
        reader.channel,
        tokens,
        task.prompt_strings(prompt, corrupted=True),
        of_all,
        shown_pairs if _adds_up(shown_pairs, of_all, reader.channel) else None,
        reader.is_too_long_for_pairs,
    )


class _EdgeReader:
    """Reads one edge at one gradient point after another.

    Args:
        setting: Model, task, metric and ablation.
        batch: The prompt with its senders' clean outputs and ablation values.
        receiver: The receiver's column.
        deltas: z_u − a_u of all senders.
        sender: The sender's row.
        rules: What the method's backward pass does differently; pairs are not defined with any.
    """

    def __init__(
        self,
        setting: TaskSetting,
        batch: TaskBatch,
        receiver: int,
        deltas: ActivationDeltas,
        sender: int,
        rules: BackwardRules | None,
    ) -> None:
        graph = setting.model.graph
        nodes = [graph.nodes[row] for row in graph.nodes_by_receiver[receiver]]
        self.setting, self.batch, self.rules = setting, batch, rules
        self.delta, self.first_position = deltas.values[sender], deltas.first_changed_position
        self.node, self.channel = nodes[0], graph.channel(receiver)
        self.heads = [node.head for node in nodes if node.head is not None]  # that share the receiver
        self.has_pairs = bool(self.channel) and rules is None
        size = pattern_bytes(setting.model, *batch.task.clean.shape) if self.has_pairs else 0
        self.is_too_long_for_pairs = (
            size > min(map(free_bytes, setting.model.placement.devices)) // FREE_MEMORY_DIVISOR
        )

    def read_at(self, point: GradientPoint) -> tuple[Tensor, Tensor | None]:
        """Contributions of positions [time − first position] and of pairs [query, key], in float64."""
        extra: list[Tensor] = []
        hooks: dict[str, Hook] = {}
        pattern: list[Tensor] = []
        if self.has_pairs and not self.is_too_long_for_pairs:
            attention = f"blocks.{self.node.layer}.attn"
            hooks[f"{attention}.hook_attn_scores"] = extra.append
            if self.channel == "v":
                hooks = {
                    f"{attention}.hook_pattern": pattern.append,
                    f"{attention}.hook_z": partial(_keep_in_pass, extra),
                }
        capture, gradients = compute_gradients(
            self.setting, self.batch, point, hooks, extra_tensors=extra if hooks else None, rules=self.rules
        )
        at_positions = (self.delta * self._receiver_gradient(capture, gradients)).double().sum(-1)[0]
        if not gradients.extra or (self.channel == "v" and not pattern):
            return at_positions, None
        change = self._change_of_projection(capture)
        if self.channel == "v":
            return at_positions, self._value_pairs(pattern[0].detach(), gradients.extra[0], change)
        return at_positions, self._score_pairs(capture, extra[0], gradients.extra[0], change)

    def _receiver_gradient(self, capture: GradientCapture, gradients: GradientCapture) -> Tensor:
        """∂L/∂x_v from the first position on [1, time', d_model]."""
        model, layer = self.setting.model, self.node.layer
        if layer is None:
            return gradients.resid_final[0][:, self.first_position :]
        weights = model.layers[layer]
        if not self.channel:
            assert weights.mlp_norm is not None
            stream = capture.resid_mid[layer].detach()[:, self.first_position :]
            return weights.mlp_norm.vjp(stream, gradients.mlp[layer], self.rules is not None)
        stream = capture.resid_pre[layer].detach()[:, self.first_position :]
        projection = getattr(weights, self.channel)
        gradient: Tensor = getattr(gradients, self.channel)[layer]
        heads = gradient.view(*gradient.shape[:2], len(projection), -1)
        one = slice(self._projection_head, self._projection_head + 1)
        pulled = stream.new_empty(1, stream.shape[1], stream.shape[2])
        weights.attn_norm.vjp_heads(stream, heads[:, :, one], projection[one], pulled, self.rules is not None)
        return pulled

    @property
    def _projection_head(self) -> int:
        """Number of the query head or key-value head."""
        return self.heads[0] // (1 if self.channel == "q" else self.setting.model.shape.queries_per_kv_head)

    def _change_of_projection(self, capture: GradientCapture) -> Tensor:
        """Change of the query, key or value along z_u − a_u, to first order [time', d_head]."""
        assert self.node.layer is not None
        weights, head = self.setting.model.layers[self.node.layer], self._projection_head
        maps, biases = getattr(weights, self.channel), getattr(weights, f"{self.channel}_bias")
        stream = capture.resid_pre[self.node.layer].detach()[:, self.first_position :].requires_grad_()
        with torch.enable_grad():
            projected = weights.attn_norm.project(stream, maps[head : head + 1], biases[head : head + 1])
        return _directional_derivative(projected, stream, self.delta)[0]

    def _value_pairs(self, pattern: Tensor, gradient_at_z: Tensor, change: Tensor) -> Tensor:
        pairs = torch.zeros(pattern.shape[-2:], dtype=torch.float64, device=pattern.device)
        for head in self.heads:
            moved = gradient_at_z[0, :, head].double() @ change.double().T  # [query, key']
            pairs[:, self.first_position :] += pattern[0, head, :, self.first_position :].double() * moved
        return pairs

    def _score_pairs(
        self, capture: GradientCapture, scores: Tensor, gradient_at_scores: Tensor, change: Tensor
    ) -> Tensor:
        """∂L/∂S[t, s] times the change of S[t, s]."""
        assert self.node.layer is not None
        projected: Tensor = getattr(capture, self.channel)[self.node.layer]
        direction = torch.zeros_like(projected).view(*projected.shape[:2], -1, change.shape[-1])
        direction[0, :, self._projection_head] = change
        moved = _directional_derivative(scores, projected, direction.view_as(projected))
        return (moved.double() * gradient_at_scores.double())[0, self.heads].sum(0).detach()


def _directional_derivative(output: Tensor, at: Tensor, direction: Tensor) -> Tensor:
    """Change of an output along a direction of a tensor that it was computed from, to first order.

    The gradient is linear in what it is taken of; its own gradient there is this derivative.
    """
    with torch.enable_grad():
        weight = torch.zeros_like(output, requires_grad=True)
        (gradient,) = torch.autograd.grad(output, at, weight, create_graph=True)
        (change,) = torch.autograd.grad(gradient, weight, direction)
    return change.detach()


def _keep_in_pass(kept: list[Tensor], tensor: Tensor) -> Tensor:
    """Keep a tensor and put it into the pass: a hook may be given a reshaped copy, which has no gradient."""
    kept.append(tensor)
    return tensor


def _adds_up(pairs: NDArray[np.float64] | None, positions: NDArray[np.float64], channel: str) -> bool:
    """Whether pairs add up to the positions: not where a model makes its scores where no hook sees it."""
    if pairs is None:
        return False
    sums = pairs.sum(axis=1 if channel == "q" else 0)
    return bool(np.abs(sums - positions).max() <= MAX_PAIR_ERROR * max(np.abs(positions).max(), 1e-12))
