"""How much every node alone pushes the right answer: on one prompt, or the mean over all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.jobs.look import Look, Table
from circuitviz.progress import Steps

if TYPE_CHECKING:
    from circuitviz.evaluation import Interval
    from circuitviz.graph import Graph
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class EffectsSeen:
    """Direct effects in logits by node, with the 95 % interval over prompts; ``prompts``: how many.

    ``graph``: the model's, where the nodes stand; a circuit on the canvas may be of features.
    """

    graph: Graph
    effects: dict[str, Interval]
    prompts: int

    def table(self) -> Table:
        """A row for each node, the strongest first."""
        found = sorted(self.effects.items(), key=lambda pair: -abs(pair[1].value or 0.0))
        rows = [[name, each.value, each.low, each.high] for name, each in found]
        return [["node", "value", "low", "high"], *rows]


@dataclass(frozen=True)
class EffectsOf(Look):
    """``prompt``: its number, or None for all."""

    title = "Reading direct effects"
    rank = 22
    glance = True

    prompt: int | None

    def see(self, engine: Engine) -> Steps[EffectsSeen]:
        """Batch by batch."""
        from circuitviz.evaluation import bootstrap
        from circuitviz.lens import attribute

        found = yield from attribute(
            engine.model, engine.task, None if self.prompt is None else [self.prompt]
        )
        seed = engine.task.seed
        intervals = (bootstrap((row,), lambda mean: mean, seed) for row in found.values)
        effects = dict(zip(found.names, intervals, strict=True))
        return EffectsSeen(engine.model.graph, effects, len(found.prompts))
