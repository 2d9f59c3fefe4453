"""Numbers and tokens of attribution graphs: as these tools write them, and as scores keep them (``info``).

Kept apart from the nodes themselves, because inspector, canvas and node tables read them from the scores
of a circuit, wherever it comes from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from circuitviz.graph import Kind, Node
from circuitviz.session import Label

# By node name in ``Scores.info``: what these tools have a field for, and what travels under our own key.
THEIRS = {"activations": "activation", "cumulative_influence": "influence", "probabilities": "token_prob"}
OWN = {"influence": "influence", "attributions": "attribution", "activations": "value"}
SOURCE = {"model": "scan", "prompt": "prompt"}  # in ``Scores.info``: what the graph was made of
NUMBERS = frozenset("replacement_score completeness_score unread node_share edge_share fraction tau".split())
TABLES = frozenset(("targets", "ledger"))
LOGIT = re.compile(r'Output "(?P<token>.*)" \(p=(?P<share>[^()]*)\)', re.DOTALL)
GENERATED = re.compile(r"(?:Emb|Err): ")  # what viewers write of every embedding and every error


def has_field(key: str, kind: Kind) -> bool:
    """Whether these tools have a field for one of the numbers of a kind of node."""
    if key == "activations":
        return kind in (Kind.FEATURE, Kind.NEURON)
    return (kind is Kind.LOGITS) == (key == "probabilities")


def info_of(
    raws: Mapping[str, Mapping[str, Any]],
    nodes: Mapping[str, Node],
    metadata: Mapping[str, Any],
    pinned: Iterable[str],
    own: str,
) -> dict[str, Any]:
    """What a file says of its nodes, by our names, and of its prompt, as ``Scores.info`` keeps it.

    raws: the file's nodes by our name; pinned: names; own: the key of our own fields.
    """
    said = _object(_object(metadata.get(own)).get("info"))
    info: dict[str, Any] = {key: value for key, value in said.items() if key in NUMBERS and is_number(value)}
    for key in TABLES & said.keys():
        if isinstance(said[key], dict):
            info[key] = {name: float(value) for name, value in said[key].items() if is_number(value)}
    tables: dict[str, dict[str, Any]] = {key: {} for key in (*THEIRS, *OWN, "shown")}
    for name, raw in raws.items():
        kind, mine = nodes[name].kind, _object(raw.get(own))
        for key, entry in THEIRS.items():
            unknown = key == "probabilities" and not raw.get(entry)  # 0: circuit-tracer knows none
            if has_field(key, kind) and is_number(raw.get(entry)) and not unknown:
                tables[key][name] = float(raw[entry])
        for key, entry in OWN.items():
            if is_number(mine.get(entry)):
                tables[key][name] = float(mine[entry])
        clerp = raw.get("clerp")
        found = LOGIT.fullmatch(clerp) if isinstance(clerp, str) and nodes[name].token is not None else None
        if kind is Kind.LOGITS and found is not None:  # of a difference the clerp is its label
            tables["shown"][name] = found["token"]
    info |= {key: table for key, table in tables.items() if table}
    strings = metadata.get("prompt_tokens")
    if isinstance(strings, list) and any(strings) and all(isinstance(word, str) for word in strings):
        info["prompt"] = {"strings": list(strings)}
    source = {key: metadata.get(entry) for key, entry in SOURCE.items()}
    if source := {key: text for key, text in source.items() if isinstance(text, str) and text}:
        info["source"] = source
    if names := sorted(set(pinned)):
        info["pinned"] = names
    return info


def facts_of(node: Node, label: Label | None, info: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a node that say numbers, and its ``clerp``."""
    fields: dict[str, Any] = dict.fromkeys(THEIRS.values())
    for key, entry in THEIRS.items():
        if has_field(key, node.kind):
            fields[entry] = _number(info, key, node.name)
    probability = fields["token_prob"]
    return {**fields, "token_prob": probability or 0.0, "clerp": _clerp(node, label, info, probability)}


def own_facts(node: Node, info: Mapping[str, Any]) -> dict[str, float]:
    """Numbers of a node that only we have a field for."""
    said = {}
    for key, entry in OWN.items():
        value = _number(info, key, node.name)
        if value is not None and not (key in THEIRS and (has_field(key, node.kind) or node.kind.is_leaf)):
            said[entry] = value
    return said


def is_described(raw: Mapping[str, Any], kind: Kind) -> bool:
    """Whether a ``clerp`` only says what a viewer writes of every such node, so that it is no label."""
    clerp = str(raw.get("clerp", ""))
    if kind is Kind.LOGITS:
        return LOGIT.fullmatch(clerp) is not None
    return kind in (Kind.TOKEN, Kind.ERROR) and GENERATED.match(clerp) is not None


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def most_likely(names: Iterable[str], info: Mapping[str, Any]) -> str:
    """The logit of the highest probability, the first of equals; empty where there is none."""
    shares = info.get("probabilities", {})
    return max(names, key=lambda name: shares.get(name, 0.0), default="")


def _clerp(node: Node, label: Label | None, info: Mapping[str, Any], probability: float | None) -> str:
    """The label; of a logit its token with its probability: circuit-tracer's viewer takes that apart."""
    text = "" if label is None else label.text
    if node.kind is not Kind.LOGITS:
        return text
    said = info.get("shown", {}).get(node.name) or text
    return f'Output "{said}" (p={math.nan if probability is None else probability:.3f})' if said else ""


def _object(value: Any) -> dict[str, Any]:
    """A JSON object; an empty one where a file has something else in its place."""
    return value if isinstance(value, dict) else {}


def _number(info: Mapping[str, Any], key: str, name: str) -> float | None:
    table = info.get(key)
    value = table.get(name) if isinstance(table, Mapping) else None
    return value if is_number(value) else None
