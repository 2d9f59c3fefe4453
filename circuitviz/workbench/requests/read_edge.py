"""Which positions of a prompt an edge's score comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitviz import discovery
from circuitviz.errors import InputError
from circuitviz.graph.names import split_edge_span
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class ReadEdge(Query):
    """Read an edge on a prompt, with the gradient of the method that scored it."""

    title = "Could not read the edge"
    activity = "Reading an edge"
    priority = Priority.READ_NODE
    may_preempt_search = True

    edge: str
    prompt: int
    method: str = "eap-ig"
    options: Mapping[str, Any] = field(default_factory=dict)

    def compute_steps(self, engine: Engine) -> ProgressSteps[discovery.EdgeContributions]:
        """One step for each pass of the method."""
        experiment = engine.require_experiment()
        graph = engine.model.graph
        sender, _, receiver = split_edge_span(self.edge)[0].partition("->")
        if sender not in graph.sender_index or receiver not in graph.receiver_index:
            raise InputError(
                f"{self.edge} is not an edge between heads and MLPs, and only those are read by position."
            )
        return (
            yield from discovery.read_edge_steps(
                experiment.setting,
                self.edge,
                self.prompt,
                self.method,
                experiment.ablation_values,
                **self.options,
            )
        )
