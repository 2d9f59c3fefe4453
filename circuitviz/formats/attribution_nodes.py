"""Conversion of nodes between documents and attribution graphs of circuit-tracer and Neuronpedia."""

from __future__ import annotations

import dataclasses
import heapq
import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from circuitviz.document import Label, State
from circuitviz.errors import InputError
from circuitviz.formats.attribution_values import foreign_value_fields, is_generated_clerp, own_value_fields
from circuitviz.formats.graph_limits import check_node_fields
from circuitviz.formats.label_rows import check_colour
from circuitviz.formats.parts.positions import parse_position
from circuitviz.graph import ModelShape, Node, NodeKind

OWN_KEY = "circuitviz"  # key of the fields that only circuitviz reads
FEATURE_TYPES = {
    NodeKind.FEATURE: "cross layer transcoder",
    NodeKind.ERROR: "mlp reconstruction error",
    NodeKind.TOKEN: "embedding",
    NodeKind.INPUT: "embedding",
    NodeKind.LOGITS: "logit",
    NodeKind.HEAD: "attention head",
    NodeKind.MLP: "mlp",
}
OTHER_PART_NAMES = {"a": "attention", "r": "residual stream"}
LEGACY_LAYER_FACTOR = 100_000  # older files number features by layer · 100,000 + index
INVALID_NAME_CHARACTERS = re.compile(r"[^\w.+-]")  # '->' and '<q>' have a meaning in names
REQUIRED_NODE_KEYS = ("node_id", "feature_type", "ctx_idx")


def parse_node(raw: dict[str, Any], taken_names: Collection[str]) -> Node:
    """Convert a file's node; its name has the document's form (``m5.f123@7``) and is not taken yet."""
    if OWN_KEY in raw:
        node = _parse_own_node(raw[OWN_KEY])
    else:
        node = _parse_foreign_node(str(raw["feature_type"]).lower(), raw)
        check_node_fields({k: v for k, v in dataclasses.asdict(node).items() if v is not None})
    name, copies = node.name, 1
    while name in taken_names:
        copies += 1
        name = f"{node.name}~{copies}"
    return dataclasses.replace(node, name=name)


def node_entry(node: Node, state: State, info: Mapping[str, Any], is_target: bool) -> dict[str, Any]:
    """Convert a node to the file's form, with its own fields, label and position under ``OWN_KEY``.

    Args:
        node: The node.
        state: The document's state.
        info: ``Scores.info`` of the circuit.
        is_target: Whether it is the logit that the graph explains.
    """
    label, layout_position = state.labels.get(node.name), state.positions.get(node.name)
    position, layer = node.position or 0, str(node.layer)
    kind = FEATURE_TYPES.get(node.kind, str(node.kind))
    own_fields = {k: v for k, v in dataclasses.asdict(node).items() if v is not None and v != ""}
    if node.name in state.ablated_nodes:
        own_fields["ablated"] = True
    if label is not None:
        writes_text = node.kind is NodeKind.LOGITS  # a logit's clerp is its token
        own_fields["label"] = {k: v for k, v in _scalar_fields(label).items() if writes_text or k != "text"}
    if layout_position is not None:
        own_fields["place"] = [float(layout_position[0]), float(layout_position[1])]
    identity, number, js_id = node.name, position, node.name
    if node.kind is NodeKind.FEATURE and node.feature is not None:
        number = cantor_pairing(node.layer or 0, node.feature)
        if node.site in OTHER_PART_NAMES:  # these tools know features of MLPs only
            kind = f"{OTHER_PART_NAMES[node.site]} feature"
        else:
            identity, js_id = f"{layer}_{node.feature}_{position}", f"{layer}_{node.feature}-0"
    elif node.kind is NodeKind.ERROR and node.site not in OTHER_PART_NAMES:
        identity, js_id, number = f"{layer}_-1_{position}", f"{layer}_-1-0", -1
    elif node.kind is NodeKind.ERROR:
        kind, number = f"{OTHER_PART_NAMES[node.site]} reconstruction error", -1
    elif node.kind is NodeKind.TOKEN:
        layer = "E"
        identity, js_id = f"E_{node.token or 0}_{position}", f"E_{node.token or 0}-{position}"
    elif node.kind is NodeKind.LOGITS:
        layer = str(state.circuit.graph.shape.n_layers + 1) if state.circuit else ""
        if node.token is not None:
            identity, js_id = f"{layer}_{node.token}_{position}", f"L_{node.token}-{position}"
            number = node.token
    elif node.layer is None:
        layer = "E"
    return {
        "node_id": identity,
        "feature": number,
        "layer": layer,
        "ctx_idx": position,
        "feature_type": kind,
        "jsNodeId": js_id,
        **foreign_value_fields(node, label, info),
        "is_target_logit": is_target,
        "run_idx": 0,
        "reverse_ctx_idx": 0,
        OWN_KEY: {**own_fields, **own_value_fields(node, info)},
    }


def parse_node_label(raw: dict[str, Any], kind: NodeKind, override: str | None) -> Label | None:
    """A node's label, or None. Descriptions by other tools have no colour and form no class.

    Args:
        raw: The node in the file.
        kind: Its kind.
        override: A label that a person gave in the tool in place of the generated one.
    """
    own_fields = raw.get(OWN_KEY)
    own_label = own_fields.get("label") if isinstance(own_fields, dict) else None
    if not isinstance(own_label, dict):
        text = raw.get("clerp") if override is None else override
        is_generated = override is None and is_generated_clerp(raw, kind)
        return Label(text, "") if isinstance(text, str) and text and not is_generated else None
    text = str(
        own_label["text"] if "text" in own_label and override is None else override or raw.get("clerp", "")
    )
    label = Label(text)
    fields = {k: v for k, v in dict(own_label).items() if k in _scalar_fields(label) and k != "text"}
    check_colour(fields.get("colour", label.colour))
    for key, value in fields.items():
        expected = (int, float, type(None)) if key == "confidence" else str
        if not isinstance(value, expected):
            raise InputError(f"a label says {value!r} as {key}")
    return Label(text, **fields)


def parse_own_position(raw: dict[str, Any]) -> tuple[float, float] | None:
    """Position of a node that was moved by hand, in the layout's units; else None."""
    position = raw[OWN_KEY].get("place") if OWN_KEY in raw else None
    if position is None:
        return None
    return parse_position(position)


def infer_shape(raw_nodes: Iterable[dict[str, Any]], metadata: dict[str, Any]) -> ModelShape:
    """The model's shape as far as a file holds it; other tools' files have no number of heads and width."""
    own_fields = metadata.get(OWN_KEY)
    if isinstance(own_fields, dict) and isinstance(own_fields.get("shape"), dict):
        field_names = {field.name for field in dataclasses.fields(ModelShape)}
        return ModelShape(**{k: v for k, v in own_fields["shape"].items() if k in field_names})
    layers = [
        _parse_index(raw.get("layer")) for raw in raw_nodes if "logit" not in str(raw.get("feature_type"))
    ]
    return ModelShape(max((layer for layer in layers if layer is not None), default=0) + 1, 1, 1)


def computation_order(nodes: list[Node], links: list[tuple[int, int]]) -> tuple[list[int], int]:
    """Sort nodes by order of computation, targets last (Kahn's algorithm).

    Args:
        nodes: The nodes.
        links: Rows of sender and receiver of each link.

    Returns:
        Rows of the nodes in order, and the number of targets.

    Raises:
        InputError: The links form a cycle.
    """
    successors: list[list[int]] = [[] for _ in nodes]
    n_unordered_inputs = [0] * len(nodes)
    for s, r in set(links):
        successors[s].append(r)
        n_unordered_inputs[r] += 1
    targets = {i for i, n in enumerate(nodes) if n.kind is NodeKind.LOGITS and not successors[i]}
    targets = targets or {i for i in range(len(nodes)) if not successors[i]}
    rank = [(i in targets, n.depth, n.position or 0, i) for i, n in enumerate(nodes)]
    ready = [rank[i] for i in range(len(nodes)) if not n_unordered_inputs[i]]
    heapq.heapify(ready)
    order = []
    while ready:
        node = heapq.heappop(ready)[-1]
        order.append(node)
        for r in successors[node]:
            n_unordered_inputs[r] -= 1
            if not n_unordered_inputs[r]:
                heapq.heappush(ready, rank[r])
    if len(order) < len(nodes):
        raise InputError("its links go round in a circle, which no forward pass does")
    return [i for i in order if i not in targets] + [i for i in order if i in targets], len(targets)


def cantor_pairing(a: int, b: int) -> int:
    """Cantor's pairing function, by which schema 1 joins layer and index into one number.

    >>> cantor_pairing(20, 15589)
    121843834
    """
    return (a + b) * (a + b + 1) // 2 + b


def _feature_index(layer: int | None, number: int | None) -> int | None:
    """A feature's index in its layer, from the number by which schema 1 or an older file names it."""
    if layer is None or number is None:
        return None
    diagonal = (math.isqrt(8 * number + 1) - 1) // 2
    paired = number - diagonal * (diagonal + 1) // 2
    if diagonal - paired == layer:
        return paired
    return number % LEGACY_LAYER_FACTOR if number // LEGACY_LAYER_FACTOR == layer else None


def _scalar_fields(label: Label) -> dict[str, Any]:
    """A label's fields that are texts and numbers; evidence is written to documents only."""
    values = {field.name: getattr(label, field.name) for field in dataclasses.fields(label)}
    return {k: v for k, v in values.items() if isinstance(v, str | int | float | None)}


def _parse_own_node(data: Any) -> Node:
    field_names = {field.name for field in dataclasses.fields(Node)}
    values = {k: v for k, v in dict(data).items() if k in field_names}
    check_node_fields(values)
    if INVALID_NAME_CHARACTERS.search(values["name"].replace("@", "").replace("~", "")):
        raise InputError(f"one of its nodes is called {values['name'][:80]!r}")
    return Node(**{**values, "kind": NodeKind(values["kind"])})


def _parse_foreign_node(kind: str, raw: dict[str, Any]) -> Node:
    identity, position = (
        INVALID_NAME_CHARACTERS.sub("_", str(raw["node_id"])[:80]),
        _parse_index(raw["ctx_idx"]),
    )
    id_parts = str(raw["node_id"]).split("_")
    layer, suffix = _parse_index(raw.get("layer")), f"@{position}"
    number = (
        _parse_index(id_parts[1])
        if len(id_parts) == 3
        else _feature_index(layer, _parse_index(raw.get("feature")))
    )
    site = "a" if "lorsa" in kind or "attention" in kind else "r" if "residual stream" in kind else "m"
    if "logit" in kind:
        label = number if number is not None else identity
        return Node(f"logit.{label}{suffix}", NodeKind.LOGITS, position=position, token=number)
    if "embed" in kind:
        return Node(f"token{suffix}", NodeKind.TOKEN, position=position, token=number)
    if "error" in kind:
        return Node(f"{site}{layer}.error{suffix}", NodeKind.ERROR, layer, site=site, position=position)
    label = number if number is not None else identity
    name = f"{site}{layer}.f{label}{suffix}"
    return Node(name, NodeKind.FEATURE, layer, site=site, position=position, feature=number)


def _parse_index(value: Any) -> int | None:
    """A non-negative integer below 2^40 from a file; None for anything else."""
    try:
        number = int(str(value)) if not isinstance(value, bool) else -1
    except ValueError:
        return None
    return number if 0 <= number < 2**40 else None
