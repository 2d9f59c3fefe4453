"""A document that was opened names its model and prompts; looking at a file never touches the network."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.errors import InputError
from circuitviz.graph import Circuit
from circuitviz.jobs.messages import Reply, Request
from circuitviz.session import Provenance

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine

UNASKED, FROM_DISK, FROM_NETWORK = "unasked", "from disk", "from network"
"""How a document's model may be opened: only one that needs no Hugging Face name (it ships, lies in a folder
or is open already); also one that was downloaded before; or from Hugging Face."""


@dataclass(frozen=True)
class Needed(Reply):
    """A document's model has a Hugging Face name, and is opened only when a person says so."""

    model: str
    downloaded: bool
    opening: tuple[object, ...]  # Provenance.opening of the circuit


@dataclass(frozen=True)
class Adopt(Request):
    """Load the model and make the task of a document."""

    title = "The model was not opened"
    rank = 0
    fresh = True

    provenance: Provenance
    circuit: Circuit
    device: str = "cpu"
    consent: str = UNASKED

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """Ready, with a warning where weights or tokens differ from the document's; or Needed."""
        where = self.provenance
        if (needed := needed_for(engine, where, self.consent)) is not None:
            yield needed
            return
        yield from without_network(self._adopt(engine), self.consent)

    def _adopt(self, engine: Engine) -> Generator[Reply, None, None]:
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


def needed_for(engine: Engine, where: Provenance, consent: str) -> Needed | None:
    """What a person has to agree to before a document's model is opened; None where nothing."""
    if consent != UNASKED or (engine.model is not None and engine.model.name == where.model):
        return None
    from circuitviz.models import is_local
    from circuitviz.models.hub import downloaded

    try:
        if is_local(where.model):
            return None
    except InputError:
        return None  # opening it says what is wrong with the name

    return Needed(where.model, downloaded(where.model), where.opening)


def without_network(steps: Iterator[Reply], consent: str) -> Iterator[Reply]:
    """The replies of a job that asks Hugging Face for nothing, unless a person wanted it to."""
    from circuitviz.models.hub import unasked

    with nullcontext() if consent == FROM_NETWORK else unasked():
        yield from steps
