"""The inspector's readings of a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz.graph import Graph
from circuitviz.graph.opened import opened_sites
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
    glance = True

    node: str
    prompt: int
    graph: Graph | None = None  # the circuit's, where sites may be opened into features
    options: Mapping[str, Any] = field(default_factory=dict)  # that it was found with

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """One reading."""
        engine.need()
        if self.node not in engine.model.graph.node_index:
            yield from self._part(engine)
            return
        from circuitviz.lens import read_node

        yield Reading(read_node(engine.model, engine.task, self.node, self.prompt))

    def _part(self, engine: Engine) -> Iterator[Reply]:
        """The reading of an opened site's feature or error; nothing of what stands in one prompt alone."""
        if self.graph is None or not opened_sites(self.graph) or self.node not in self.graph.node_index:
            return
        from circuitviz.features.opened_reading import read_part

        opening = engine.bench(True, False, self.graph, self.options).opening
        yield Reading(read_part(opening, engine.task, self.graph.node(self.node), self.prompt))
