"""A measure is one file: a generator from a circuit on its bench to a result with numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from circuitviz.errors import InputError
from circuitviz.evaluation.faithfulness import Bench
from circuitviz.features import Intervention, PromptBench
from circuitviz.graph import Circuit, Scores
from circuitviz.graph.opened import opened_sites
from circuitviz.options import build
from circuitviz.progress import Steps
from circuitviz.registry import Entry, Registry


@dataclass(frozen=True, eq=False)
class Subject:
    """What is judged: a circuit on a bench, with what some measures need besides.

    scores: what it was chosen from, by ``select`` and ``asked``; classes: named sets of its nodes, such
    as labels give; selection: nodes that the person means just now.
    """

    bench: Bench
    circuit: Circuit
    scores: Scores | None = None
    select: str = "greedy"
    asked: float | None = None
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    selection: tuple[str, ...] = ()

    @property
    def nodes(self) -> list[str]:
        """The circuit's nodes that can be taken out, in order of depth."""
        return [name for name in self.circuit.node_names if name not in ("input", "logits")]

    def need_scores(self, what: str) -> Scores:
        """The scores; InputError where the circuit came without."""
        if self.scores is None:
            raise InputError(
                f"This circuit holds no scores, so there is no {what}; find the circuit again with a "
                "method that scores edges."
            )
        return self.scores

    def known(self, nodes: tuple[str, ...]) -> tuple[str, ...]:
        """The same names, each a node that writes; InputError on any other."""
        index = self.circuit.graph.sender_index
        for name in nodes:
            if name not in index:
                raise InputError(
                    f"There is no node '{name}' to ablate in this model; nodes are named "
                    f"{', '.join(list(index)[1:3])} and so on."
                )
        return nodes


@dataclass(frozen=True, eq=False)
class FeatureSubject:
    """A circuit of features on one prompt: judged by its nodes, all others at their ablation values.

    nodes: those inside; changed: what some of them are made to be, in the circuit; selection: nodes that the
    person means just now.
    """

    bench: PromptBench
    nodes: tuple[str, ...]
    changed: tuple[Intervention, ...] = ()
    ablation: str = "zero"
    errors: str = "kept"
    selection: tuple[str, ...] = ()


class Result(Protocol):
    """What a measure finds. Partial results are of the same kind."""

    def as_dict(self) -> dict[str, Any]:
        """The numbers as command line, window and files hold them, ready for JSON."""


Measure = Callable[[Any, Any], Steps[Result]]
"""(subject, options) → steps; partial results are results of what is measured so far.

A measure is of circuits of heads, or registered as ``of="features"``: its subject is of that kind. One of
heads that needs nothing but numbers of whole circuits is ``opened=True``: sites may be opened into features.
"""
HEADS, FEATURES = "heads", "features"

measures: Registry[Measure] = Registry("measure", "circuitviz.evaluation", "circuitviz.measures")


def measures_of(kind: str) -> dict[str, str]:
    """For each measure that does not apply to a kind of circuit, a sentence on why."""
    fitting = ", ".join(entry.name for entry in measures.entries() if _kind(entry) == kind)
    why = {
        FEATURES: "measures edges between heads over the prompts of a task, and this circuit is of features "
        f"on one prompt, judged by its nodes; {fitting} would be right.",
        HEADS: "measures features on one prompt, and this circuit is judged over the prompts of a task; "
        f"{fitting} would be right.",
    }[kind]
    return {e.name: f"'{e.name}' {why}" for e in measures.entries() if _kind(e) != kind}


def measure_steps(name: str, subject: Subject | FeatureSubject, **options: object) -> Steps[Result]:
    """Start a measure by name; InputError at once on a name or option that is wrong, or of another kind."""
    entry = measures.get(name)
    kind = FEATURES if isinstance(subject, FeatureSubject) else HEADS
    if refused := measures_of(kind).get(name):
        raise InputError(refused)
    if isinstance(subject, Subject) and opened_sites(subject.circuit.graph) and not entry.extra.get("opened"):
        fitting = ", ".join(e.name for e in measures.entries() if e.extra.get("opened"))
        raise InputError(
            f"'{name}' patches edges between heads, and this circuit has sites opened into features: it is "
            f"judged by its nodes. {fitting} would be right, or the circuit with its sites closed."
        )
    return entry.value(subject, build(entry.options, options))


def _kind(entry: Entry[Measure]) -> str:
    return str(entry.extra.get("of", HEADS))
