"""Path patching: what senders do to a few receivers directly, applied again to the senders found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.direct_paths import DirectPaths
from circuitviz.discovery.exact_patching import parse_receivers
from circuitviz.discovery.partial_means import partial_means
from circuitviz.discovery.registry import TaskSetting, methods
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
        "logits", "receivers of the first round, with commas between them; a semicolon begins the next round"
    )
    rounds: int = option(1, "how many; one's strongest heads are the next one's receivers", low=1, high=20)
    keep: int = option(3, "how many heads of a round are the receivers of the next", low=1)
    channel: str = option("q", "what of these heads is then patched", choices=PATCHED_CHANNELS)
    mlps: str = option(
        "frozen",
        "frozen: only the direct path counts; recomputed: paths through MLPs, too, as in the IOI paper",
        choices=MLP_MODES,
    )


@methods.register(
    "path-patching",
    summary="Exact effect of direct paths to chosen receivers; round by round, the IOI paper's procedure",
    reference="Wang et al. 2023; Goldowsky-Dill et al. 2023",
    options=PathPatchingOptions,
)
def path_patching(setting: TaskSetting, options: PathPatchingOptions) -> ProgressSteps[Scores]:
    """s(u→R) = L(full model) − L(model with only the direct path from u to R changed).

    All other nodes are frozen at their clean values while the receivers' queries, keys, values or MLP outputs
    are computed; these are then set in the clean run, and what follows is computed. A joint effect on several
    receivers is shared equally among the edges to them. ``info["rounds"]`` is the tree: each round's
    receivers, and every sender's effect on them. Source: [wang2023ioi], [goldowskydill2023path].
    """
    named = [parse_receivers(setting, part) for part in options.receivers.split(";")]
    receivers = named[0]
    found = Scores(setting.model.graph, np.zeros(setting.model.graph.mask.shape), "path-patching")
    number_of_rounds = max(options.rounds, len(named))
    for number in range(number_of_rounds):
        _check_receivers(setting, receivers)
        turn = _PatchingRound(setting, receivers, options.mlps == "recomputed")
        for step in turn.run():
            done = (number + step.done) / number_of_rounds
            sofar = _add_round(found, receivers, turn.mean_effects)
            message = f"round {number + 1}: {step.message}"
            yield Progress(done, 1.0, message, replace(sofar, partial=True))
        found = _add_round(found, receivers, turn.mean_effects)
        following = number + 1
        receivers = (
            named[following]
            if following < len(named)
            else _next_receivers(setting, turn.mean_effects, options)
        )
        if not receivers:
            break
    return found


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
        values = ablation_values(model, task, self.setting.ablation)

        def work(rows: range) -> ProgressSteps[None]:
            part = task.subset(rows)
            at, found = part.lengths - 1, np.zeros_like(self._effect_sums)
            reference = record_activations(model, part.clean, at).logits
            run = PatchedRun(model, part.clean, at, values(part))
            whole = float(
                self.setting.compute_metric(run.logits(model.graph.mask), part, reference).double().sum()
            )
            senders = np.flatnonzero(model.graph.mask[:, self.receivers].any(axis=1))
            paths, count = DirectPaths(model, run, self.receivers, self.recompute_mlps), 0
            measured = np.zeros(len(found), dtype=bool)
            for which, logits in paths.logits(senders):
                each = self.setting.compute_metric_of_copies(logits, part, reference).sum(1).cpu().numpy()
                found[which] = whole - each
                count += len(which)
                measured[which] = True
                self.mean_effects = partial_means(
                    self._effect_sums, self._prompts_done, found, len(part), measured
                )
                share = (self._prompts_done + len(part) * count / len(senders)) / len(task)
                yield Progress(share, 1.0, f"{share:.0%} of the senders")
            self._effect_sums += found
            self._prompts_done += len(part)

        yield from run_in_batches(model, len(task), task.clean.shape[1], work)
        self.mean_effects = self._effect_sums / len(task)


def _check_receivers(setting: TaskSetting, receivers: list[int]) -> None:
    names = [setting.model.graph.receivers[r] for r in receivers]
    if "logits" in names and len(names) > 1:
        raise InputError(
            "The receivers were 'logits' together with others; what the others write reaches the logits "
            "anyway, so logits is to be given alone."
        )


def _add_round(scores: Scores, receivers: list[int], effects: NDArray[np.float64]) -> Scores:
    """Scores with a round's effects added: a joint effect is shared equally among its edges."""
    joint = scores.graph.mask[:, receivers]
    values = scores.values.copy()
    values[:, receivers] = effects[:, None] * joint / np.maximum(joint.sum(axis=1), 1)[:, None]
    rounds = [*scores.info.get("rounds", ()), _describe_round(scores.graph, receivers, effects)]
    return replace(scores, values=values, info={"rounds": rounds})


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
