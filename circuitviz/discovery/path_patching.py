"""Path patching: direct effects of senders through a few receivers, repeated for the senders found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.discovery.batch_ablation_values import ablation_values
from circuitviz.discovery.device_results import DeviceResults, FetchTimer
from circuitviz.discovery.direct_paths import DirectPaths
from circuitviz.discovery.exact_patching import parse_receivers
from circuitviz.discovery.partial_means import partial_means
from circuitviz.discovery.registry import TaskSetting, methods
from circuitviz.discovery.search_cost import PassCount, receiver_layers, share_from_layer
from circuitviz.errors import InputError
from circuitviz.graph import Graph, NodeKind, Scores
from circuitviz.models import PatchedRun, record_activations
from circuitviz.models.batching import run_in_batches
from circuitviz.options import option
from circuitviz.progress import Progress, ProgressSteps

PATCHED_CHANNELS = ("q", "k", "v", "qkv")
MLP_MODES = ("frozen", "recomputed")


@dataclass(frozen=True)
class PathPatchingOptions:
    """Which receivers to begin with, and how to go on from the senders found."""

    receivers: str = option(
        "logits", "receivers of the first round, separated by commas; a semicolon begins the next round"
    )
    rounds: int = option(
        1, "number of rounds; the strongest heads of one are the receivers of the next", low=1, high=20
    )
    keep: int = option(3, "number of heads of a round that become receivers of the next", low=1)
    channel: str = option("q", "which inputs of these heads are patched next", choices=PATCHED_CHANNELS)
    mlps: str = option(
        "frozen",
        "frozen: only the direct path counts; recomputed: paths through MLPs count, too, as in the IOI paper",
        choices=MLP_MODES,
    )


@methods.register(
    "path-patching",
    summary="Exact effect of direct paths to chosen receivers; round by round, the IOI paper's procedure",
    reference="Wang et al. 2023; Goldowsky-Dill et al. 2023",
    use="Step by step from the logits down: choose receivers, look, go on",
    options=PathPatchingOptions,
    check=lambda setting, options: _parse_rounds(setting, options),
    count_passes=lambda setting, options: _count_passes(setting, options),
)
def path_patching(setting: TaskSetting, options: PathPatchingOptions) -> ProgressSteps[Scores]:
    """s(u→R) = L(full model) − L(model with only the direct path from u to R changed).

    All other nodes are frozen at their clean values while the receivers' queries, keys, values or MLP outputs
    are computed; these are then set in the clean run, and what follows is computed. A joint effect on several
    receivers is shared equally among the edges to them. Edges into other receivers are not examined.
    ``info["rounds"]`` is the tree: each round's receivers, and every sender's effect on them. Source:
    [wang2023ioi], [goldowskydill2023path].
    """
    named = _parse_rounds(setting, options)
    receivers = named[0]
    graph = setting.model.graph
    nothing = np.zeros(graph.mask.shape)
    scores = Scores(graph, nothing, "path-patching", examined=nothing.astype(bool))
    number_of_rounds = max(options.rounds, len(named))
    for round_index in range(number_of_rounds):
        patching_round = _PatchingRound(setting, receivers, options.mlps == "recomputed")
        for step in patching_round.run():
            done = (round_index + step.done) / number_of_rounds
            partial = _add_round(scores, receivers, patching_round.mean_effects)
            message = f"round {round_index + 1}: {step.message}"
            yield Progress(done, 1.0, message, replace(partial, partial=True))
        scores = _add_round(scores, receivers, patching_round.mean_effects)
        following = round_index + 1
        receivers = (
            named[following]
            if following < len(named)
            else _next_receivers(setting, patching_round.mean_effects, options)
        )
        if not receivers:
            break
    return scores


class _PatchingRound:
    """Effects of all senders on one set of receivers, over the whole task."""

    def __init__(self, setting: TaskSetting, receivers: list[int], recompute_mlps: bool) -> None:
        self.setting, self.receivers, self.recompute_mlps = setting, receivers, recompute_mlps
        self.mean_effects = np.zeros(len(setting.model.graph.senders))
        self._effect_sums = self.mean_effects.copy()
        self._prompts_done = 0

    def run(self) -> ProgressSteps[None]:
        """Measure batch by batch; ``mean_effects`` holds the means of what is done."""
        model, task = self.setting.model, self.setting.task
        values_for = ablation_values(model, task, self.setting.ablation)
        timer = FetchTimer(model.device)

        def run_batch(rows: range) -> ProgressSteps[None]:
            subtask = task.subset(rows)
            positions, results = subtask.lengths - 1, DeviceResults(self._effect_sums.shape)
            reference = record_activations(model, subtask.clean, positions).logits
            run = PatchedRun(model, subtask.clean, positions, values_for(subtask))
            clean_metrics = self.setting.compute_metric(run.logits(model.graph.mask), subtask, reference)
            clean_metric = clean_metrics.double().sum()
            senders = np.flatnonzero(model.graph.mask[:, self.receivers].any(axis=1))
            paths, n_measured = DirectPaths(model, run, self.receivers, self.recompute_mlps), 0
            for rows_of_senders, logits in paths.logits(senders):
                metrics = self.setting.compute_metric_of_copies(logits, subtask, reference).sum(1)
                results.add(rows_of_senders, clean_metric - metrics)
                n_measured += len(rows_of_senders)
                if timer.is_due():
                    results.fetch()
                    self.mean_effects = partial_means(
                        self._effect_sums,
                        self._prompts_done,
                        results.values,
                        len(subtask),
                        results.is_fetched,
                    )
                share = (self._prompts_done + len(subtask) * n_measured / len(senders)) / len(task)
                yield Progress(share, 1.0, f"{share:.0%} of the senders")
            results.fetch()
            self._effect_sums += results.values
            self._prompts_done += len(subtask)

        yield from run_in_batches(model, len(task), task.clean.shape[1], run_batch)
        self.mean_effects = self._effect_sums / len(task)


def _count_passes(setting: TaskSetting, options: PathPatchingOptions) -> PassCount:
    """Each sender is a run from the first of the receivers that it reaches; later rounds are bounded."""
    graph, layers = setting.model.graph, receiver_layers(setting.model.graph)
    named = _parse_rounds(setting, options)
    n_later_rounds = max(0, options.rounds - len(named))
    n_forwards = 4.0 * (len(named) + n_later_rounds) + n_later_rounds * len(graph.senders)
    for columns in named:
        n_senders = int(graph.mask[:, columns].any(axis=1).sum())
        n_forwards += n_senders * float(share_from_layer(graph, layers[columns]).max())
    return PassCount(n_forwards, is_upper_bound=n_later_rounds > 0)


def _parse_rounds(setting: TaskSetting, options: PathPatchingOptions) -> list[list[int]]:
    """The receivers of each round that is named; InputError where they cannot be patched together."""
    rounds = [parse_receivers(setting, part) for part in options.receivers.split(";")]
    if any(len(columns) > 1 and len(setting.model.graph.receivers) - 1 in columns for columns in rounds):
        raise InputError(
            "The receivers were 'logits' together with others; everything that the others write "
            "reaches the logits, so give 'logits' alone."
        )
    return rounds


def _add_round(scores: Scores, receivers: list[int], effects: NDArray[np.float64]) -> Scores:
    """Scores with a round's effects added: a joint effect is shared equally among its edges."""
    assert scores.examined is not None
    joint, examined = scores.graph.mask[:, receivers], scores.examined.copy()
    examined[:, receivers] = joint
    values = scores.values.copy()
    values[:, receivers] = effects[:, None] * joint / np.maximum(joint.sum(axis=1), 1)[:, None]
    rounds = [*scores.info.get("rounds", ()), _describe_round(scores.graph, receivers, effects)]
    return replace(scores, values=values, examined=examined, info={"rounds": rounds})


def _describe_round(graph: Graph, receivers: list[int], effects: NDArray[np.float64]) -> dict[str, Any]:
    order = np.argsort(-np.abs(effects), kind="stable")
    return {
        "receivers": [graph.receivers[r] for r in receivers],
        "senders": [[graph.senders[u], float(effects[u])] for u in order if effects[u] != 0],
    }


def _next_receivers(
    setting: TaskSetting, effects: NDArray[np.float64], options: PathPatchingOptions
) -> list[int]:
    """The receivers of the strongest heads, in the chosen channels."""
    graph, heads = setting.model.graph, []
    for sender in np.argsort(-np.abs(effects), kind="stable"):
        if graph.nodes[sender].kind is NodeKind.HEAD and effects[sender] != 0:
            heads.append(int(sender))
    columns = graph.owners[:, heads[: options.keep]].any(axis=1)
    return [
        int(r)
        for r in np.flatnonzero(columns)
        if graph.receivers[r].rpartition("<")[2].rstrip(">") in options.channel
    ]
