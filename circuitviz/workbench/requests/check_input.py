"""Whether what a form asks for can be done, while it is filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.messages import Request
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class CheckInput(Query):
    """Refused with the sentence with which the request itself would fail; else without a result."""

    title = "Could not check the form"
    priority = Priority.READING
    activity = "Checking the form"
    needs_task = False

    request: Request

    @property
    def slot(self) -> object:
        """One for each form."""
        return type(self), type(self.request)

    def compute_steps(self, engine: Engine) -> ProgressSteps[None]:
        """No step: it takes a moment."""
        yield from ()
        self.request.check_input(engine)
