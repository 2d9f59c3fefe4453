"""Labels: claims about what parts of a circuit do, with evidence for or against them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from circuitviz.document.groups import GROUP_COLOURS
from circuitviz.errors import InputError
from circuitviz.graph import Graph

ROLES = (
    "Name Mover",
    "Backup Name Mover",
    "Negative Name Mover",
    "S-Inhibition",
    "Induction",
    "Duplicate Token",
    "Previous Token",
)
"""Suggested roles, the classes of [wang2023ioi]; a label may have any other text."""

DEFAULT_LABEL_COLOUR = GROUP_COLOURS[0]
VERDICTS = ("holds", "fails", "undecided")
TARGET_KINDS = ("node", "edge", "group", "class")


@dataclass(frozen=True, slots=True)
class EvidenceContext:
    """What the outcome of a test depends on.

    Attributes:
        weights: Hash of the model's weights.
        task: Hash of the task's prompts.
        circuit: Hash of the circuit's edges.
        nodes: Joined names of the nodes of a group or class; empty for a node or an edge.
    """

    weights: str = ""
    task: str = ""
    circuit: str = ""
    nodes: str = ""


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """The outcome of a claim's test.

    Attributes:
        verdict: One of ``VERDICTS``, from the effect's 95 % interval.
        effect: The measured effect; None where it is undefined.
        low: Lower end of its interval.
        high: Upper end of its interval.
        measured: What the effect is, in words.
        prompts: Number of prompts.
        prompts_hash: Hash of the prompts that were run.
        seed: Their seed.
        date: When the test ended, ISO 8601 in UTC.
        basis: What the outcome depends on.
        detail: Further numbers in words.
    """

    verdict: str
    effect: float | None
    low: float | None
    high: float | None
    measured: str
    prompts: int
    prompts_hash: str
    seed: int
    date: str
    basis: EvidenceContext
    detail: str = ""


@dataclass(frozen=True)
class Evidence:
    """A claim and its test.

    Attributes:
        claim: The claim in words.
        test: Name of the test.
        options: Options of the test.
        outcome: The outcome; None before the test was run.
    """

    claim: str
    test: str
    options: Mapping[str, Any] = field(default_factory=dict)
    outcome: ClaimOutcome | None = None

    def is_same_test(self, other: Evidence) -> bool:
        """Whether both are the same claim with the same test, whatever their outcomes."""
        return (self.claim, self.test, dict(self.options)) == (other.claim, other.test, dict(other.options))

    def stale_parts(self, current: EvidenceContext) -> tuple[str, ...]:
        """What has changed since the test was run: ``model``, ``task``, ``circuit`` or ``members``."""
        if self.outcome is None:
            return ()
        tested = self.outcome.basis
        pairs = (("model", "weights"), ("task", "task"), ("circuit", "circuit"), ("members", "nodes"))
        return tuple(part for part, name in pairs if getattr(tested, name) != getattr(current, name))


@dataclass(frozen=True)
class Label:
    """A person's description of what a node, edge, group or class does.

    Attributes:
        text: The role. Nodes with the same text form a class.
        colour: Colour of the class, ``#rrggbb``; if empty, the label describes one node and forms no class,
            as descriptions in other tools' files do.
        note: Free text.
        confidence: From 0 to 1; None where it was not stated.
        author: Who wrote the label.
        evidence: Claims with their tests.
        extra: Further fields of an imported file.
    """

    text: str
    colour: str = DEFAULT_LABEL_COLOUR
    note: str = ""
    confidence: float | None = None
    author: str = ""
    evidence: tuple[Evidence, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256 over all fields, in hexadecimal."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def class_key(text: str) -> str:
    """What texts of one class have in common: classes ignore case.

    >>> class_key("Induction") == class_key("induction")
    True
    """
    return text.casefold()


def add_labels(labels: Mapping[str, Label], new_labels: Mapping[str, Label]) -> dict[str, Label]:
    """Labels with further ones, whose roles are spelled as nodes of the same class have them already."""
    added, spellings = dict(labels), dict[str, str]()
    for target, label in (*labels.items(), *new_labels.items()):
        if target_kind(target) == "node" and label.colour:
            text = spellings.setdefault(class_key(label.text), label.text)
            label = label if target not in new_labels else replace(label, text=text)
        added[target] = label
    return added


def colour_for_role(labels: Mapping[str, Label], text: str) -> str:
    """The colour of a role that is in use, else the colour that fewest classes have."""
    colours: dict[str, str] = {}
    for label in labels.values():
        if label.colour:
            colours.setdefault(class_key(label.text), label.colour.lower())
    return colours.get(class_key(text)) or min(GROUP_COLOURS, key=list(colours.values()).count)


def target_kind(target: str) -> str:
    """What a label's target is by its name: ``node``, ``edge``, ``group`` or ``class``.

    >>> [target_kind(name) for name in ("a9.h9", "a5.h3->m7", "group:Late heads", "class:Name Mover")]
    ['node', 'edge', 'group', 'class']
    """
    for kind in ("group", "class"):
        if target.startswith(f"{kind}:"):
            return kind
    return "edge" if "->" in target else "node"


def is_valid_target(graph: Graph | None, target: str) -> bool:
    """Whether a target is a node or an edge of the graph; groups and classes may have any name."""
    kind = target_kind(target)
    if kind in ("group", "class"):
        return len(target) > len(kind) + 1
    if graph is None:
        return False
    if kind == "node":
        return target in graph.node_index
    try:
        graph.edge(target)
    except InputError:
        return False
    return True
