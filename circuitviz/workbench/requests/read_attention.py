"""Where all heads of a layer look, on a prompt and on its corrupted partner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz import lens
from circuitviz.plots import TableRows
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine

ATTENTION_COLUMNS = ["head", "query_position", "query", "key_position", "key", "weight"]


@dataclass(frozen=True)
class ReadAttention(Query):
    """All heads at once, so that going from one to its neighbour needs no waiting."""

    title = "Could not read attention"
    activity = "Reading attention"
    priority = Priority.READING
    may_preempt_search = True

    layer: int
    prompt: int

    def compute_steps(self, engine: Engine) -> ProgressSteps[lens.LayerAttention]:
        """One step: two forward passes."""
        yield from ()  # too short for a sign of progress
        return lens.read_layer_attention(engine.model, engine.task, self.layer, self.prompt)


def attention_tokens(attention: lens.LayerAttention, side: str) -> list[str]:
    """The texts of a side's positions; of the difference, both where they differ."""
    if side == "corrupted":
        return attention.corrupted_tokens
    if side == "clean":
        return attention.tokens
    pairs = zip(attention.tokens, attention.corrupted_tokens, strict=True)
    return [a if a == b else f"{a.strip()}/{b.strip()}" for a, b in pairs]


def attention_table(
    attention: lens.LayerAttention, side: str, is_value_weighted: bool, head: int | None = None
) -> TableRows:
    """A row for each query and key that it can see, of one head or of all."""
    tokens, maps = attention_tokens(attention, side), attention.patterns(side, is_value_weighted)
    return [
        ATTENTION_COLUMNS,
        *(
            [f"a{attention.layer}.h{h}", i, query, j, tokens[j], float(maps[h, i, j])]
            for h in (range(len(maps)) if head is None else [head])
            for i, query in enumerate(tokens)
            for j in range(i + 1)
        ),
    ]
