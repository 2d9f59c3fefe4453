"""What can be done to labels and their evidence, each as one step that can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from circuitviz.document.circuit_commands import Command
from circuitviz.document.labels import Evidence, Label, Outcome
from circuitviz.document.state import State


def set_labels(labels: Mapping[str, Label], text: str = "") -> Command:
    """Put labels on several targets at once, in place of what they had."""
    said = text or f"Label {len(labels)} parts"
    return Command(said, lambda state: replace(state, labels={**state.labels, **labels}))


def remove_labels(targets: Iterable[str]) -> Command:
    """Take labels away, with their evidence."""
    gone = set(targets)

    def change(state: State) -> State:
        return replace(state, labels={t: label for t, label in state.labels.items() if t not in gone})

    said = f"Remove the label of {min(gone)}" if len(gone) == 1 else f"Remove {len(gone)} labels"
    return Command(said, change)


def add_evidence(target: str, evidence: Evidence) -> Command:
    """Put a claim and its test to a label; the same claim with the same test stands there once."""

    def change(kept: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
        return kept if any(e.is_same_test(evidence) for e in kept) else (*kept, evidence)

    return _change_evidence(f"Add evidence to {target}", target, change)


def remove_evidence(target: str, evidence: Evidence) -> Command:
    """Take a claim and its test away from a label."""
    return _change_evidence(
        f"Remove evidence from {target}",
        target,
        lambda kept: tuple(e for e in kept if not e.is_same_test(evidence)),
    )


def set_outcome(target: str, evidence: Evidence, outcome: Outcome) -> Command:
    """Write down what a test found; nothing happens where label or claim are gone by now."""
    return _change_evidence(
        f"Test a claim on {target}",
        target,
        lambda kept: tuple(replace(e, outcome=outcome) if e.is_same_test(evidence) else e for e in kept),
    )


def _change_evidence(
    text: str, target: str, change: Callable[[tuple[Evidence, ...]], tuple[Evidence, ...]]
) -> Command:
    def whole(state: State) -> State:
        label = state.labels.get(target)
        if label is None:
            return state
        changed = replace(label, evidence=change(label.evidence))
        return replace(state, labels={**state.labels, target: changed})

    return Command(text, whole)
