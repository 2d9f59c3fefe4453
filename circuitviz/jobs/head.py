"""What a head writes and what it matches, on a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.errors import InputError
from circuitviz.jobs.look import Look, Table
from circuitviz.progress import Steps

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine
    from circuitviz.lens import HeadReading


@dataclass(frozen=True)
class HeadOf(Look):
    """OV and QK of one head."""

    title = "Reading OV and QK"
    rank = 21
    glance = True

    node: str
    prompt: int

    def see(self, engine: Engine) -> Steps[HeadReading]:
        """One step: a forward pass, and the head's scores with every embedding."""
        from circuitviz.lens import read_head

        yield from ()  # too short for a sign of progress
        return read_head(engine.model, engine.task, self.node, self.prompt, top=10)


def ov_table(seen: HeadReading) -> Table:
    """A row for each position and token that is promoted from there; how much the head looks there."""
    rows: Table = [["head", "position", "token", "rank", "promoted", "logit", "attention"]]
    for position, tokens in enumerate(seen.writes):
        place, weight = [seen.node, position, seen.tokens[position]], seen.weights[position]
        rows += [[*place, rank, t.token, t.logit, weight] for rank, t in enumerate(tokens, start=1)]
    return rows


def qk_table(seen: HeadReading) -> Table:
    """A row for each query and token that it matches as key; InputError where that cannot be told."""
    if not seen.matches:
        raise InputError(seen.unmatched)
    rows: Table = [["head", "position", "query", "rank", "key", "score"]]
    for position, tokens in enumerate(seen.matches):
        place = [seen.node, position, seen.tokens[position]]
        rows += [[*place, rank, t.token, t.logit] for rank, t in enumerate(tokens, start=1)]
    return rows
