"""The inspector's readings of a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz.graph import Graph
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.graph.names import split_span
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
        """One reading; none of what is not of the task."""
        experiment = engine.require_experiment()
        if self._is_readable(experiment.model.graph):
            yield TaskNodeRead(experiment.read(self.node, self.prompt, self.graph, self.options))

    def _is_readable(self, model_graph: Graph) -> bool:
        """Whether it is a node of the model or a feature of a site; not what stands in one prompt alone."""
        if split_span(self.node)[0] in model_graph.node_index:
            return True
        graph = self.graph
        return graph is not None and bool(feature_sites(graph)) and self.node in graph.node_index
