"""Registry of measures: each is one file with a function from a circuit on its bench to a result.

A measure is registered with ``@measures.register(name, summary=…, options=…)``. Further keywords:
``of=FEATURE_CIRCUITS`` where it measures features on one prompt, ``opened=True`` where a measure of head
circuits needs nothing but numbers of whole circuits, so that it also takes circuits with sites shown in
features, ``count_runs=`` a function that says what the measure costs (``MeasureRuns``), ``card_options=`` and
``card_prompts=`` how a verdict card takes it (see ``card_measures``), and ``check=`` a
function that raises InputError where the measure cannot be taken of what it is given; it makes no pass of the
model, and is asked while a person fills in the form.
"""

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
    """What a measure of a head circuit is given.

    Attributes:
        bench: The setting, with its clean and ablated runs.
        circuit: The circuit to measure.
        scores: The scores that the circuit was chosen from, where it has any.
        select: The rule by which it was chosen from them.
        requested_amount: The number of edges, or the threshold, that the rule was given.
        node_classes: Named sets of nodes, for example those with the same label.
        selection: The nodes that are selected in the window.
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
        """The circuit's nodes except input and logits, in order of depth."""
        return [name for name in self.circuit.node_names if name not in ("input", "logits")]

    def require_scores(self, purpose: str) -> Scores:
        """Return the scores.

        Args:
            purpose: What they are needed for, for the message.

        Raises:
            InputError: The circuit came without scores.
        """
        if self.scores is None:
            raise InputError(
                f"This circuit holds no scores, so there is no {purpose}; find the circuit again with a "
                "method that scores edges."
            )
        return self.scores

    def require_senders(self, nodes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names unchanged after checking that each is a sender of the model.

        Raises:
            InputError: A name is no sender.
        """
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
    """What a measure of a feature circuit of one prompt is given; such a circuit is evaluated by its nodes.

    Attributes:
        bench: The prompt, its dictionaries and its target.
        nodes: The nodes of the circuit; all others take their ablation values.
        interventions: What some of the circuit's nodes are made to be, by name.
        ablation: What nodes outside the circuit take.
        errors: Whether reconstruction errors are ``kept`` or ``dropped``.
        selection: The nodes that are selected in the window.
    """

    bench: PromptBench
    nodes: tuple[str, ...]
    interventions: Interventions = field(default_factory=dict)
    ablation: str = "zero"
    errors: str = "kept"
    selection: tuple[str, ...] = ()


class MeasureOutput(Protocol):
    """The result of a measure; partial results are of the same class."""

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as files and the command line hold them, ready for JSON."""


Measure = Callable[[Any, Any], ProgressSteps[MeasureOutput]]
"""(MeasureInput or FeatureMeasureInput, options) → steps; partial results are of the result's class."""
CheckMeasure = Callable[[Any, Any], object]
"""(MeasureInput or FeatureMeasureInput, options): raises InputError where they do not go together."""


@dataclass(frozen=True)
class MeasureRuns:
    """What a measure costs: how often circuits are evaluated over the whole task, and how often searched.

    Attributes:
        evaluations: Number of evaluations.
        searches: Number of searches by the circuit's own method.
        learnings: How often constants of optimal ablation are learned, besides those that the setting lacks.
    """

    evaluations: float
    searches: float = 0.0
    learnings: float = 0.0


CountRuns = Callable[[Any, Any], MeasureRuns]
"""(MeasureInput, options) → what the measure costs, at most."""
HEAD_CIRCUITS, FEATURE_CIRCUITS = "heads", "features"

measures: Registry[Measure] = Registry("measure", "circuitviz.evaluation", "circuitviz.measures")


def inapplicable_measures(kind: str) -> dict[str, str]:
    """Return, for each measure that does not apply to a kind of circuit, a sentence on why.

    Args:
        kind: ``HEAD_CIRCUITS`` or ``FEATURE_CIRCUITS``.
    """
    applicable = ", ".join(entry.name for entry in measures.entries() if _circuit_kind(entry) == kind)
    reason = {
        FEATURE_CIRCUITS: "measures edges between heads over the prompts of a task, and this circuit is of "
        f"features on one prompt, judged by its nodes; {applicable} would be right.",
        HEAD_CIRCUITS: "measures features on one prompt, and this circuit is judged over the prompts of a "
        f"task; {applicable} would be right.",
    }[kind]
    return {e.name: f"'{e.name}' {reason}" for e in measures.entries() if _circuit_kind(e) != kind}


def measure_steps(
    name: str, measure_input: MeasureInput | FeatureMeasureInput, **options: object
) -> ProgressSteps[MeasureOutput]:
    """Start a measure by name, if it can be taken (``check_measure``).

    Args:
        name: The measure's name, for example ``minimality``.
        measure_input: The circuit on its bench.
        **options: Options of the measure, as text or as values.

    Returns:
        A generator of progress; partial results are of the result's class.

    Raises:
        InputError: As ``check_measure``. Raised at once, before the first step.
    """
    return measures.get(name).value(measure_input, check_measure(name, measure_input, **options))


def check_measure(name: str, measure_input: MeasureInput | FeatureMeasureInput, **options: object) -> Any:
    """Whether a measure can be taken of a circuit; the arguments are those of ``measure_steps``.

    Returns:
        The options as the measure's dataclass.

    Raises:
        InputError: The name or an option is unknown, the measure does not apply to this kind of circuit, or
            its own ``check`` finds that circuit, prompts and options do not go together.
    """
    entry = measures.get(name)
    kind = FEATURE_CIRCUITS if isinstance(measure_input, FeatureMeasureInput) else HEAD_CIRCUITS
    if reason := inapplicable_measures(kind).get(name):
        raise InputError(reason)
    if (
        isinstance(measure_input, MeasureInput)
        and feature_sites(measure_input.circuit.graph)
        and not entry.extra.get("opened")
    ):
        applicable = ", ".join(e.name for e in measures.entries() if e.extra.get("opened"))
        raise InputError(
            f"'{name}' patches edges between heads, and this circuit has sites opened into features: it is "
            f"judged by its nodes. {applicable} would be right, or the circuit with its sites closed."
        )
    measure_options = build_options(entry.options, options)
    check: CheckMeasure | None = entry.extra.get("check")
    if check is not None:
        check(measure_input, measure_options)
    return measure_options


def _circuit_kind(entry: RegistryEntry[Measure]) -> str:
    return str(entry.extra.get("of", HEAD_CIRCUITS))
