"""A document that was opened names its model and prompts; looking at a file never touches the network."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz import models
from circuitviz.document import Origin, TaskOrigin
from circuitviz.errors import InputError
from circuitviz.graph import Circuit
from circuitviz.progress import run_steps_within
from circuitviz.workbench.experiment import open_task_origin
from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine

WITHOUT_CONSENT, FROM_DISK, FROM_NETWORK = "unasked", "from disk", "from network"
"""How a document's model may be opened: only one that needs no Hugging Face name (it ships, lies in a folder
or is open already); also one that was downloaded before; or from Hugging Face."""


@dataclass(frozen=True)
class ConsentNeeded(Reply):
    """A document's model has a Hugging Face name, and is opened only when a person says so."""

    model: str
    is_downloaded: bool
    requirements: tuple[object, ...]  # of the circuit


@dataclass(frozen=True)
class OpenDocumentModel(Request):
    """Load the model and make the task of a document."""

    title = "Could not open the model"
    priority = Priority.OPEN_MODEL
    invalidates_queue = True

    origin: TaskOrigin
    circuit: Circuit
    device: str = "cpu"
    consent: str = WITHOUT_CONSENT

    def execute(self, engine: Engine) -> Generator[Reply, None, None]:
        """Ready, with a warning where weights or tokens differ from the document's; or Needed."""
        origin = self.origin
        if (needed := consent_needed_for(engine, origin, self.consent)) is not None:
            yield needed
            return
        yield from run_with_consent(self._open_model(engine), self.consent)

    def _open_model(self, engine: Engine) -> Generator[Reply, None, None]:
        origin = self.origin
        yield from engine.open_model(origin.model, self.device, origin.dtype)
        engine.set_experiment(open_task_origin(origin, engine.model, circuit=self.circuit))
        yield engine.model_ready()


def consent_needed_for(engine: Engine, origin: Origin, consent: str) -> ConsentNeeded | None:
    """What a person has to agree to before a document's model is opened; None where nothing."""
    if consent != WITHOUT_CONSENT or (engine.is_model_open and engine.model.name == origin.model):
        return None
    try:
        if models.is_local_model(origin.model):
            return None
    except InputError:
        return None  # opening it says what is wrong with the name

    return ConsentNeeded(origin.model, models.is_downloaded(origin.model), origin.requirements)


def run_with_consent(steps: Generator[Reply, None, None], consent: str) -> Generator[Reply, None, None]:
    """The replies of a job that asks Hugging Face for nothing, unless a person wanted it to."""
    return steps if consent == FROM_NETWORK else run_steps_within(models.forbid_downloads, steps)
