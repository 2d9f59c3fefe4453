"""Finding nodes by what they are called, said to be, stand at, or promote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from circuitviz.document.node_text import tokens_by_position
from circuitviz.document.state import State
from circuitviz.graph import Node

TopTokensByNode = Mapping[str, Sequence[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class NodeMatch:
    """A node that was found, and by what; ``rank`` is lower the nearer it is to what was asked."""

    node: str
    reason: str
    rank: int


def search_nodes(state: State, query: str, top_tokens: TopTokensByNode | None = None) -> list[NodeMatch]:
    """Nodes of the circuit that fit a query, the best first, then by depth.

    A name (``a2.h6``, or 2.6 as papers write it), a part of a label, a note or a group's name,
    ``layer 3`` or ``L3``, ``position 5`` or ``@5``, a token of the prompt that a node stands at, or a
    token that a node promotes. ``top_tokens``: tokens and logits by node.

    Case does not matter; quotes make it whole: ``"the"`` finds only the token 'the'.
    """
    asked = query.strip().casefold()
    if not asked or state.circuit is None:
        return []
    graph, words = state.circuit.graph, tokens_by_position(state)
    hits = []
    for name in state.circuit.node_names:
        ways = _find_matches(state, graph.node(name), asked, (top_tokens or {}).get(name, ()), words)
        if (best := min(ways, key=lambda hit: hit.rank, default=None)) is not None:
            hits.append(best)
    return sorted(hits, key=lambda hit: (hit.rank, graph.depth(hit.node), graph.node_index[hit.node]))


def _find_matches(
    state: State, node: Node, query: str, top_tokens: Sequence[tuple[str, float]], tokens: Mapping[int, str]
) -> Iterator[NodeMatch]:
    """Every way in which a node fits."""
    name = node.name
    printed = f"{node.layer}.{node.head}" if node.head is not None else name
    if query in (name.casefold(), printed):
        yield NodeMatch(name, "name", 0)
    elif name.casefold().startswith(query) or printed.startswith(query):
        yield NodeMatch(name, "name", 1)
    layer = re.fullmatch(r"(?:layer|l)\s*:?\s*(\d+)", query)
    if layer is not None and node.layer == int(layer[1]):
        yield NodeMatch(name, f"layer {node.layer}", 2)
    place = re.fullmatch(r"(?:position|pos\.?|@)\s*:?\s*(\d+)", query)
    if place is not None and node.position == int(place[1]):
        yield NodeMatch(name, f"at position {node.position}{_quote_token(tokens.get(int(place[1])))}", 2)
    for what, text in _annotations_of(state, name):
        if _is_text_match(query, text):
            yield NodeMatch(name, f"{what} {_shorten(text)}", 3)
    if len(query) > 1 and query in name.casefold():
        yield NodeMatch(name, "name", 4)
    word = None if node.position is None else tokens.get(node.position)
    if word is not None and _is_text_match(query, word):
        yield NodeMatch(name, f"at the token {word!r}, position {node.position}", 5)
    for order, (token, logit) in enumerate(top_tokens):
        if _is_text_match(query, token):
            yield NodeMatch(name, f"promotes {token!r} {logit:+.2f}", 6 + order)


def _quote_token(token: str | None) -> str:
    return "" if token is None else f", the token {token!r}"


def _annotations_of(state: State, name: str) -> Iterator[tuple[str, str]]:
    """What was said of a node: its label and note, and those of its class and groups."""
    label = state.labels.get(name)
    if label is not None:
        yield "label", label.text
        yield "note", label.note
        about = state.labels.get(f"class:{label.text}")
        if about is not None:
            yield "note on its class", about.note
    for group, held in state.groups.items():
        if name in held.nodes:
            yield "group", group
            about = state.labels.get(f"group:{group}")
            if about is not None:
                yield "its group's label", about.text
                yield "note on its group", about.note


def _is_text_match(query: str, text: str) -> bool:
    """Whether a text holds what was asked; between quotes, whether it is that."""
    there = text.strip().casefold()
    if len(query) > 2 and query[0] == query[-1] == '"':
        return there == query[1:-1].strip()
    return query in there


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
