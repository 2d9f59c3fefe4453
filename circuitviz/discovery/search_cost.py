"""What a search will cost, before it runs: the passes that a method needs, and a measured forward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.discovery.gradients import PATTERN_COPIES, pattern_bytes
from circuitviz.discovery.optimal_ablation import count_learning_passes, has_constants
from circuitviz.discovery.registry import TaskSetting, check_method, methods
from circuitviz.discovery.task_pass import TaskPass
from circuitviz.graph import BoolMatrix, Graph
from circuitviz.graph.names import split_span
from circuitviz.models import OPTIMAL_ABLATION
from circuitviz.models.batching import batch_budget_bytes, max_batch_size
from circuitviz.models.memory_needs import HOST, device_name, used_bytes
from circuitviz.options import build_options
from circuitviz.progress import ProgressSteps, run_to_completion
from circuitviz.tasks import Task

FORWARDS_PER_BACKWARD = 2.0  # of all activations, not of weights: one product more than a forward for each
GRADIENT_OVERHEAD = 1.25  # recording, and products with all senders: 1.2 to 1.3 in the engine's benchmark
LONG_SEARCH_SECONDS = 600.0


@dataclass(frozen=True)
class PassCount:
    """Passes of the whole model that a method makes of each prompt.

    Attributes:
        forwards: Forward passes; one that begins at a later layer counts by its share of the layers, and
            other work by the passes that would take as long.
        backwards: Backward passes.
        is_upper_bound: Whether the method may end sooner.
    """

    forwards: float
    backwards: float = 0.0
    is_upper_bound: bool = False


CountPasses = Callable[[TaskSetting, Any], PassCount]
"""(setting, options) → passes; what a method is registered with as ``count_passes``."""


@dataclass(frozen=True)
class SearchCost:
    """An estimate.

    Attributes:
        seconds: Time of the search on this machine as it is now.
        memory_bytes: Memory of the process (of the main device, on a GPU) at its peak.
        is_upper_bound: Whether the method may end sooner.
        memory_by_device: Of each device that a model is spread over, by name, the main one first.
    """

    seconds: float
    memory_bytes: float
    is_upper_bound: bool = False
    memory_by_device: tuple[tuple[str, float], ...] = ()

    @property
    def is_long(self) -> bool:
        """Whether a person should know before it starts."""
        return self.seconds > LONG_SEARCH_SECONDS

    @property
    def text(self) -> str:
        """The estimate as a person reads it.

        >>> SearchCost(185.0, 2.1e9).text
        'about 3 min, 2.1 GB'
        >>> SearchCost(40_000.0, 2.1e9, is_upper_bound=True).text
        'at most 11 h, 2.1 GB'
        >>> SearchCost(185.0, 2.1e9, memory_by_device=(("cuda:0", 2.1e9), ("cuda:1", 1.4e9))).text
        'about 3 min, 2.1 GB on cuda:0, 1.4 GB on cuda:1'
        """
        begin = "at most" if self.is_upper_bound else "about"
        memory = f"{self.memory_bytes / 1e9:.1f} GB"
        if len(self.memory_by_device) > 1:
            parts = (f"{n_bytes / 1e9:.1f} GB on {device}" for device, n_bytes in self.memory_by_device)
            memory = ", ".join(parts)
        return f"{begin} {describe_seconds(self.seconds)}, {memory}"


def estimate_search(setting: TaskSetting, method: str, **options: object) -> SearchCost | None:
    """Estimate time and memory of a search; arguments and errors are those of ``estimate_search_steps``."""
    return run_to_completion(estimate_search_steps(setting, method, TaskPass(), **options))


def estimate_search_steps(
    setting: TaskSetting, method: str, task_pass: TaskPass, **options: object
) -> ProgressSteps[SearchCost | None]:
    """Estimate time and memory of a search.

    Args:
        setting: Model, task, metric and ablation.
        method: Name of the method.
        task_pass: Tells how long a forward pass takes; it runs prompts where it does not know yet.
        **options: Options of the method.

    Returns:
        A generator whose result is the estimate; None where the method does not say how many passes it needs.

    Raises:
        InputError: There is no such method or option, or the method does not suit the setting. Raised at
            once, before the first step.
    """
    entry = methods.get(method)
    count_passes: CountPasses | None = entry.extra.get("count_passes")
    method_options = build_options(entry.options, options)
    check_method(setting, method, method_options)
    passes = None if count_passes is None else count_passes(setting, method_options)
    return _estimate(setting, passes, task_pass)


def _estimate(
    setting: TaskSetting, passes: PassCount | None, task_pass: TaskPass
) -> ProgressSteps[SearchCost | None]:
    if passes is None:
        return None
    forward = yield from task_pass.measure_steps(setting)
    n_forwards = passes.forwards + FORWARDS_PER_BACKWARD * passes.backwards
    if needs_constants(setting):
        n_forwards += count_learning_forwards(setting.task)
    memory = _peak_memory_bytes(setting, passes.backwards > 0)
    return SearchCost(
        forward * n_forwards, next(iter(memory.values())), passes.is_upper_bound, tuple(memory.items())
    )


def needs_constants(setting: TaskSetting) -> bool:
    """Whether constants are learned before anything is run in a setting."""
    return setting.ablation == OPTIMAL_ABLATION and not has_constants(setting.model, setting.task)


def count_learning_forwards(task: Task) -> float:
    """Forward passes of a task that take as long as learning its constants, on the task it is a part of."""
    whole = task.whole or task
    forwards, backwards = count_learning_passes(whole)
    return (forwards + FORWARDS_PER_BACKWARD * backwards) * len(whole) / len(task)


def receiver_layers(graph: Graph) -> NDArray[np.int64]:
    """The layer of each receiver; ``logits`` come after the last."""
    n_layers, names = graph.shape.n_layers, [split_span(name)[0] for name in graph.receivers]
    return np.array([n_layers if r == "logits" else int(r[1:].partition(".")[0]) for r in names])


def share_from_layer(graph: Graph, layers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of a forward pass from a layer on, with the unembedding counted as a third of a layer."""
    n_layers = graph.shape.n_layers
    return np.asarray((n_layers - layers + 1 / 3) / (n_layers + 1 / 3), dtype=np.float64)


def count_edge_passes(setting: TaskSetting, edges: BoolMatrix, n_preselected: int = 0) -> PassCount:
    """Passes of a method that runs the model once for each edge, from the edge's receiver on.

    By span, edges at spans before the first token that differs take none.

    Args:
        setting: Model, task and ablation.
        edges: Edges that the method examines, bool [senders, receivers].
        n_preselected: How many of the model's edges EAP chooses before; 0 for all. Which they are is not
            known yet, so each counts as the mean of all that are examined.
    """
    graph = setting.graph
    shares = share_from_layer(graph, receiver_layers(graph))
    if setting.spans is not None:
        first = setting.task.first_changed_position if setting.ablation == "corrupted" else 0
        present = np.unique(setting.task.span_indices(setting.spans)[:, first:])
        columns = np.arange(len(shares) - 1)
        shares[columns[~np.isin(columns % len(setting.spans), present)]] = 0.0
    n_passes = float(edges.sum(axis=0) @ shares) * changed_share(setting)
    n_begin = 3 + changed_share(setting)  # corrupted, clean, fully ablated, and the whole model again
    if not n_preselected:
        return PassCount(n_begin + n_passes)
    eap = count_gradient_passes(setting, 1, 1)
    return PassCount(
        n_begin + eap.forwards + n_passes * min(1.0, n_preselected / graph.n_edges), eap.backwards
    )


def count_gradient_passes(
    setting: TaskSetting, n_forwards: int, n_gradients: int, keeps_earlier: bool = True
) -> PassCount:
    """Passes of a method that takes gradients, with the products that make edge scores of them.

    Args:
        setting: Model, task and ablation.
        n_forwards: Passes without a gradient; the first is the one that gives ablation values.
        n_gradients: Passes with one.
        keeps_earlier: Whether passes take what comes before the first token that differs from the first one;
            gradients are taken from that token on in any case.
    """
    share = changed_share(setting)
    of_forward = share if keeps_earlier else 1.0
    n_with_overhead = GRADIENT_OVERHEAD * n_gradients
    return PassCount(1 + of_forward * (n_forwards - 1 + n_with_overhead), share * n_with_overhead)


def changed_share(setting: TaskSetting) -> float:
    """The share of a task's tokens from the first that differs on: what passes after the first compute."""
    if setting.ablation != "corrupted":
        return 1.0
    return 1.0 - setting.task.first_changed_position / setting.task.clean.shape[1]


def _peak_memory_bytes(setting: TaskSetting, has_backward: bool) -> dict[str, float]:
    """By device, the main one first: what is taken now, and the tensors of one batch."""
    model, task, shape = setting.model, setting.task, setting.model.shape
    placement, n_positions = model.placement, task.clean.shape[1]
    batch = min(len(task), max_batch_size(model, n_positions, 1.5), model.max_batch_prompts or len(task))
    # deltas of all senders, one layer's gradients of all receivers, streams that a pass records
    streams = 1.5 * len(model.graph.senders) + shape.n_heads + 2 * shape.kv_heads + 4 * shape.n_layers
    values_on_main, values_of_layer, is_by_layer = streams * shape.d_model, 0.0, False
    if has_backward:
        d_mlp = int(getattr(model.bridge.cfg, "d_mlp", 0) or 0)
        patterns = PATTERN_COPIES * shape.n_heads * n_positions
        values_of_layer = 12 * shape.d_model + 4 * d_mlp + patterns
        is_by_layer = pattern_bytes(model, batch, n_positions) > batch_budget_bytes(*placement.devices)
        if is_by_layer:  # streams, and what projections read and give
            values_on_main += shape.n_layers * 6 * shape.d_model
    itemsize = model.empty_stream.element_size()
    n_layers = Counter(placement.computes(layer) for layer in range(shape.n_layers))
    peak = {}
    for device in placement.devices:
        n_kept = min(1, n_layers[device]) if is_by_layer else n_layers[device]  # blocks whose graph is kept
        values = n_kept * values_of_layer + (values_on_main if device == model.device else 0)
        peak[device_name(device)] = used_bytes(device) + itemsize * batch * n_positions * values
    peak[device_name(model.device)] += itemsize * batch * model.vocabulary_size
    if placement.is_spread and HOST in placement.stored:
        peak[device_name(HOST)] = used_bytes(HOST)
    return peak


def describe_seconds(seconds: float) -> str:
    """Seconds in the unit that a person would use.

    >>> [describe_seconds(value) for value in (0.4, 42.2, 100, 8000, 400_000)]
    ['1 s', '42 s', '2 min', '2 h', '5 days']
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"
