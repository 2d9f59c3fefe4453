"""Nodes of attribution graphs, ours and theirs: circuit-tracer and Neuronpedia say everything in an id."""

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
from circuitviz.formats.circuit_listing import is_model_graph
from circuitviz.formats.graph_limits import check_node_fields
from circuitviz.formats.parts.positions import parse_position
from circuitviz.graph import Graph, ModelShape, Node, NodeKind

OWN_KEY = "circuitviz"  # the key under which our own fields travel
FEATURE_TYPES = {
    NodeKind.FEATURE: "cross layer transcoder",
    NodeKind.ERROR: "mlp reconstruction error",
    NodeKind.TOKEN: "embedding",
    NodeKind.INPUT: "embedding",
    NodeKind.LOGITS: "logit",
    NodeKind.HEAD: "attention head",
    NodeKind.MLP: "mlp",
}
COLOUR_PATTERN = re.compile("(?:#[0-9a-fA-F]{6})?")
LEGACY_LAYER_FACTOR = 100_000  # of older files' numbers: layer · 100,000 + index
INVALID_NAME_CHARACTERS = re.compile(r"[^\w.+-]")  # in a name; '->' and '<q>' have their meanings
REQUIRED_NODE_KEYS = ("node_id", "feature_type", "ctx_idx")


def parse_node(raw: dict[str, Any], taken_names: Collection[str]) -> Node:
    """Our node of one of theirs; its name is like ours (``m5.f123@7``) and not taken yet."""
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
    """A node as these tools write it, with our own fields, label and place under a key of ours.

    info: that of its scores; explained: whether it is the logit that the graph is made for.
    """
    label, place = state.labels.get(node.name), state.positions.get(node.name)
    position, layer = node.position or 0, str(node.layer)
    kind = FEATURE_TYPES.get(node.kind, str(node.kind))
    own = {k: v for k, v in dataclasses.asdict(node).items() if v is not None and v != ""}
    if node.name in state.ablated_nodes:
        own["ablated"] = True
    if label is not None:
        said = node.kind is NodeKind.LOGITS  # whose clerp is its token
        own["label"] = {k: v for k, v in _scalar_fields(label).items() if said or k != "text"}
    if place is not None:
        own["place"] = [float(place[0]), float(place[1])]
    identity, number, short = node.name, position, node.name
    if node.kind is NodeKind.FEATURE and node.feature is not None:
        number = cantor_pairing(node.layer or 0, node.feature)
        if node.site == "a":  # these tools know features of MLPs only
            kind = "attention feature"
        else:
            identity, short = f"{layer}_{node.feature}_{position}", f"{layer}_{node.feature}-0"
    elif node.kind is NodeKind.ERROR and node.site != "a":
        identity, short, number = f"{layer}_-1_{position}", f"{layer}_-1-0", -1
    elif node.kind is NodeKind.ERROR:
        kind, number = "attention reconstruction error", -1
    elif node.kind is NodeKind.TOKEN:
        layer = "E"
        identity, short = f"E_{node.token or 0}_{position}", f"E_{node.token or 0}-{position}"
    elif node.kind is NodeKind.LOGITS:
        layer = str(state.circuit.graph.shape.n_layers + 1) if state.circuit else ""
        if node.token is not None:
            identity, short = f"{layer}_{node.token}_{position}", f"L_{node.token}-{position}"
            number = node.token
    elif node.layer is None:
        layer = "E"
    return {
        "node_id": identity,
        "feature": number,
        "layer": layer,
        "ctx_idx": position,
        "feature_type": kind,
        "jsNodeId": short,
        **foreign_value_fields(node, label, info),
        "is_target_logit": is_target,
        "run_idx": 0,
        "reverse_ctx_idx": 0,
        OWN_KEY: {**own, **own_value_fields(node, info)},
    }


def parse_node_label(raw: dict[str, Any], kind: NodeKind, override: str | None) -> Label | None:
    """A node's label, with its colour and whatever else is ours; None where it has none.

    What another tool says is a description, no class: such a label has no colour of its own.
    override: what a person said in the tool instead.
    """
    own = raw.get(OWN_KEY)
    given = own.get("label") if isinstance(own, dict) else None
    if not isinstance(given, dict):
        text = raw.get("clerp") if override is None else override
        described = override is None and is_generated_clerp(raw, kind)
        return Label(text, "") if isinstance(text, str) and text and not described else None
    text = str(given["text"] if "text" in given and override is None else override or raw.get("clerp", ""))
    label = Label(text)
    kept = {k: v for k, v in dict(given).items() if k in _scalar_fields(label) and k != "text"}
    if not COLOUR_PATTERN.fullmatch(str(kept.get("colour", label.colour))):
        raise InputError(f"a label's colour is {kept['colour']!r}")
    for key, value in kept.items():
        right = (int, float, type(None)) if key == "confidence" else str
        if not isinstance(value, right):
            raise InputError(f"a label says {value!r} as {key}")
    return Label(text, **kept)


def parse_own_position(raw: dict[str, Any]) -> tuple[float, float] | None:
    """Where a node was put by hand, if it was."""
    given = raw[OWN_KEY].get("place") if OWN_KEY in raw else None
    if given is None:
        return None
    return parse_position(given)


def infer_shape(raw_nodes: Iterable[dict[str, Any]], metadata: dict[str, Any]) -> ModelShape:
    """The model's shape as far as such a file tells: its layers; heads and width are not in it."""
    own = metadata.get(OWN_KEY)
    if isinstance(own, dict) and isinstance(own.get("shape"), dict):
        known = {field.name for field in dataclasses.fields(ModelShape)}
        return ModelShape(**{k: v for k, v in own["shape"].items() if k in known})
    layers = [
        _parse_index(raw.get("layer")) for raw in raw_nodes if "logit" not in str(raw.get("feature_type"))
    ]
    return ModelShape(max((layer for layer in layers if layer is not None), default=0) + 1, 1, 1)


def computation_order(nodes: list[Node], links: list[tuple[int, int]]) -> tuple[list[int], int]:
    """Places of the nodes in an order of computation, targets last, and how many are targets.

    Raises InputError in a half sentence where links go round in a circle.
    """
    after: list[list[int]] = [[] for _ in nodes]
    before = [0] * len(nodes)
    for s, r in set(links):
        after[s].append(r)
        before[r] += 1
    targets = {i for i, n in enumerate(nodes) if n.kind is NodeKind.LOGITS and not after[i]}
    targets = targets or {i for i in range(len(nodes)) if not after[i]}
    rank = [(i in targets, n.depth, n.position or 0, i) for i, n in enumerate(nodes)]
    ready = [rank[i] for i in range(len(nodes)) if not before[i]]
    heapq.heapify(ready)
    order = []
    while ready:
        here = heapq.heappop(ready)[-1]
        order.append(here)
        for r in after[here]:
            before[r] -= 1
            if not before[r]:
                heapq.heappush(ready, rank[r])
    if len(order) < len(nodes):
        raise InputError("its links go round in a circle, which no forward pass does")
    return [i for i in order if i not in targets] + [i for i in order if i in targets], len(targets)


def cantor_pairing(a: int, b: int) -> int:
    """Cantor's pairing, with which schema 1 makes one number of layer and index.

    >>> cantor_pairing(20, 15589)
    121843834
    """
    return (a + b) * (a + b + 1) // 2 + b


def _feature_index(layer: int | None, number: int | None) -> int | None:
    """A feature's index in its layer of the number that schema 1 or an older file makes of both."""
    if layer is None or number is None:
        return None
    diagonal = (math.isqrt(8 * number + 1) - 1) // 2
    paired = number - diagonal * (diagonal + 1) // 2
    if diagonal - paired == layer:
        return paired
    return number % LEGACY_LAYER_FACTOR if number // LEGACY_LAYER_FACTOR == layer else None


def is_head_graph(graph: Graph) -> bool:
    """Whether a graph is a model's own, its sites opened or not, rather than one prompt's features."""
    return is_model_graph(graph)


def _scalar_fields(label: Label) -> dict[str, Any]:
    """A label's fields that are texts and numbers; evidence stays in documents."""
    said = {field.name: getattr(label, field.name) for field in dataclasses.fields(label)}
    return {k: v for k, v in said.items() if isinstance(v, str | int | float | None)}


def _parse_own_node(given: Any) -> Node:
    fields = {field.name for field in dataclasses.fields(Node)}
    told = {k: v for k, v in dict(given).items() if k in fields}
    check_node_fields(told)
    if INVALID_NAME_CHARACTERS.search(told["name"].replace("@", "").replace("~", "")):
        raise InputError(f"one of its nodes is called {told['name'][:80]!r}")
    return Node(**{**told, "kind": NodeKind(told["kind"])})


def _parse_foreign_node(kind: str, raw: dict[str, Any]) -> Node:
    identity, position = (
        INVALID_NAME_CHARACTERS.sub("_", str(raw["node_id"])[:80]),
        _parse_index(raw["ctx_idx"]),
    )
    parts = str(raw["node_id"]).split("_")
    layer, at = _parse_index(raw.get("layer")), f"@{position}"
    number = (
        _parse_index(parts[1]) if len(parts) == 3 else _feature_index(layer, _parse_index(raw.get("feature")))
    )
    site = "a" if "lorsa" in kind or "attention" in kind else "m"
    if "logit" in kind:
        said = number if number is not None else identity
        return Node(f"logit.{said}{at}", NodeKind.LOGITS, position=position, token=number)
    if "embed" in kind:
        return Node(f"token{at}", NodeKind.TOKEN, position=position, token=number)
    if "error" in kind:
        return Node(f"{site}{layer}.error{at}", NodeKind.ERROR, layer, site=site, position=position)
    said = number if number is not None else identity
    name = f"{site}{layer}.f{said}{at}"
    return Node(name, NodeKind.FEATURE, layer, site=site, position=position, feature=number)


def _parse_index(value: Any) -> int | None:
    """A whole number of what a file says; None where it is none of a sensible size."""
    try:
        number = int(str(value)) if not isinstance(value, bool) else -1
    except ValueError:
        return None
    return number if 0 <= number < 2**40 else None
