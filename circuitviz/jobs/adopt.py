"""A document that was opened brings its own model and prompts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.graph import Circuit
from circuitviz.jobs.messages import Reply, Request
from circuitviz.session import Provenance

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine


@dataclass(frozen=True)
class Adopt(Request):
    """Load the model and make the task of a document."""

    title = "The model was not opened"
    rank = 0
    fresh = True

    provenance: Provenance
    circuit: Circuit
    device: str = "cpu"

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """Ready, with a warning where weights or tokens differ from the document's."""
        where = self.provenance
        yield from engine.load(where.model, self.device)
        from circuitviz.session.origin import mismatch, task_of

        message = mismatch(where, engine.model, self.circuit)
        task = task_of(where, engine.model)
        if task.hash != where.task_hash and not message:
            message = "The prompts tokenise otherwise than when this circuit was found."
        engine.set_task(task, where.metric, where.ablation)
        engine.opened_for = where.opening
        yield engine.ready(message)
