"""Commands that change labels and their evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from circuitviz.document.circuit_commands import Command
from circuitviz.document.labels import ClaimOutcome, Evidence, Label, add_labels, target_kind
from circuitviz.document.state import State


def set_labels(labels: Mapping[str, Label], text: str = "") -> Command:
    """Set the labels of several targets at once; roles of nodes are spelled as other nodes have them."""

    def transform(state: State) -> State:
        others = {target: label for target, label in state.labels.items() if target not in labels}
        spelled = add_labels(others, labels)
        return replace(state, labels={**state.labels, **{target: spelled[target] for target in labels}})

    return Command(text or f"Label {len(labels)} parts", transform)


def colour_classes(targets: Iterable[str], colour: str) -> Command:
    """Give labels another colour, and with each label of a class all labels of that class."""
    chosen = set(targets)

    def transform(state: State) -> State:
        classes = {state.class_of(state.labels[t]) for t in chosen if target_kind(t) == "node"} - {""}
        members = {node for name in classes for node in state.class_members(name)}
        coloured = {t: replace(state.labels[t], colour=colour) for t in chosen | members}
        return replace(state, labels={t: coloured.get(t, label) for t, label in state.labels.items()})

    return Command("Colour labels", transform)


def remove_labels(targets: Iterable[str]) -> Command:
    """Remove labels with their evidence."""
    removed = set(targets)

    def transform(state: State) -> State:
        return replace(state, labels={t: label for t, label in state.labels.items() if t not in removed})

    command_text = (
        f"Remove the label of {min(removed)}" if len(removed) == 1 else f"Remove {len(removed)} labels"
    )
    return Command(command_text, transform)


def add_evidence(target: str, evidence: Evidence) -> Command:
    """Add a claim with its test to a label, unless it has the same already."""

    def change(existing: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
        return existing if any(e.is_same_test(evidence) for e in existing) else (*existing, evidence)

    return _change_evidence(f"Add evidence to {target}", target, change)


def remove_evidence(target: str, evidence: Evidence) -> Command:
    """Remove a claim and its test from a label."""
    return _change_evidence(
        f"Remove evidence from {target}",
        target,
        lambda existing: tuple(e for e in existing if not e.is_same_test(evidence)),
    )


def set_outcome(target: str, evidence: Evidence, outcome: ClaimOutcome) -> Command:
    """Store the outcome of a test; does nothing where label or claim have been removed."""
    return _change_evidence(
        f"Test a claim on {target}",
        target,
        lambda existing: tuple(
            replace(e, outcome=outcome) if e.is_same_test(evidence) else e for e in existing
        ),
    )


def _change_evidence(
    text: str, target: str, change: Callable[[tuple[Evidence, ...]], tuple[Evidence, ...]]
) -> Command:
    def transform(state: State) -> State:
        label = state.labels.get(target)
        if label is None:
            return state
        changed = replace(label, evidence=change(label.evidence))
        return replace(state, labels={**state.labels, target: changed})

    return Command(text, transform)
