"""Readings that panels follow: what cannot be read is told in the panel, not in a dialog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from circuitviz.errors import InputError
from circuitviz.jobs.messages import Moved, Reply, Request
from circuitviz.progress import Driven, Steps

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine

Table = list[list[Any]]
"""A header and rows, as CSV has them: the same from the window and from the command line."""


@dataclass(frozen=True)
class Seen(Reply):
    """What a look found: ``result``, or ``why`` there is none. ``done`` is false while more comes."""

    look: Look
    result: Any = None
    done: bool = True
    why: str = ""


@dataclass(frozen=True)
class Look(Request):
    """A reading of the model on its prompts; nobody pressed a button for it, so it is no one's error.

    ``of_task``: it reads the prompts of the open task, and not the model alone.
    """

    of_task: ClassVar[bool] = True

    def see(self, engine: Engine) -> Steps[Any]:
        """The reading, step by step; ``partial`` results are shown as they come."""
        raise NotImplementedError

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """What is seen so far, then the whole."""
        try:
            engine.need(self.of_task)
            steps = Driven(self.see(engine))
            for step in steps:
                yield Moved(self.title, step.share, step.message)
                if step.partial is not None:
                    yield Seen(self, step.partial, done=False)
            yield Seen(self, steps.result)
        except InputError as error:
            yield Seen(self, why=str(error))
