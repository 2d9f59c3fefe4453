"""The inspector's readings of a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz.graph import Graph
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class TaskNodeRead(Reply):
    """A node's readings, as ``lens.read_node`` gives them."""

    reading: Any


@dataclass(frozen=True)
class ReadTaskNode(Request):
    """Read a node on a prompt."""

    title = "Could not read the node"
    priority = Priority.READ_NODE
    may_preempt_search = True

    node: str
    prompt: int
    graph: Graph | None = None  # the circuit's, where sites may be opened into features
    options: Mapping[str, Any] = field(default_factory=dict)  # that it was found with

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One reading."""
        engine.require_open()
        if self.node not in engine.model.graph.node_index:
            yield from self._read_basis_node(engine)
            return
        from circuitviz.lens import read_node

        yield TaskNodeRead(read_node(engine.model, engine.task, self.node, self.prompt))

    def _read_basis_node(self, engine: Engine) -> Iterator[Reply]:
        """The reading of an opened site's feature or error; nothing of what stands in one prompt alone."""
        if self.graph is None or not feature_sites(self.graph) or self.node not in self.graph.node_index:
            return
        from circuitviz.evaluation.feature_basis_bench import FeatureBasisBench
        from circuitviz.features.basis_node_reading import read_basis_node

        bench = engine.bench(True, False, self.graph, self.options)
        assert isinstance(bench, FeatureBasisBench)
        yield TaskNodeRead(read_basis_node(bench.basis, engine.task, self.graph.node(self.node), self.prompt))
