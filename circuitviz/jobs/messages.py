"""What the window asks of the worker and what comes back: frozen values, sent as they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from circuitviz.graph import Circuit, Scores
from circuitviz.options import Option
from circuitviz.session import Provenance


@dataclass(frozen=True)
class Find:
    """Load what is needed, score every edge, choose a circuit."""

    model: str
    task: str
    pair: tuple[str, str, str, str] | None
    prompts: int
    seed: int
    method: str
    options: dict[str, Any]
    metric: str
    ablation: str
    select: str
    edges: int
    device: str = "cpu"


@dataclass(frozen=True)
class Adopt:
    """Load the model and make the task of a document that was opened."""

    provenance: Provenance
    circuit: Circuit
    device: str = "cpu"


@dataclass(frozen=True)
class Measure:
    """Faithfulness of a circuit: on a few prompts first, then on all."""

    circuit: Circuit
    key: str


@dataclass(frozen=True)
class Curve:
    """Faithfulness at growing numbers of edges."""

    scores: Scores
    select: str


@dataclass(frozen=True)
class Read:
    """The inspector's readings of a node on a prompt."""

    node: str
    prompt: int


@dataclass(frozen=True)
class Catalog:
    """What can be chosen: asked at the start, because the answer imports torch."""


Request = Catalog | Find | Adopt | Measure | Curve | Read


@dataclass(frozen=True)
class Moved:
    """How far the running job is, at most ten times a second."""

    title: str
    share: float
    message: str
    seconds_left: float | None = None


@dataclass(frozen=True)
class Choices:
    """Names for the form; a method comes with a line about it and its options."""

    tasks: tuple[str, ...] = ("ioi",)
    methods: dict[str, tuple[str, tuple[Option, ...]]] = field(
        default_factory=lambda: {"eap-ig": ("", ())}
    )
    metrics: tuple[str, ...] = ()
    ablations: tuple[str, ...] = ("corrupted",)
    broken: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """A model and a task are open on the worker."""

    model: str
    device: str
    task: str
    metric: str
    ablation: str
    prompts: tuple[str, ...]
    n_edges: int
    warning: str = ""


@dataclass(frozen=True)
class Found:
    """Scores and the circuit chosen from them; ``partial`` while the method is still at work."""

    scores: Scores
    circuit: Circuit
    provenance: Provenance | None
    partial: bool
    cancelled: bool = False


@dataclass(frozen=True)
class Measured:
    """Numbers of a circuit under its state's key; ``tier`` is ``small`` or ``exact``."""

    key: str
    tier: str
    numbers: dict[str, Any]


@dataclass(frozen=True)
class Points:
    """The curve so far."""

    points: tuple[dict[str, Any], ...]
    done: bool


@dataclass(frozen=True)
class Reading:
    """A node's readings, as ``lens.read_node`` gives them."""

    reading: Any


@dataclass(frozen=True)
class Failed:
    """A job could not be done. ``message`` is for the person, ``details`` for a report."""

    title: str
    message: str
    details: str = ""
    ours: bool = False


@dataclass(frozen=True)
class Idle:
    """Nothing is running or waiting."""


Reply = Moved | Choices | Ready | Found | Measured | Points | Reading | Failed | Idle


@dataclass
class Mailbox:
    """Waiting requests: one slot a kind, so a newer request of a kind replaces the older one."""

    slots: dict[type, Request] = field(default_factory=dict)
    order: tuple[type, ...] = (Catalog, Find, Adopt, Measure, Read, Curve)

    def put(self, request: Request) -> None:
        """Leave a request; a new circuit or document makes what waited for the old one void."""
        if isinstance(request, Find | Adopt):
            for kind in (Find, Adopt, Measure, Read, Curve):
                self.slots.pop(kind, None)
        self.slots[type(request)] = request

    def take(self) -> Request | None:
        """The most urgent request."""
        for kind in self.order:
            if kind in self.slots:
                return self.slots.pop(kind)
        return None

    def more_urgent(self, than: Request) -> bool:
        """Whether something waits that the running job should step back for."""
        rank = self.order.index(type(than))
        return any(kind in self.slots for kind in self.order[: rank + 1])
