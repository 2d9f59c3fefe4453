"""What a head writes and what it matches, on a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz import lens
from circuitviz.errors import InputError
from circuitviz.plots import TableRows
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class ReadHead(Query):
    """OV and QK of one head."""

    title = "Could not read OV and QK"
    activity = "Reading OV and QK"
    priority = Priority.READING
    may_preempt_search = True

    node: str
    prompt: int

    def compute_steps(self, engine: Engine) -> ProgressSteps[lens.HeadReading]:
        """One step: a forward pass, and the head's scores with every embedding."""
        yield from ()  # too short for a sign of progress
        return lens.read_head(engine.model, engine.task, self.node, self.prompt, top=10)


def ov_table(reading: lens.HeadReading) -> TableRows:
    """A row for each position and token that is promoted from there; how much the head looks there."""
    rows: TableRows = [["head", "position", "token", "rank", "promoted", "logit", "attention"]]
    for position, tokens in enumerate(reading.promoted_tokens):
        place, weight = [reading.node, position, reading.tokens[position]], reading.attention[position]
        rows += [[*place, rank, t.token, t.logit, weight] for rank, t in enumerate(tokens, start=1)]
    return rows


def qk_table(reading: lens.HeadReading) -> TableRows:
    """A row for each query and token that it matches as key; InputError where that cannot be told."""
    if not reading.matched_tokens:
        raise InputError(reading.match_error)
    rows: TableRows = [["head", "position", "query", "rank", "key", "score"]]
    for position, tokens in enumerate(reading.matched_tokens):
        place = [reading.node, position, reading.tokens[position]]
        rows += [[*place, rank, t.token, t.logit] for rank, t in enumerate(tokens, start=1)]
    return rows
