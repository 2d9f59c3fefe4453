"""Path patching: what a sender does to a few receivers directly, and then to whoever does it to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.discovery.ablation_values import ablation_values
from circuitviz.discovery.direct_paths import DirectPaths
from circuitviz.discovery.exact import receivers_named
from circuitviz.discovery.registry import Setting, methods
from circuitviz.discovery.so_far import mean_so_far
from circuitviz.errors import InputError
from circuitviz.graph import Graph, Kind, Scores
from circuitviz.models import PatchedRun, record
from circuitviz.models.batches import in_batches
from circuitviz.options import option
from circuitviz.progress import Progress, Steps

CHANNELS = ("q", "k", "v", "qkv")
MLPS = ("frozen", "recomputed")


@dataclass(frozen=True)
class PathPatchingOptions:
    """Which receivers to begin with, and how to go on from the senders found."""

    receivers: str = option(
        "logits", "receivers of the first round, with commas between them; a semicolon begins the next round"
    )
    rounds: int = option(1, "how many; one's strongest heads are the next one's receivers", low=1, high=20)
    keep: int = option(3, "how many heads of a round are the receivers of the next", low=1)
    channel: str = option("q", "what of these heads is then patched", choices=CHANNELS)
    mlps: str = option(
        "frozen",
        "frozen: only the direct path counts; recomputed: paths through MLPs, too, as in the IOI paper",
        choices=MLPS,
    )


@methods.register(
    "path-patching",
    summary="Exact effect of direct paths to chosen receivers; round by round, the IOI paper's procedure",
    reference="Wang et al. 2023; Goldowsky-Dill et al. 2023",
    options=PathPatchingOptions,
)
def path_patching(setting: Setting, options: PathPatchingOptions) -> Steps[Scores]:
    """s(u→R) = L(full model) − L(model in which R does what it would, had only u's direct path changed).

    All other nodes are frozen at their clean values while the receivers' queries, keys, values or MLP
    outputs are found; these are then set in the clean run, and what follows is computed. A joint effect
    on several receivers is shared equally among the edges to them. ``info["rounds"]`` is the tree:
    each round's receivers, and every sender's effect on them.
    """
    named = [receivers_named(setting, part) for part in options.receivers.split(";")]
    receivers = named[0]
    found = Scores(setting.model.graph, np.zeros(setting.model.graph.mask.shape), "path-patching")
    number_of_rounds = max(options.rounds, len(named))
    for number in range(number_of_rounds):
        _check(setting, receivers)
        turn = _Round(setting, receivers, options.mlps == "recomputed")
        for step in turn.run():
            done = (number + step.done) / number_of_rounds
            sofar = _with(found, receivers, turn.so_far)
            message = f"round {number + 1}: {step.message}"
            yield Progress(done, 1.0, message, replace(sofar, partial=True))
        found = _with(found, receivers, turn.so_far)
        following = number + 1
        receivers = named[following] if following < len(named) else _next(setting, turn.so_far, options)
        if not receivers:
            break
    return found


class _Round:
    """Effects of all senders on one set of receivers, over the whole task."""

    def __init__(self, setting: Setting, receivers: list[int], recomputed: bool) -> None:
        self.setting, self.receivers, self.recomputed = setting, receivers, recomputed
        self.so_far = np.zeros(len(setting.model.graph.senders))
        self._total = self.so_far.copy()
        self._done = 0

    def run(self) -> Steps[None]:
        """Measure batch by batch; ``so_far`` holds the mean effects of what is done."""
        model, task = self.setting.model, self.setting.task
        values = ablation_values(model, task, self.setting.ablation)

        def work(rows: range) -> Steps[None]:
            part = task.subset(rows)
            at, found = part.lengths - 1, np.zeros_like(self._total)
            reference = record(model, part.clean, at).logits
            run = PatchedRun(model, part.clean, at, values(part))
            whole = float(self.setting.measure(run.logits(model.graph.mask), part, reference).double().sum())
            senders = np.flatnonzero(model.graph.mask[:, self.receivers].any(axis=1))
            paths, count = DirectPaths(model, run, self.receivers, self.recomputed), 0
            measured = np.zeros(len(found), dtype=bool)
            for which, logits in paths.logits(senders):
                each = self.setting.measure_copies(logits, part, reference).sum(1).cpu().numpy()
                found[which] = whole - each
                count += len(which)
                measured[which] = True
                self.so_far = mean_so_far(self._total, self._done, found, len(part), measured)
                share = (self._done + len(part) * count / len(senders)) / len(task)
                yield Progress(share, 1.0, f"{share:.0%} of the senders")
            self._total += found
            self._done += len(part)

        yield from in_batches(model, len(task), task.clean.shape[1], work)
        self.so_far = self._total / len(task)


def _check(setting: Setting, receivers: list[int]) -> None:
    names = [setting.model.graph.receivers[r] for r in receivers]
    if "logits" in names and len(names) > 1:
        raise InputError(
            "The receivers were 'logits' together with others; what the others write reaches the logits "
            "anyway, so logits is to be given alone."
        )


def _with(scores: Scores, receivers: list[int], effects: NDArray[np.float64]) -> Scores:
    """Scores with a round's effects added: a joint effect is shared equally among its edges."""
    joint = scores.graph.mask[:, receivers]
    values = scores.values.copy()
    values[:, receivers] = effects[:, None] * joint / np.maximum(joint.sum(axis=1), 1)[:, None]
    rounds = [*scores.info.get("rounds", ()), _told(scores.graph, receivers, effects)]
    return replace(scores, values=values, info={"rounds": rounds})


def _told(graph: Graph, receivers: list[int], effects: NDArray[np.float64]) -> dict[str, Any]:
    order = np.argsort(-np.abs(effects), kind="stable")
    return {
        "receivers": [graph.receivers[r] for r in receivers],
        "senders": [[graph.senders[u], float(effects[u])] for u in order if effects[u] != 0],
    }


def _next(setting: Setting, effects: NDArray[np.float64], options: PathPatchingOptions) -> list[int]:
    """The receivers of the strongest heads, in the chosen channels."""
    graph, heads = setting.model.graph, []
    for sender in np.argsort(-np.abs(effects), kind="stable"):
        if graph.nodes[sender].kind is Kind.HEAD and effects[sender] != 0:
            heads.append(int(sender))
    columns = graph.owners[:, heads[: options.keep]].any(axis=1)
    return [
        int(r)
        for r in np.flatnonzero(columns)
        if graph.receivers[r].rpartition("<")[2].rstrip(">") in options.channel
    ]
