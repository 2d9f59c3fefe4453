"""Readings that panels follow: what cannot be read is told in the panel, not in a dialog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from circuitviz.errors import InputError
from circuitviz.progress import ProgressRunner, ProgressSteps
from circuitviz.workbench.requests.messages import ProgressReported, Reply, Request

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class QueryResult(Reply):
    """What a look found: ``result``, or ``refusal`` there is none. ``done`` is false while more comes."""

    query: Query
    result: Any = None
    done: bool = True
    refusal: str = ""


@dataclass(frozen=True)
class Query(Request):
    """A reading of the model on its prompts; nobody pressed a button for it, so it is no one's error.

    ``activity``: what its progress is called. ``needs_task``: it reads the prompts of the open task, and not
    the model alone. ``needs_model``: it is about what the tab has open.
    """

    activity: ClassVar[str] = "Reading the model"
    needs_task: ClassVar[bool] = True
    needs_model: ClassVar[bool] = True

    def compute_steps(self, engine: Engine) -> ProgressSteps[Any]:
        """The reading, step by step; ``partial`` results are shown as they come."""
        raise NotImplementedError

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """What is seen so far, then the whole."""
        try:
            if self.needs_model:
                engine.require_open(self.needs_task)
            steps = ProgressRunner(self.compute_steps(engine))
            for step in steps:
                yield ProgressReported(self.activity, step.fraction, step.message)
                if step.partial is not None:
                    yield QueryResult(self, step.partial, done=False)
            yield QueryResult(self, steps.result)
        except InputError as error:
            yield QueryResult(self, refusal=str(error))
