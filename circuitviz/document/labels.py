"""A label is a claim about what a part of a circuit does, with the tests that speak for or against it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
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
"""Roles that are suggested while one is typed: the classes of Wang et al. 2022; any other text will do."""

DEFAULT_LABEL_COLOUR = "#8b5cf6"
VERDICTS = ("holds", "fails", "undecided")
TARGET_KINDS = ("node", "edge", "group", "class")


@dataclass(frozen=True, slots=True)
class EvidenceContext:
    """What a test rested on: hashes of the model's weights, the task's prompts and the circuit's edges.

    ``nodes``: what the group or class was made of, its names joined; empty for a node or an edge.
    """

    weights: str = ""
    task: str = ""
    circuit: str = ""
    nodes: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test found: ``verdict`` (holds, fails, undecided) from the effect's 95 % interval.

    ``measured`` says in words what the effect is; ``prompts_hash`` is that of the very prompts used;
    ``date`` is ISO 8601 in UTC; ``detail`` says the numbers behind the effect.
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
    """A claim in words and the test of it, by the test's name and options; ``outcome`` once it was run."""

    claim: str
    test: str
    options: Mapping[str, Any] = field(default_factory=dict)
    outcome: Outcome | None = None

    def is_same_test(self, other: Evidence) -> bool:
        """Whether both are the same claim tested in the same way, whatever came of it."""
        return (self.claim, self.test, dict(self.options)) == (other.claim, other.test, dict(other.options))

    def stale_parts(self, now: EvidenceContext) -> tuple[str, ...]:
        """What has changed since the test was run: model, task, circuit or members; empty: nothing."""
        if self.outcome is None:
            return ()
        then = self.outcome.basis
        pairs = (("model", "weights"), ("task", "task"), ("circuit", "circuit"), ("members", "nodes"))
        return tuple(said for said, name in pairs if getattr(then, name) != getattr(now, name))


@dataclass(frozen=True)
class Label:
    """What a person says a part does: ``text`` is the role, ``colour`` (``#rrggbb``) finds it again.

    Without a colour it describes one node and names no class: descriptions that other tools' files hold.
    ``confidence`` is from 0 to 1, None where nothing was said. ``extra`` keeps what an imported file
    said besides.
    """

    text: str
    colour: str = DEFAULT_LABEL_COLOUR
    note: str = ""
    confidence: float | None = None
    author: str = ""
    evidence: tuple[Evidence, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256 over everything in the label."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def colour_for_role(labels: Mapping[str, Label], text: str) -> str:
    """The colour that a role has already, else the one that fewest labels have."""
    for label in labels.values():
        if label.text == text and label.colour:
            return label.colour
    used = [label.colour.lower() for label in labels.values() if label.colour]
    return min(GROUP_COLOURS, key=used.count)


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
    """Whether a target is a node or an edge of the graph; groups and classes are known by any name."""
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
