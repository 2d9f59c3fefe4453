"""Labels as plain rows that other tools read: one definition for files and documents."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from circuitviz.document.labels import (
    DEFAULT_LABEL_COLOUR,
    VERDICTS,
    Evidence,
    EvidenceContext,
    Label,
    Outcome,
    target_kind,
)
from circuitviz.errors import InputError
from circuitviz.formats.schemas import MAX_COUNT, MAX_SEED, integer_between
from circuitviz.graph import Graph, NodeKind

FEATURE_CIRCUITS_COLUMNS = ("Component", "Layer", "Feature", "Name", "Annotation", "Notes")
_UNSUPPORTED_COMPONENTS = re.compile(
    r"res(id)?(_?(pre|mid|post))?|residual( stream)?|(un)?embed(ding)?|lorsa.*"
)
OWN_COLUMNS = ("Colour", "Confidence", "Author", "Evidence")


def label_to_row(target: str, label: Label, graph: Graph | None) -> dict[str, Any]:
    """A label as feature-circuits' columns, then our own; what a file said besides stays."""
    layer = feature = None
    component = target_kind(target)
    if component == "node" and graph is not None and target in graph.node_index:
        node = graph.node(target)
        component = {NodeKind.HEAD: "attn", NodeKind.MLP: "mlp"}.get(node.kind, str(node.kind))
        layer, feature = node.layer, node.head
    return {
        "Component": component,
        "Layer": layer,
        "Feature": feature,
        "Name": target,
        "Annotation": label.text,
        "Notes": label.note,
        "Colour": label.colour,
        "Confidence": label.confidence,
        "Author": label.author,
        "Evidence": [evidence_to_json(e) for e in label.evidence],
        **label.extra,
    }


def unsupported_component(row: Mapping[str, Any]) -> str | None:
    """What a label of other tools is of, where no graph of ours has such a part; None for all others.

    Features of the residual stream, of the embedding and of lorsa stand in no node, whatever their layer.
    """
    component = str(row.get("Component") or "").strip().lower()
    if not _UNSUPPORTED_COMPONENTS.fullmatch(component):
        return None
    return str(row.get("Name") or f"{component} {row.get('Layer', '')}/{row.get('Feature', '')}")


def row_to_label(row: Mapping[str, Any]) -> tuple[str, Label]:
    """Target and label of a row; InputError in half a sentence on a value that is no such thing.

    A row without ``Name`` is named by its component, layer and feature.
    """
    name = row.get("Name") or _component_name(row)
    text = row.get("Annotation")
    if not isinstance(name, str) or not isinstance(text, str) or not text.strip():
        raise InputError("a label needs a text as Name and a text as Annotation")
    extra = {k: v for k, v in row.items() if k not in (*FEATURE_CIRCUITS_COLUMNS, *OWN_COLUMNS)}
    evidence = row.get("Evidence") or []
    if not isinstance(evidence, list):
        raise InputError(f"the evidence of '{name}' is no list")
    return name, Label(
        text.strip(),
        check_colour(DEFAULT_LABEL_COLOUR if row.get("Colour") is None else row["Colour"]),
        str(row.get("Notes") or ""),
        check_confidence(row.get("Confidence")),
        str(row.get("Author") or ""),
        tuple(evidence_from_json(e) for e in evidence),
        extra,
    )


def evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    """Evidence ready for JSON."""
    return {**asdict(evidence), "options": dict(evidence.options)}


def evidence_from_json(given: Any) -> Evidence:
    """Evidence from JSON; its numbers are numbers, its verdict one of ours."""
    if not isinstance(given, dict):
        raise InputError("a piece of evidence is no object")
    options = given.get("options", {})
    plain = isinstance(options, dict) and all(isinstance(v, str | int | float) for v in options.values())
    if not plain:
        raise InputError("a test's options are no plain values")
    found = given.get("outcome")
    outcome = None if found is None else _parse_outcome(found)
    return Evidence(str(given["claim"]), str(given["test"]), options, outcome)


def check_colour(given: Any) -> str:
    """A colour that is one, or none, which is empty."""
    if not isinstance(given, str) or not re.fullmatch("(?:#[0-9a-fA-F]{6})?", given):
        raise InputError(f"a label's colour is {given!r}; one like {DEFAULT_LABEL_COLOUR} would be right")
    return given


def check_confidence(given: Any) -> float | None:
    """A confidence from 0 to 1, or nothing said."""
    if given is None or given == "":
        return None
    try:
        value = float(given)
    except (TypeError, ValueError):
        value = math.nan
    if isinstance(given, bool) or not 0 <= value <= 1:
        raise InputError(f"a label's confidence is {given!r}; a number from 0 to 1 would be right")
    return value


def _parse_count(given: Any, name: str, largest: int) -> int:
    """A whole number of a test's outcome; 0 where nothing is said."""
    value = given.get(name, 0)
    integer_between(0, largest)(value, f"test's {name}")
    return int(value)


def _parse_outcome(given: Any) -> Outcome:
    numbers = {}
    for key in ("effect", "low", "high"):
        value = given.get(key)
        if value is not None and (isinstance(value, bool) or not math.isfinite(float(value))):
            raise InputError(f"a test's {key} is {value!r}, which is no number")
        numbers[key] = None if value is None else float(value)
    if given["verdict"] not in VERDICTS:
        raise InputError(f"a test's verdict is {given['verdict']!r}; it is one of {', '.join(VERDICTS)}")
    basis = given.get("basis", {})
    return Outcome(
        given["verdict"],
        **numbers,
        measured=str(given.get("measured", "")),
        prompts=_parse_count(given, "prompts", MAX_COUNT),
        prompts_hash=str(given.get("prompts_hash", "")),
        seed=_parse_count(given, "seed", MAX_SEED),
        date=str(given.get("date", "")),
        basis=EvidenceContext(*(str(basis.get(k, "")) for k in ("weights", "task", "circuit", "nodes"))),
        detail=str(given.get("detail", "")),
    )


def _component_name(row: Mapping[str, Any]) -> str | None:
    component, layer, feature = (row.get(k) for k in FEATURE_CIRCUITS_COLUMNS[:3])
    try:
        if component in ("attn", "head"):
            return f"a{int(str(layer))}.h{int(str(feature))}"
        if component == "mlp" and feature in (None, ""):
            return f"m{int(str(layer))}"
    except ValueError:
        return None
    return None
