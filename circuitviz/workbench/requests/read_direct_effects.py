"""How much every node alone pushes the right answer: on one prompt, or the mean over all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz import evaluation, lens
from circuitviz.plots import TableRows
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.graph import Graph, Interval
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class DirectEffects:
    """Direct effects in logits by node, with the 95 % interval over prompts; ``prompts``: how many.

    ``graph``: the model's, where the nodes stand; a circuit on the canvas may be of features.
    """

    graph: Graph
    effects: dict[str, Interval]
    prompts: int

    def table(self) -> TableRows:
        """A row for each node, the strongest first."""
        found = sorted(self.effects.items(), key=lambda pair: -abs(pair[1].value or 0.0))
        rows = [[name, each.value, each.low, each.high] for name, each in found]
        return [["node", "value", "low", "high"], *rows]


@dataclass(frozen=True)
class ReadDirectEffects(Query):
    """``prompt``: its number, or None for all."""

    title = "Could not read direct effects"
    activity = "Reading direct effects"
    priority = Priority.READ_EFFECTS
    may_preempt_search = True

    prompt: int | None

    def compute_steps(self, engine: Engine) -> ProgressSteps[DirectEffects]:
        """Batch by batch."""
        found = yield from lens.direct_logit_attribution_steps(
            engine.model, engine.task, None if self.prompt is None else [self.prompt]
        )
        seed = engine.task.seed
        intervals = (evaluation.bootstrap_interval((row,), lambda mean: mean, seed) for row in found.values)
        effects = dict(zip(found.names, intervals, strict=True))
        return DirectEffects(engine.model.graph, effects, len(found.prompts))
