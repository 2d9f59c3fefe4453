"""The verdict card: what a document's measurements say about its circuit, each with a threshold.

A card only reads what the document holds; nothing is computed for it. Each verdict is of an interval or of a
number, and gives the sentence that a methods section would print. methods.md gives reasons for the
thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from circuitviz.document.document import Document
from circuitviz.document.origin import TaskOrigin
from circuitviz.document.sample import SAMPLE_TEXTS, sample_of
from circuitviz.graph import TaskCheck
from circuitviz.graph.feature_sites import feature_sites
from circuitviz.graph.scores import IMPORTED_METHOD
from circuitviz.number_text import decimal_number

HOLDS, FAILS, UNDECIDED, NOT_MEASURED, NOT_APPLICABLE = (
    "holds", "fails", "undecided", "not measured", "not applicable",
)  # fmt: skip
PLURALS = {HOLDS: "hold", FAILS: "fail"}  # in the summary, of several verdicts
STATE_SYMBOLS = {HOLDS: "✓", FAILS: "✗", UNDECIDED: "?", NOT_MEASURED: "–", NOT_APPLICABLE: "∅"}
FAITHFULNESS_MARGIN = 0.2  # of faithfulness around 1, and of the gap of completeness
NEEDED_CHANGE = 0.01  # of faithfulness, by a node that is needed [wang2023ioi]
STABLE_OVERLAP = 0.5  # mean IoU of circuits on resampled prompts
ROBUST_SHARE, FRAGILE_SHARE = 0.8, 0.5  # of the settings, in which faithfulness is within its margin

MIN_PROMPTS = {"stability": 2, "generalisation": 4}  # that the measures need

MeasuredValues = Mapping[str, Any]


@dataclass(frozen=True)
class CircuitVerdict:
    """One line of the card.

    Attributes:
        name: Its name in files.
        title: What is judged.
        state: ``holds``, ``fails``, ``undecided``, ``not measured`` or ``not applicable``.
        number: The number with its interval, as text; empty where there is none.
        sentence: What a methods section would print; where nothing was measured, why.
        measure: The measure that it reads; empty for faithfulness.
    """

    name: str
    title: str
    state: str
    number: str = ""
    sentence: str = ""
    measure: str = ""

    @property
    def text(self) -> str:
        """The verdict in one line."""
        number = f" {self.number}" if self.number else ""
        return f"{STATE_SYMBOLS[self.state]} {self.state:<14} {self.title}:{number}  {self.sentence}"


@dataclass(frozen=True)
class VerdictCard:
    """All verdicts of a circuit."""

    verdicts: tuple[CircuitVerdict, ...]

    @property
    def missing_measures(self) -> tuple[str, ...]:
        """The measures that verdicts wait for, without faithfulness, each once."""
        missing = (v.measure for v in self.verdicts if v.state == NOT_MEASURED and v.measure)
        return tuple(dict.fromkeys(missing))

    @property
    def summary(self) -> str:
        """How many verdicts there are of each state."""
        counts = {state: sum(v.state == state for v in self.verdicts) for state in STATE_SYMBOLS}
        return ", ".join(
            f"{number} {state if number == 1 else PLURALS.get(state, state)}"
            for state, number in counts.items()
            if number
        )

    @property
    def text(self) -> str:
        """The card as lines, and below them the sentences as a paragraph."""
        sentences = " ".join(v.sentence for v in self.verdicts if v.state in (HOLDS, FAILS, UNDECIDED))
        lines = [self.summary, *(verdict.text for verdict in self.verdicts)]
        return "\n".join([*lines, "", sentences] if sentences else lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the card as files and the command line hold it."""
        return {"summary": self.summary, "verdicts": [asdict(verdict) for verdict in self.verdicts]}


def verdict_card(document: Document) -> VerdictCard:
    """Judge a document's circuit by the measurements that the document holds of it."""
    judged = (
        _judge_task(document),
        _judge_faithfulness(document),
        *(_judge_measure(document, *line) for line in _MEASURED_LINES),
    )
    return VerdictCard(judged)


def _judge_task(document: Document) -> CircuitVerdict:
    measure = _current_measure(document, "task")
    check = TaskCheck.of_scores(document.state.scores)
    if check is None and isinstance(measure, Mapping):
        check = TaskCheck.from_dict(measure)
    title = "The model does the task"
    if check is None:
        return CircuitVerdict("task", title, NOT_MEASURED, sentence=str(measure), measure="task")
    accuracy = _interval_text(asdict(check.accuracy))
    says = (
        f"The model's accuracy on the task is {accuracy}, where chance is {decimal_number(check.chance, 2)} "
        f"({_count(check.prompts, 'prompt')})."
    )
    return CircuitVerdict("task", title, FAILS if check.warning else HOLDS, accuracy, says, "task")


def _judge_faithfulness(document: Document) -> CircuitVerdict:
    title, found = "Faithful", document.evaluation
    if found is None:
        return CircuitVerdict("faithful", title, NOT_MEASURED, sentence="measured once the model is open")
    interval, setting = found["faithfulness"], found["setting"]
    if interval["value"] is None:
        says = "The full and the ablated model do not differ, so faithfulness is undefined."
        return CircuitVerdict("faithful", title, FAILS, "undefined", says)
    sample = setting.get("sample") or sample_of(document.state.origin)
    says = (
        f"With everything outside at its {setting['ablation']} value, the circuit of "
        f"{_count(found['edges'], 'edge')} has a faithfulness of {_interval_text(interval, long=True)} in "
        f"{setting['metric']} over {_count(setting['prompts'], 'prompt')} ({sample}: {SAMPLE_TEXTS[sample]})."
    )
    return CircuitVerdict("faithful", title, _state_near_1(interval), _interval_text(interval), says)


def _judge_measure(
    document: Document,
    name: str,
    title: str,
    measure: str,
    judge: Callable[[MeasuredValues], tuple[str, str, str]],
) -> CircuitVerdict:
    """Judge by the result of a measure, if the document holds one of the circuit as it is."""
    if reason := _inapplicable_reason(document, measure):
        return CircuitVerdict(name, title, NOT_APPLICABLE, sentence=reason, measure=measure)
    result = _current_measure(document, measure)
    if not isinstance(result, Mapping):
        return CircuitVerdict(name, title, NOT_MEASURED, sentence=result, measure=measure)
    return CircuitVerdict(name, title, *judge(result), measure)


def _current_measure(document: Document, name: str) -> MeasuredValues | str:
    """The result of a measure, or why there is none of the circuit as it is now."""
    entry = document.measures.get(name)
    if entry is None:
        return "not measured yet"
    if entry["key"] not in (document.state.measurement_key, document.state.unintervened_key):
        return "measured before the circuit changed"
    if not entry["done"]:
        return "not finished"
    result: MeasuredValues = entry["result"]
    return result


def _inapplicable_reason(document: Document, measure: str) -> str:
    state = document.state
    if measure in ("stability", "generalisation", "rivals"):
        if state.scores is None:
            return "the circuit holds no scores of edges"
        if measure != "rivals" and state.scores.method == IMPORTED_METHOD:
            return "the circuit was imported, and its search cannot be repeated"
        if measure != "stability" and feature_sites(state.scores.graph):
            return "the circuit has sites shown in features"
        prompts = state.origin.prompts if isinstance(state.origin, TaskOrigin) else 0
        if prompts < MIN_PROMPTS.get(measure, 0):
            return "the task has too few prompts"
    return ""


def _judge_random(result: MeasuredValues) -> tuple[str, str, str]:
    own = result.get("own") or {}
    number = _interval_text(result)
    says = (
        f"{_count(result['circuits'], 'random circuit')} of the same size "
        f"{'has' if result['circuits'] == 1 else 'have'} a median faithfulness of {number} (95 % range)."
    )
    low, high = own.get("low", own.get("value")), own.get("high", own.get("value"))
    low, high = (own.get("value") if end is None else end for end in (low, high))
    if low is None or high is None or result["high"] is None:
        return UNDECIDED, number, says
    state = HOLDS if low > result["high"] else FAILS if high <= result["high"] else UNDECIDED
    return state, number, says


def _judge_generalisation(result: MeasuredValues) -> tuple[str, str, str]:
    splits = [split for split in result["splits"] if split["held_out"]["value"] is not None]
    if not splits:
        return UNDECIDED, "", "The prompts could not be divided."
    states = [_state_near_1(split["held_out"]) for split in splits]
    state = FAILS if FAILS in states else UNDECIDED if UNDECIDED in states else HOLDS
    numbers_text = "; ".join(
        f"{split['difference']} {_interval_text(split['held_out'])} "
        f"(in-sample {_number_text(split['in_sample']['value'])})"
        for split in splits
    )
    says = f"Found on one part of the prompts and judged on the other (held-out): {numbers_text}."
    worst = max(splits, key=lambda split: abs(split["held_out"]["value"] - 1))
    return state, _interval_text(worst["held_out"]), says


def _judge_completeness(result: MeasuredValues) -> tuple[str, str, str]:
    worst = result.get("worst") or max(result["sets"], key=lambda s: s["gap"] or 0.0, default=None)
    if worst is None or worst["gap"] is None:
        return UNDECIDED, "", "No set of nodes could be compared."
    gap = worst["gap"]
    says = (
        f"Without the same nodes, circuit and model differ by at most {decimal_number(gap, 2)} of "
        f"faithfulness over {_count(len(result['sets']), 'set')} of nodes{_judged_on(result)}."
    )
    return HOLDS if gap <= FAITHFULNESS_MARGIN else FAILS, decimal_number(gap, 2), says


def _judge_minimality(result: MeasuredValues) -> tuple[str, str, str]:
    nodes = result["nodes"]
    if not nodes:
        return UNDECIDED, "", "The circuit has no nodes that could be removed."
    unneeded = [node for node in nodes if (node["value"] or 0.0) < NEEDED_CHANGE]
    surely = [
        node
        for node in unneeded
        if all(abs(node["change"][end] or 0.0) < NEEDED_CHANGE for end in ("low", "high"))
    ]
    n_needed = len(nodes) - len(unneeded)
    after = "alone or after other nodes" if any(node.get("without") for node in nodes) else "alone"
    state = FAILS if surely else UNDECIDED if unneeded else HOLDS
    says = (
        f"Of {_count(len(nodes), 'node')}, removing {n_needed} changes faithfulness by at least "
        f"{NEEDED_CHANGE:g}, {after}{_judged_on(result)}."
    )
    return state, f"{n_needed} of {len(nodes)}", says


def _judge_stability(result: MeasuredValues) -> tuple[str, str, str]:
    mean = result["mean_iou"]
    if mean is None:
        return UNDECIDED, "", "Fewer than two resamples were searched."
    says = (
        f"Circuits found on {_count(result['resamples'], 'resample')} of the prompts share "
        f"{decimal_number(mean, 2)} of their edges (mean intersection over union)."
    )
    return HOLDS if mean >= STABLE_OVERLAP else FAILS, f"IoU {decimal_number(mean, 2)}", says


def _judge_robustness(result: MeasuredValues) -> tuple[str, str, str]:
    values = [cell["value"] for cell in result["cells"] if cell["value"] is not None]
    if not values:
        return UNDECIDED, "", "Faithfulness is defined in no setting."
    near = sum(abs(value - 1) <= FAITHFULNESS_MARGIN for value in values)
    share = near / len(values)
    state = HOLDS if share >= ROBUST_SHARE else FAILS if share < FRAGILE_SHARE else UNDECIDED
    says = (
        f"Over {_count(len(values), 'combination')} of ablation, metric and what is patched, faithfulness is "
        f"between {decimal_number(min(values), 2)} and {decimal_number(max(values), 2)}, "
        f"and within {FAITHFULNESS_MARGIN:g} of 1 in {near}{_judged_on(result)}."
    )
    return state, f"{near} of {len(values)}", says


def _judge_rivals(result: MeasuredValues) -> tuple[str, str, str]:
    found, on = result["found"], _judged_on(result)
    if found:
        overlap = max(result["iou"][0][1:])
        core = _count(len(result["core"]), "edge")
        rivals = "another circuit" if found == 1 else f"{found} other circuits"
        says = (
            f"We found {rivals} of at most {_count(result['edges'], 'edge')}, as faithful, with an overlap "
            f"of at most {decimal_number(overlap, 2)} (IoU); all share {core}{on}."
        )
        return FAILS, f"{found} found", says
    searched = f" in {_count(result['evaluations'], 'evaluation')}" if "evaluations" in result else ""
    says = (
        f"A search for other circuits of {_count(result['edges'], 'edge')} that are as faithful and share "
        f"little found none{searched}{on}."
    )
    return HOLDS, "none found", says


_MEASURED_LINES = (
    ("random", "Better than random", "random", _judge_random),
    ("generalises", "Holds on other prompts", "generalisation", _judge_generalisation),
    ("complete", "Complete", "completeness", _judge_completeness),
    ("minimal", "Minimal", "minimality", _judge_minimality),
    ("stable", "Stable over prompts", "stability", _judge_stability),
    ("robust", "Robust over settings", "robustness", _judge_robustness),
    ("unique", "Unique", "rivals", _judge_rivals),
)


def _judged_on(result: MeasuredValues) -> str:
    """On how many prompts a measure was taken, where not on all of the task's; else empty."""
    prompts = result.get("judged_prompts")
    return f", on {_count(prompts, 'prompt')}" if isinstance(prompts, int) else ""


def _state_near_1(interval: MeasuredValues) -> str:
    """Whether faithfulness is within its margin of 1, by its interval where it has one."""
    value = interval["value"]
    low = value if interval["low"] is None else interval["low"]
    high = value if interval["high"] is None else interval["high"]
    lowest, highest = 1 - FAITHFULNESS_MARGIN, 1 + FAITHFULNESS_MARGIN
    if low >= lowest and high <= highest:
        return HOLDS
    return FAILS if high < lowest or low > highest else UNDECIDED


def _interval_text(interval: MeasuredValues, long: bool = False) -> str:
    value, low, high = (_number_text(interval[key]) for key in ("value", "low", "high"))
    if not value:
        return "undefined"
    if not low or not high:
        return value
    return f"{value} (95 % bootstrap interval {low} to {high})" if long else f"{value} [{low}, {high}]"


def _number_text(number: float | None) -> str:
    """Two decimals, without a sign before zero; empty for None."""
    return "" if number is None else decimal_number(round(number, 2) + 0.0, 2)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"
