"""Nodes of attribution graphs, ours and theirs: circuit-tracer and Neuronpedia say everything in an id."""

from __future__ import annotations

import dataclasses
import heapq
import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.attribution_facts import facts_of, is_described, own_facts
from circuitviz.formats.listing import is_whole
from circuitviz.formats.parts.places import place
from circuitviz.formats.shapes import checked_node
from circuitviz.graph import Graph, Kind, Node, Shape
from circuitviz.session import Label, State

OURS = "circuitviz"  # the key under which our own fields travel
TYPES = {
    Kind.FEATURE: "cross layer transcoder",
    Kind.ERROR: "mlp reconstruction error",
    Kind.TOKEN: "embedding",
    Kind.INPUT: "embedding",
    Kind.LOGITS: "logit",
    Kind.HEAD: "attention head",
    Kind.MLP: "mlp",
}
COLOUR = re.compile("(?:#[0-9a-fA-F]{6})?")
OLD = 100_000  # of older files' numbers: layer · 100,000 + index
NEITHER = re.compile(r"[^\w.+-]")  # in a name; '->' and '<q>' have their meanings
REQUIRED = ("node_id", "feature_type", "ctx_idx")


def node_of(raw: dict[str, Any], taken: Collection[str]) -> Node:
    """Our node of one of theirs; its name is like ours (``m5.f123@7``) and not taken yet."""
    if OURS in raw:
        node = _own(raw[OURS])
    else:
        node = _foreign(str(raw["feature_type"]).lower(), raw)
        checked_node({k: v for k, v in dataclasses.asdict(node).items() if v is not None})
    name, copies = node.name, 1
    while name in taken:
        copies += 1
        name = f"{node.name}~{copies}"
    return dataclasses.replace(node, name=name)


def entry_of(node: Node, state: State, info: Mapping[str, Any], explained: bool) -> dict[str, Any]:
    """A node as these tools write it, with our own fields, label and place under a key of ours.

    info: that of its scores; explained: whether it is the logit that the graph is made for.
    """
    label, place = state.labels.get(node.name), state.positions.get(node.name)
    position, layer = node.position or 0, str(node.layer)
    kind = TYPES.get(node.kind, str(node.kind))
    own = {k: v for k, v in dataclasses.asdict(node).items() if v is not None and v != ""}
    if node.name in state.ablated_nodes:
        own["ablated"] = True
    if label is not None:
        said = node.kind is Kind.LOGITS  # whose clerp is its token
        own["label"] = {k: v for k, v in _plain(label).items() if said or k != "text"}
    if place is not None:
        own["place"] = [float(place[0]), float(place[1])]
    identity, number, short = node.name, position, node.name
    if node.kind is Kind.FEATURE and node.feature is not None:
        number = cantor(node.layer or 0, node.feature)
        if node.site == "a":  # these tools know features of MLPs only
            kind = "attention feature"
        else:
            identity, short = f"{layer}_{node.feature}_{position}", f"{layer}_{node.feature}-0"
    elif node.kind is Kind.ERROR and node.site != "a":
        identity, short, number = f"{layer}_-1_{position}", f"{layer}_-1-0", -1
    elif node.kind is Kind.ERROR:
        kind, number = "attention reconstruction error", -1
    elif node.kind is Kind.TOKEN:
        layer = "E"
        identity, short = f"E_{node.token or 0}_{position}", f"E_{node.token or 0}-{position}"
    elif node.kind is Kind.LOGITS:
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
        **facts_of(node, label, info),
        "is_target_logit": explained,
        "run_idx": 0,
        "reverse_ctx_idx": 0,
        OURS: {**own, **own_facts(node, info)},
    }


def label_of(raw: dict[str, Any], kind: Kind, override: str | None) -> Label | None:
    """A node's label, with its colour and whatever else is ours; None where it has none.

    What another tool says is a description, no class: such a label has no colour of its own.
    override: what a person said in the tool instead.
    """
    own = raw.get(OURS)
    given = own.get("label") if isinstance(own, dict) else None
    if not isinstance(given, dict):
        text = raw.get("clerp") if override is None else override
        described = override is None and is_described(raw, kind)
        return Label(text, "") if isinstance(text, str) and text and not described else None
    text = str(given["text"] if "text" in given and override is None else override or raw.get("clerp", ""))
    label = Label(text)
    kept = {k: v for k, v in dict(given).items() if k in _plain(label) and k != "text"}
    if not COLOUR.fullmatch(str(kept.get("colour", label.colour))):
        raise InputError(f"a label's colour is {kept['colour']!r}")
    for key, value in kept.items():
        right = (int, float, type(None)) if key == "confidence" else str
        if not isinstance(value, right):
            raise InputError(f"a label says {value!r} as {key}")
    return Label(text, **kept)


def place_of(raw: dict[str, Any]) -> tuple[float, float] | None:
    """Where a node was put by hand, if it was."""
    given = raw[OURS].get("place") if OURS in raw else None
    if given is None:
        return None
    return place(given)


def shape_of(raws: Iterable[dict[str, Any]], metadata: dict[str, Any]) -> Shape:
    """The model's shape as far as such a file tells: its layers; heads and width are not in it."""
    own = metadata.get(OURS)
    if isinstance(own, dict) and isinstance(own.get("shape"), dict):
        known = {field.name for field in dataclasses.fields(Shape)}
        return Shape(**{k: v for k, v in own["shape"].items() if k in known})
    layers = [_whole(raw.get("layer")) for raw in raws if "logit" not in str(raw.get("feature_type"))]
    return Shape(max((layer for layer in layers if layer is not None), default=0) + 1, 1, 1)


def in_order(nodes: list[Node], links: list[tuple[int, int]]) -> tuple[list[int], int]:
    """Places of the nodes in an order of computation, targets last, and how many are targets.

    Raises InputError in a half sentence where links go round in a circle.
    """
    after: list[list[int]] = [[] for _ in nodes]
    before = [0] * len(nodes)
    for s, r in set(links):
        after[s].append(r)
        before[r] += 1
    targets = {i for i, n in enumerate(nodes) if n.kind is Kind.LOGITS and not after[i]}
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


def cantor(a: int, b: int) -> int:
    """Cantor's pairing, with which schema 1 makes one number of layer and index.

    >>> cantor(20, 15589)
    121843834
    """
    return (a + b) * (a + b + 1) // 2 + b


def _index(layer: int | None, number: int | None) -> int | None:
    """A feature's index in its layer of the number that schema 1 or an older file makes of both."""
    if layer is None or number is None:
        return None
    diagonal = (math.isqrt(8 * number + 1) - 1) // 2
    paired = number - diagonal * (diagonal + 1) // 2
    if diagonal - paired == layer:
        return paired
    return number % OLD if number // OLD == layer else None


def is_of_heads(graph: Graph) -> bool:
    """Whether a graph is a model's own, its sites opened or not, rather than one prompt's features."""
    return is_whole(graph)


def _plain(label: Label) -> dict[str, Any]:
    """A label's fields that are texts and numbers; evidence stays in documents."""
    said = {field.name: getattr(label, field.name) for field in dataclasses.fields(label)}
    return {k: v for k, v in said.items() if isinstance(v, str | int | float | None)}


def _own(given: Any) -> Node:
    fields = {field.name for field in dataclasses.fields(Node)}
    told = {k: v for k, v in dict(given).items() if k in fields}
    checked_node(told)
    if NEITHER.search(told["name"].replace("@", "").replace("~", "")):
        raise InputError(f"one of its nodes is called {told['name'][:80]!r}")
    return Node(**{**told, "kind": Kind(told["kind"])})


def _foreign(kind: str, raw: dict[str, Any]) -> Node:
    identity, position = NEITHER.sub("_", str(raw["node_id"])[:80]), _whole(raw["ctx_idx"])
    parts = str(raw["node_id"]).split("_")
    layer, at = _whole(raw.get("layer")), f"@{position}"
    number = _whole(parts[1]) if len(parts) == 3 else _index(layer, _whole(raw.get("feature")))
    site = "a" if "lorsa" in kind or "attention" in kind else "m"
    if "logit" in kind:
        said = number if number is not None else identity
        return Node(f"logit.{said}{at}", Kind.LOGITS, position=position, token=number)
    if "embed" in kind:
        return Node(f"token{at}", Kind.TOKEN, position=position, token=number)
    if "error" in kind:
        return Node(f"{site}{layer}.error{at}", Kind.ERROR, layer, site=site, position=position)
    said = number if number is not None else identity
    name = f"{site}{layer}.f{said}{at}"
    return Node(name, Kind.FEATURE, layer, site=site, position=position, feature=number)


def _whole(value: Any) -> int | None:
    """A whole number of what a file says; None where it is none of a sensible size."""
    try:
        number = int(str(value)) if not isinstance(value, bool) else -1
    except ValueError:
        return None
    return number if 0 <= number < 2**40 else None
