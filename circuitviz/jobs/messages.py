"""What every job can say to the window; each job's own request and reply stand in its own file."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from circuitviz.progress import Driven, Steps

if TYPE_CHECKING:
    from circuitviz.jobs.engine import Engine

T = TypeVar("T")


class Reply:
    """What comes back from the worker: frozen values, sent as they are."""


class Request:
    """What the window asks of the worker: a frozen dataclass that knows how to be answered.

    ``title``: what to say when it fails. ``rank``: the lower, the more urgent; a running job steps
    aside for a more urgent one and goes on afterwards. ``fresh``: it makes void whatever was asked
    of the model and task before it. ``glance``: it takes a moment and only reads what is open, so
    even a search steps aside for it.
    """

    title: ClassVar[str] = "That did not work"
    rank: ClassVar[int] = 50
    fresh: ClassVar[bool] = False
    glance: ClassVar[bool] = False

    @property
    def slot(self) -> object:
        """Of requests that share it only the latest is answered: those of one kind, unless it says else."""
        return type(self)

    def goes_before(self, running: Request, opened: bool) -> bool:
        """Whether a job that is running has to step aside; ``opened``: its model and task are."""
        return self.rank < running.rank or (self.glance and running.fresh and opened)

    def answer(self, engine: Engine) -> Iterator[Reply]:
        """Replies, one after another; not asking for the next one cancels."""
        raise NotImplementedError


@dataclass(frozen=True)
class Moved(Reply):
    """How far the running job is, at most ten times a second."""

    title: str
    share: float
    message: str
    seconds_left: float | None = None


@dataclass(frozen=True)
class Ready(Reply):
    """A model and a task are open on the worker."""

    model: str
    device: str
    task: str
    metric: str
    ablation: str
    prompts: tuple[str, ...]
    n_edges: int
    warning: str = ""
    longest: int = 0  # tokens of the longest prompt; 0 where nothing is asked of positions


@dataclass(frozen=True)
class Failed(Reply):
    """A job could not be done. ``message`` is for the person, ``details`` for a report."""

    title: str
    message: str
    details: str = ""
    ours: bool = False
    request: Request | None = None


@dataclass(frozen=True)
class Idle(Reply):
    """Nothing is running or waiting."""


def moving(title: str, steps: Steps[T], message: str = "") -> Generator[Reply, None, T]:
    """Drive a computation to its result, telling of each step; ``message`` first, before any."""
    yield Moved(title, 0.0, message)
    driven = Driven(steps)
    for step in driven:
        yield Moved(title, step.share, step.message)
    return driven.result
