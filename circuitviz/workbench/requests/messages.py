"""What every job can say to the window; each job's own request and reply stand in its own file."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from circuitviz.dtypes import FULL_DTYPE
from circuitviz.progress import ProgressRunner, ProgressSteps
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine

T = TypeVar("T")


class Reply:
    """What comes back from the worker: frozen values, sent as they are."""

    @property
    def is_final(self) -> bool:
        """Whether this is the job's result, and not something on the way to it."""
        return bool(getattr(self, "done", True)) and not getattr(self, "partial", False)


class Request:
    """What the window asks of the worker: a frozen dataclass that knows how to be answered.

    ``title``: names the operation when it fails, as in "Could not read the node". ``priority``: a running job
    steps aside for a more urgent one and goes on afterwards. ``invalidates_queue``: it makes void whatever
    was asked of the model and task before it. ``may_preempt_search``: it takes a moment and only reads what
    is open, so even a search steps aside for it.
    """

    title: ClassVar[str] = "Could not run the job"
    priority: ClassVar[Priority] = Priority.DEFAULT
    invalidates_queue: ClassVar[bool] = False
    may_preempt_search: ClassVar[bool] = False

    @property
    def slot(self) -> object:
        """Of requests that share it only the latest is answered: those of one kind, unless it says else."""
        return type(self)

    def preempts(self, running: Request, is_model_open: bool) -> bool:
        """Whether a job that is running has to step aside; ``is_model_open``: its model and task are."""
        return self.priority < running.priority or (
            self.may_preempt_search and running.invalidates_queue and is_model_open
        )

    def check_input(self, engine: Engine) -> None:
        """Find what is wrong with the request while a person fills in its form, without a pass of the model.

        Raises:
            InputError: It would fail.
        """

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """Replies, one after another; not asking for the next one cancels."""
        raise NotImplementedError


@dataclass(frozen=True)
class ProgressReported(Reply):
    """How far the running job is, at most ten times a second."""

    title: str
    fraction: float
    message: str
    seconds_left: float | None = None


@dataclass(frozen=True)
class ModelReady(Reply):
    """A model and a task are open on the worker.

    ``device`` says where the model is, ``asked_device`` on which device it was asked for, such as ``auto``.
    """

    model: str
    device: str
    task: str
    metric: str
    ablation: str
    prompts: tuple[str, ...]
    n_edges: int
    warning: str = ""
    max_prompt_tokens: int = 0  # tokens of the longest prompt; 0 where nothing is asked of positions
    dtype: str = FULL_DTYPE  # the precision that the model's weights are kept in
    asked_device: str = ""

    @property
    def is_final(self) -> bool:
        """False: what the job is about comes after it."""
        return False


@dataclass(frozen=True)
class ModelReleased(Reply):
    """A model is not open any more; ``tabs`` had it open, by number.

    It made room for another one, or (``is_lost``) went with its process, with all others there.
    """

    model: str
    tabs: tuple[int, ...]
    is_lost: bool = False

    @property
    def is_final(self) -> bool:
        """False: what the job is about comes after it."""
        return False


@dataclass(frozen=True)
class JobFailed(Reply):
    """A job could not be done. ``message`` is for the person, ``details`` for a report."""

    title: str
    message: str
    details: str = ""
    is_internal_error: bool = False
    request: Request | None = None


@dataclass(frozen=True)
class WorkerIdle(Reply):
    """Nothing is running or waiting."""


def report_progress(title: str, steps: ProgressSteps[T], message: str = "") -> Generator[Reply, None, T]:
    """Drive a computation to its result, telling of each step; ``message`` first, before any."""
    yield ProgressReported(title, 0.0, message)
    driven = ProgressRunner(steps)
    for step in driven:
        yield ProgressReported(title, step.fraction, step.message)
    return driven.result
