"""The rules of circuit-tracer and Neuronpedia for attribution graphs, written out again for tests.

Sources: circuit-tracer's ``frontend/graph_models.py`` (pydantic, not strict about int for float) and its
viewer (``util-cg.js``), Neuronpedia's ``graph-schema.json``. Every fault is a sentence; a valid file has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Check = Callable[[Any], bool]


def text(value: Any) -> bool:
    return isinstance(value, str)


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(text, value))


def some(check: Check) -> Check:
    return lambda value: value is None or check(value)


def truth(value: Any) -> bool:
    return isinstance(value, bool)


def listed(value: Any) -> bool:
    return isinstance(value, list)


def groups(value: Any) -> bool:
    return isinstance(value, list) and all(map(texts, value))


# Required fields, then optional ones.
TRACER: dict[str, tuple[dict[str, Check], dict[str, Check]]] = {
    "metadata": (
        {"slug": text, "scan": text, "transcoder_list": texts, "prompt_tokens": texts, "prompt": text},
        {"node_threshold": some(number), "schema_version": some(whole)},
    ),
    "qParams": ({"pinnedIds": texts, "supernodes": groups, "linkType": text, "clickedId": text, "sg_pos": text}, {}),
    "nodes": (
        {"node_id": text, "feature": whole, "layer": text, "ctx_idx": whole, "feature_type": text},
        {
            "token_prob": number, "is_target_logit": truth, "run_idx": whole, "reverse_ctx_idx": whole,
            "jsNodeId": text, "clerp": text, "influence": some(number), "activation": some(number),
        },
    ),
    "links": ({"source": text, "target": text, "weight": number}, {}),
}  # fmt: skip
NEURONPEDIA: dict[str, tuple[dict[str, Check], dict[str, Check]]] = {
    "metadata": (
        {"slug": text, "scan": text, "prompt_tokens": texts, "prompt": text},
        {"node_threshold": number, "feature_details": lambda v: isinstance(v, dict), "info": lambda v: isinstance(v, dict)},
    ),
    "qParams": ({}, {"pinnedIds": texts, "supernodes": listed, "linkType": text, "clickedId": text, "sg_pos": text}),
    "nodes": (
        {
            "node_id": text, "feature": some(whole), "layer": lambda v: text(v) or whole(v), "ctx_idx": whole,
            "feature_type": text, "jsNodeId": text, "clerp": text,
        },
        {"influence": some(number), "activation": some(number)},
    ),
    "links": ({"source": text, "target": text, "weight": number}, {}),
}  # fmt: skip


def faults(data: Any) -> list[str]:
    """What both schemas and the viewers have against a file."""
    found = [f"circuit-tracer: {fault}" for fault in _schema(data, TRACER)]
    found += [f"Neuronpedia: {fault}" for fault in _schema(data, NEURONPEDIA)]
    return found or list(_viewer(data))


def _schema(data: Any, rules: dict[str, tuple[dict[str, Check], dict[str, Check]]]) -> Iterator[str]:
    for part, (needed, known) in rules.items():
        if part not in data:
            yield f"there is no {part}"
            continue
        entries = data[part] if isinstance(data[part], list) else [data[part]]
        for place, entry in enumerate(entries):
            for key, check in {**needed, **known}.items():
                if key in entry and not check(entry[key]):
                    yield f"{part}[{place}].{key} is {entry[key]!r}"
                elif key in needed and key not in entry:
                    yield f"{part}[{place}] lacks {key}"


def _viewer(data: Any) -> Iterator[str]:
    """What the viewers' code does with a file, beyond its schema."""
    nodes, tokens = data["nodes"], data["metadata"]["prompt_tokens"]
    ids = [node["node_id"] for node in nodes]
    if len(set(ids)) < len(ids):
        yield "two nodes have one id"
    for link in data["links"]:
        if not {link["source"], link["target"]} <= set(ids):
            yield f"a link joins no nodes: {link}"
    for node in nodes:
        if not 0 <= node["ctx_idx"] < len(tokens):
            yield f"{node['node_id']} stands at no token"
        logit = node["feature_type"] == "logit" and node["clerp"]
        if logit and re.search(r"\(p=([\d.]+|nan)\)", node["clerp"]) is None:
            yield f"the viewer takes the probability from {node['clerp']!r}"
        if node["feature_type"] == "cross layer transcoder":
            layer, index, at = (int(part) for part in node["node_id"].split("_"))
            if (str(layer), at) != (str(node["layer"]), node["ctx_idx"]):
                yield f"{node['node_id']} stands elsewhere than it says"
            if node["feature"] != (layer + index) * (layer + index + 1) // 2 + index:
                yield f"{node['node_id']} has the number {node['feature']}"
    for name in [*data["qParams"]["pinnedIds"], *filter(None, [data["qParams"]["clickedId"]])]:
        if name not in ids:
            yield f"{name} is pinned or chosen and not there"
