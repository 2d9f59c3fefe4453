"""Conversion of labels and evidence to and from rows of plain values, for label files and documents."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from circuitviz.document.labels import (
    DEFAULT_LABEL_COLOUR,
    VERDICTS,
    ClaimOutcome,
    Evidence,
    EvidenceContext,
    Label,
    target_kind,
)
from circuitviz.errors import InputError
from circuitviz.formats.schemas import MAX_COUNT, integer_between
from circuitviz.graph import Graph, NodeKind
from circuitviz.graph.limits import MAX_SEED

FEATURE_CIRCUITS_COLUMNS = ("Component", "Layer", "Feature", "Name", "Annotation", "Notes")
_UNSUPPORTED_COMPONENTS = re.compile(r"res(id)?_?mid|(un)?embed(ding)?|lorsa.*")
_RESIDUAL_COMPONENTS = re.compile(r"res(id)?_?(pre|post)?|residual( stream)?")
OWN_COLUMNS = ("Colour", "Confidence", "Author", "Evidence")


def label_to_row(target: str, label: Label, graph: Graph | None) -> dict[str, Any]:
    """A label in the columns of feature-circuits [marks2024sparse], then ``OWN_COLUMNS`` and ``extra``."""
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
    """Name of a row's component where no graph has such nodes; None for all others.

    These are features of the residual stream inside a layer, of the embedding and of lorsa.
    """
    component = str(row.get("Component") or "").strip().lower()
    is_unplaced = _RESIDUAL_COMPONENTS.fullmatch(component) and _residual_name(row) is None
    if not _UNSUPPORTED_COMPONENTS.fullmatch(component) and not is_unplaced:
        return None
    return str(row.get("Name") or f"{component} {row.get('Layer', '')}/{row.get('Feature', '')}")


def row_to_label(row: Mapping[str, Any]) -> tuple[str, Label]:
    """Target and label of a row; without ``Name`` the target follows from component, layer and feature.

    Raises:
        InputError: A value is invalid; the message is half a sentence.
    """
    name = _residual_name(row) or row.get("Name") or _component_name(row)
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
    """Evidence as JSON data."""
    return {**asdict(evidence), "options": dict(evidence.options)}


def evidence_from_json(data: Any) -> Evidence:
    """Evidence from JSON data.

    Raises:
        InputError: A value is invalid; the message is half a sentence.
    """
    if not isinstance(data, dict):
        raise InputError("a piece of evidence is no object")
    options = data.get("options", {})
    are_scalars = isinstance(options, dict) and all(
        isinstance(v, str | int | float) for v in options.values()
    )
    if not are_scalars:
        raise InputError("a test's options are no plain values")
    outcome_data = data.get("outcome")
    outcome = None if outcome_data is None else _parse_outcome(outcome_data)
    return Evidence(str(data["claim"]), str(data["test"]), options, outcome)


def check_colour(value: Any) -> str:
    """Return a label's colour, ``#rrggbb`` or empty.

    Raises:
        InputError: The value is no colour.
    """
    if not isinstance(value, str) or not re.fullmatch("(?:#[0-9a-fA-F]{6})?", value):
        raise InputError(f"a label's colour is {value!r}; one like {DEFAULT_LABEL_COLOUR} would be right")
    return value


def check_confidence(value: Any) -> float | None:
    """Return a label's confidence from 0 to 1; None where none is stated.

    Raises:
        InputError: The value is no such number.
    """
    if value is None or value == "":
        return None
    try:
        confidence = float(value)
    except (TypeError, ValueError):
        confidence = math.nan
    if isinstance(value, bool) or not 0 <= confidence <= 1:
        raise InputError(f"a label's confidence is {value!r}; a number from 0 to 1 would be right")
    return confidence


def _parse_count(data: Any, name: str, largest: int) -> int:
    """A whole number of a test's outcome; 0 where it is missing."""
    value = data.get(name, 0)
    integer_between(0, largest)(value, f"test's {name}")
    return int(value)


def _parse_outcome(data: Any) -> ClaimOutcome:
    numbers = {}
    for key in ("effect", "low", "high"):
        value = data.get(key)
        if value is not None and (isinstance(value, bool) or not math.isfinite(float(value))):
            raise InputError(f"a test's {key} is {value!r}, which is no number")
        numbers[key] = None if value is None else float(value)
    if data["verdict"] not in VERDICTS:
        raise InputError(f"a test's verdict is {data['verdict']!r}; it is one of {', '.join(VERDICTS)}")
    basis = data.get("basis", {})
    return ClaimOutcome(
        data["verdict"],
        **numbers,
        measured=str(data.get("measured", "")),
        prompts=_parse_count(data, "prompts", MAX_COUNT),
        prompts_hash=str(data.get("prompts_hash", "")),
        seed=_parse_count(data, "seed", MAX_SEED),
        date=str(data.get("date", "")),
        basis=EvidenceContext(*(str(basis.get(k, "")) for k in ("weights", "task", "circuit", "nodes"))),
        detail=str(data.get("detail", "")),
    )


def _residual_name(row: Mapping[str, Any]) -> str | None:
    """Return the node of a row about a feature of the stream before or after a layer; else None."""
    component = str(row.get("Component") or "").strip().lower()
    layer, feature = str(row.get("Layer", "")), str(row.get("Feature", ""))
    if not (_RESIDUAL_COMPONENTS.fullmatch(component) and layer.isdecimal() and feature.isdecimal()):
        return None
    return f"r{int(layer) + (not component.endswith('pre'))}.f{int(feature)}"


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
