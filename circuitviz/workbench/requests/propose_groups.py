"""Proposed groups of the features of the circuit that is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.document.state import State
from circuitviz.errors import InputError
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.propose_groups import GroupProposals, propose_groups_steps
from circuitviz.workbench.requests.discover_prompt_circuit import require_prompt_session
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True, eq=False)
class ProposeGroups(Query):
    """Compare the features of a state's circuit, and measure what its groups alone explain."""

    title = "Could not propose groups"
    activity = "Comparing features"
    priority = Priority.COMPUTE_MEASURE
    needs_task = False

    state: State
    threshold: float = 0.5

    def compute_steps(self, engine: Engine) -> ProgressSteps[GroupProposals]:
        """The proposals, with two faithfulness values."""
        query = self.state.query
        if query is None:
            raise InputError(
                "Groups are proposed for features of one prompt's circuit; find one first (Feature circuit)."
            )
        session = require_prompt_session(engine, query)
        return (yield from propose_groups_steps(session, self.state, self.threshold))
