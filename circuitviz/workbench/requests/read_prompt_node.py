"""What the inspector reads of a node of a prompt: a feature by its directions, an error by its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.prompt_node_reading import PromptNodeReading, read_prompt_node
from circuitviz.workbench.requests.discover_prompt_circuit import require_prompt_session
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class ReadPromptNode(Query):
    """Read a node of the open prompt."""

    title = "Could not read the node"
    activity = "Reading a node"
    priority = Priority.READ_NODE
    needs_task = False

    attribution_query: AttributionQuery
    node: str

    def compute_steps(self, engine: Engine) -> ProgressSteps[PromptNodeReading]:
        """One step: a feature's tokens are one product with the unembedding."""
        yield from ()  # too short for a sign of progress
        return read_prompt_node(require_prompt_session(engine, self.attribution_query), self.node)
