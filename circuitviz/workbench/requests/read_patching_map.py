"""The patching map: each node's output replaced at each position, and what it does to the metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from circuitviz import discovery
from circuitviz.errors import InputError
from circuitviz.plots import TableRows
from circuitviz.progress import ProgressRunner, ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from circuitviz.graph import Scores
    from circuitviz.workbench.engine import Engine

VARYING_TOKEN = "…"  # a place where prompts have different tokens


@dataclass(frozen=True)
class PatchingMap:
    """What the metric loses. effects: [node, position]; whole: at all positions at once [node].

    tokens: texts [position], ``…`` where the prompts differ. ``begin``: before it nothing can be
    different, because the prompts are not.
    """

    node_names: tuple[str, ...]
    tokens: list[str]
    effects: NDArray[np.float64]
    whole: NDArray[np.float64]
    metric: str
    ablation: str
    begin: int

    def table(self, rows: Iterable[int] | None = None) -> TableRows:
        """A row for each node and position, and one for all positions at once; of some nodes or all."""
        found: TableRows = [["node", "position", "token", "effect"]]
        for i in range(len(self.node_names)) if rows is None else rows:
            found.append([self.node_names[i], "all", "", float(self.whole[i])])
            found += [
                [self.node_names[i], j, t, float(self.effects[i, j])] for j, t in enumerate(self.tokens)
            ]
        return found


@dataclass(frozen=True)
class ReadPatchingMap(Query):
    """``prompt``: its number, or None for the mean over all."""

    title = "Could not patch the nodes"
    activity = "Patching every node at every position"
    priority = Priority.READ_MANY_RUNS

    prompt: int | None

    def compute_steps(self, engine: Engine) -> ProgressSteps[PatchingMap]:
        """Group by group of nodes; what is known so far comes with each step."""
        where, task = engine.setting, engine.task
        if self.prompt is not None:
            if where.ablation.startswith("mean"):
                raise InputError(
                    f"Patching one prompt with '{where.ablation}' would take the mean over that prompt "
                    "alone; all prompts would be right."
                )
            task = task.subset([self.prompt])
        tokens = _common_tokens(task)
        host = task.on_host
        same = (host.clean == host.corrupted).all(0).tolist()
        begin = same.index(False) if where.ablation == "corrupted" and False in same else 0

        def seen(scores: Scores) -> PatchingMap:
            assert scores.positions is not None
            return PatchingMap(
                engine.model.graph.senders, tokens, scores.positions[:, : len(tokens)],
                scores.values.sum(axis=1), where.metric, where.ablation, begin,
            )  # fmt: skip

        steps = ProgressRunner(
            discovery.discover_steps(
                engine.model, task, "activation-patching", where.metric, where.ablation, positions=True
            )
        )
        for step in steps:
            partial: Any = step.partial
            yield step if partial is None else replace(step, partial=seen(partial))
        return seen(steps.result)


def _common_tokens(task: Any) -> list[str]:
    """Tokens by position, where all prompts that are so long have the same."""
    texts = [task.prompt_strings(i) for i in range(len(task))]
    found = []
    for position in range(max(map(len, texts))):
        there = {text[position] for text in texts if len(text) > position}
        found.append(there.pop() if len(there) == 1 else VARYING_TOKEN)
    return found
