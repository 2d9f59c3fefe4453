"""Conversion of node values and tokens between attribution graphs and ``Scores.info``.

Inspector, canvas and node tables read these values from the scores of a circuit, whatever its origin.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from circuitviz.document import Label
from circuitviz.graph import Node, NodeKind

# Tables by node name in ``Scores.info``, with the tools' field for each, or the field under ``own_key``.
FOREIGN_FIELDS = {
    "activations": "activation",
    "cumulative_influence": "influence",
    "probabilities": "token_prob",
}
OWN_FIELDS = {"influence": "influence", "attributions": "attribution", "activations": "value"}
SOURCE_FIELDS = {"model": "scan", "prompt": "prompt"}  # in ``Scores.info["source"]``
INFO_NUMBERS = frozenset(
    ["replacement_score", "completeness_score", "unread", "node_share", "edge_share", "fraction", "tau"]
)
INFO_TABLES = frozenset(("targets", "ledger"))
LOGIT_CLERP = re.compile(r'Output "(?P<token>.*)" \(p=(?P<share>[^()]*)\)', re.DOTALL)
GENERATED_CLERP = re.compile(r"(?:Emb|Err): ")  # what viewers write for every embedding and error


def has_field(key: str, kind: NodeKind) -> bool:
    """Whether the tools have a field for a table's values at nodes of a kind."""
    if key == "activations":
        return kind.has_activation
    return (kind is NodeKind.LOGITS) == (key == "probabilities")


def read_info(
    raw_nodes: Mapping[str, Mapping[str, Any]],
    nodes: Mapping[str, Node],
    metadata: Mapping[str, Any],
    pinned: Iterable[str],
    own_key: str,
) -> dict[str, Any]:
    """``Scores.info`` of a file: values by node name, the prompt's tokens, model and prompt.

    Args:
        raw_nodes: The file's nodes by node name.
        nodes: The converted nodes by name.
        metadata: The file's metadata.
        pinned: Names of pinned nodes.
        own_key: Key of the fields that only circuitviz reads.
    """
    own_info = _as_object(_as_object(metadata.get(own_key)).get("info"))
    info: dict[str, Any] = {
        key: value for key, value in own_info.items() if key in INFO_NUMBERS and is_finite_number(value)
    }
    for key in INFO_TABLES & own_info.keys():
        if isinstance(own_info[key], dict):
            info[key] = {
                name: float(value) for name, value in own_info[key].items() if is_finite_number(value)
            }
    tables: dict[str, dict[str, Any]] = {key: {} for key in (*FOREIGN_FIELDS, *OWN_FIELDS, "shown")}
    for name, raw in raw_nodes.items():
        kind, own_fields = nodes[name].kind, _as_object(raw.get(own_key))
        for key, entry in FOREIGN_FIELDS.items():
            unknown = key == "probabilities" and not raw.get(entry)  # circuit-tracer writes 0 for none
            if has_field(key, kind) and is_finite_number(raw.get(entry)) and not unknown:
                tables[key][name] = float(raw[entry])
        for key, entry in OWN_FIELDS.items():
            if is_finite_number(own_fields.get(entry)):
                tables[key][name] = float(own_fields[entry])
        clerp = raw.get("clerp")
        match = (
            LOGIT_CLERP.fullmatch(clerp) if isinstance(clerp, str) and nodes[name].token is not None else None
        )
        if kind is NodeKind.LOGITS and match is not None:  # the clerp of a difference of logits is its label
            tables["shown"][name] = match["token"]
    info |= {key: table for key, table in tables.items() if table}
    tokens = metadata.get("prompt_tokens")
    if isinstance(tokens, list) and any(tokens) and all(isinstance(token, str) for token in tokens):
        info["prompt"] = {"strings": list(tokens)}
    source = {key: metadata.get(entry) for key, entry in SOURCE_FIELDS.items()}
    if source := {key: text for key, text in source.items() if isinstance(text, str) and text}:
        info["source"] = source
    if names := sorted(set(pinned)):
        info["pinned"] = names
    return info


def foreign_value_fields(node: Node, label: Label | None, info: Mapping[str, Any]) -> dict[str, Any]:
    """A node's values and ``clerp``, in the tools' fields."""
    fields: dict[str, Any] = dict.fromkeys(FOREIGN_FIELDS.values())
    for key, entry in FOREIGN_FIELDS.items():
        if has_field(key, node.kind):
            fields[entry] = _find_number(info, key, node.name)
    probability = fields["token_prob"]
    return {
        **fields,
        "token_prob": probability or 0.0,
        "clerp": _format_clerp(node, label, info, probability),
    }


def own_value_fields(node: Node, info: Mapping[str, Any]) -> dict[str, float]:
    """A node's values for which the tools have no field."""
    fields = {}
    for key, entry in OWN_FIELDS.items():
        value = _find_number(info, key, node.name)
        if value is not None and not (
            key in FOREIGN_FIELDS and (has_field(key, node.kind) or node.kind.is_leaf)
        ):
            fields[entry] = value
    return fields


def is_generated_clerp(raw: Mapping[str, Any], kind: NodeKind) -> bool:
    """Whether a ``clerp`` is what viewers write for every node of a kind, and so no label."""
    clerp = str(raw.get("clerp", ""))
    if kind is NodeKind.LOGITS:
        return LOGIT_CLERP.fullmatch(clerp) is not None
    return kind in (NodeKind.TOKEN, NodeKind.ERROR) and GENERATED_CLERP.match(clerp) is not None


def is_finite_number(value: Any) -> bool:
    """Whether a JSON value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def most_likely_logit(names: Iterable[str], info: Mapping[str, Any]) -> str:
    """The logit of the highest probability, the first of equals; empty where there is none."""
    probabilities = info.get("probabilities", {})
    return max(names, key=lambda name: probabilities.get(name, 0.0), default="")


def _format_clerp(node: Node, label: Label | None, info: Mapping[str, Any], probability: float | None) -> str:
    """The label, or for a logit its token and probability in the form that circuit-tracer's viewer parses."""
    text = "" if label is None else label.text
    if node.kind is not NodeKind.LOGITS:
        return text
    token = info.get("shown", {}).get(node.name) or text
    return f'Output "{token}" (p={math.nan if probability is None else probability:.3f})' if token else ""


def _as_object(value: Any) -> dict[str, Any]:
    """A JSON object; an empty one where a file has something else in its place."""
    return value if isinstance(value, dict) else {}


def _find_number(info: Mapping[str, Any], key: str, name: str) -> float | None:
    table = info.get(key)
    value = table.get(name) if isinstance(table, Mapping) else None
    return value if is_finite_number(value) else None
