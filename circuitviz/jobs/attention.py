"""Where all heads of a layer look, on a prompt and on its corrupted partner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.jobs.look import Look, Table
from circuitviz.progress import Steps

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine
    from circuitviz.lens import LayerAttention

HEADER = ["head", "query_position", "query", "key_position", "key", "weight"]


@dataclass(frozen=True)
class AttentionOf(Look):
    """All heads at once, so that going from one to its neighbour needs no waiting."""

    title = "Reading attention"
    rank = 21
    glance = True

    layer: int
    prompt: int

    def see(self, engine: Engine) -> Steps[LayerAttention]:
        """One step: two forward passes."""
        from circuitviz.lens import layer_attention

        yield from ()  # too short for a sign of progress
        return layer_attention(engine.model, engine.task, self.layer, self.prompt)


def attention_tokens(seen: LayerAttention, side: str) -> list[str]:
    """The texts of a side's positions; of the difference, both where they differ."""
    if side == "corrupted":
        return seen.corrupted_tokens
    if side == "clean":
        return seen.tokens
    pairs = zip(seen.tokens, seen.corrupted_tokens, strict=True)
    return [a if a == b else f"{a.strip()}/{b.strip()}" for a, b in pairs]


def attention_table(seen: LayerAttention, side: str, weighted: bool, head: int | None = None) -> Table:
    """A row for each query and key that it can see, of one head or of all."""
    tokens, maps = attention_tokens(seen, side), seen.maps(side, weighted)
    return [
        HEADER,
        *(
            [f"a{seen.layer}.h{h}", i, query, j, tokens[j], float(maps[h, i, j])]
            for h in (range(len(maps)) if head is None else [head])
            for i, query in enumerate(tokens)
            for j in range(i + 1)
        ),
    ]
