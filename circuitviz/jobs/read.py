"""The inspector's readings of a node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuitviz.jobs.messages import Reply, Request

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Reading(Reply):
    """A node's readings, as ``lens.read_node`` gives them."""

    reading: Any


@dataclass(frozen=True)
class Read(Request):
    """Read a node on a prompt."""

    title = "The node was not read"
    rank = 20

    node: str
    prompt: int

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """One reading."""
        engine.need()
        if self.node not in engine.model.graph.node_index:
            return  # a feature: what it reads and writes stands on its dashboard
        from circuitviz.lens import read_node

        yield Reading(read_node(engine.model, engine.task, self.node, self.prompt))
