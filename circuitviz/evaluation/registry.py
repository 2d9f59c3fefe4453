"""A measure is one file: a generator from a circuit on its bench to a result with numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from circuitviz.errors import InputError
from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.features import PromptBench
from circuitviz.graph import Circuit, Interventions, Scores
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.options import build_options
from circuitviz.progress import ProgressSteps
from circuitviz.registry import Registry, RegistryEntry


@dataclass(frozen=True, eq=False)
class MeasureInput:
    """What is judged: a circuit on a bench, with what some measures need besides.

    scores: what it was chosen from, by ``select`` and ``requested_amount``; classes: named sets of its nodes, such
    as labels give; selection: nodes that the person means just now.
    """

    bench: FaithfulnessBench
    circuit: Circuit
    scores: Scores | None = None
    select: str = "greedy"
    requested_amount: float | None = None
    node_classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    selection: tuple[str, ...] = ()

    @property
    def removable_nodes(self) -> list[str]:
        """The circuit's nodes that can be taken out, in order of depth."""
        return [name for name in self.circuit.node_names if name not in ("input", "logits")]

    def require_scores(self, purpose: str) -> Scores:
        """The scores; InputError where the circuit came without."""
        if self.scores is None:
            raise InputError(
                f"This circuit holds no scores, so there is no {purpose}; find the circuit again with a "
                "method that scores edges."
            )
        return self.scores

    def require_senders(self, nodes: tuple[str, ...]) -> tuple[str, ...]:
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
class FeatureMeasureInput:
    """A circuit of features on one prompt: judged by its nodes, all others at their ablation values.

    nodes: those inside; changed: what some of them are made to be, in the circuit; selection: nodes that the
    person means just now.
    """

    bench: PromptBench
    nodes: tuple[str, ...]
    interventions: Interventions = field(default_factory=dict)
    ablation: str = "zero"
    errors: str = "kept"
    selection: tuple[str, ...] = ()


class MeasureOutput(Protocol):
    """What a measure finds. Partial results are of the same kind."""

    def as_dict(self) -> dict[str, Any]:
        """The numbers as command line, window and files hold them, ready for JSON."""


Measure = Callable[[Any, Any], ProgressSteps[MeasureOutput]]
"""(subject, options) → steps; partial results are results of what is measured so far.

A measure is of circuits of heads, or registered as ``of="features"``: its subject is of that kind. One of
heads that needs nothing but numbers of whole circuits is ``opened=True``: sites may be opened into features.
"""
HEAD_CIRCUITS, FEATURE_CIRCUITS = "heads", "features"

measures: Registry[Measure] = Registry("measure", "circuitviz.evaluation", "circuitviz.measures")


def inapplicable_measures(kind: str) -> dict[str, str]:
    """For each measure that does not apply to a kind of circuit, a sentence on why."""
    fitting = ", ".join(entry.name for entry in measures.entries() if _circuit_kind(entry) == kind)
    why = {
        FEATURE_CIRCUITS: "measures edges between heads over the prompts of a task, and this circuit is of features "
        f"on one prompt, judged by its nodes; {fitting} would be right.",
        HEAD_CIRCUITS: "measures features on one prompt, and this circuit is judged over the prompts of a task; "
        f"{fitting} would be right.",
    }[kind]
    return {e.name: f"'{e.name}' {why}" for e in measures.entries() if _circuit_kind(e) != kind}


def measure_steps(
    name: str, measure_input: MeasureInput | FeatureMeasureInput, **options: object
) -> ProgressSteps[MeasureOutput]:
    """Start a measure by name; InputError at once on a name or option that is wrong, or of another kind."""
    entry = measures.get(name)
    kind = FEATURE_CIRCUITS if isinstance(measure_input, FeatureMeasureInput) else HEAD_CIRCUITS
    if refused := inapplicable_measures(kind).get(name):
        raise InputError(refused)
    if (
        isinstance(measure_input, MeasureInput)
        and feature_sites(measure_input.circuit.graph)
        and not entry.extra.get("opened")
    ):
        fitting = ", ".join(e.name for e in measures.entries() if e.extra.get("opened"))
        raise InputError(
            f"'{name}' patches edges between heads, and this circuit has sites opened into features: it is "
            f"judged by its nodes. {fitting} would be right, or the circuit with its sites closed."
        )
    return entry.value(measure_input, build_options(entry.options, options))


def _circuit_kind(entry: RegistryEntry[Measure]) -> str:
    return str(entry.extra.get("of", HEAD_CIRCUITS))
