"""Search for nodes by name, label, layer, position, token or promoted token."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from circuitviz.document.node_text import tokens_by_position
from circuitviz.document.state import State
from circuitviz.graph import Node
from circuitviz.number_text import signed_number

TopTokensByNode = Mapping[str, Sequence[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class NodeMatch:
    """A node that matches a query.

    Attributes:
        node: Its name.
        reason: What matches, in words.
        rank: Lower for better matches.
    """

    node: str
    reason: str
    rank: int


def search_nodes(state: State, query: str, top_tokens: TopTokensByNode | None = None) -> list[NodeMatch]:
    """Nodes of the circuit that match a query, the best first, then by depth.

    A query is a name (``a2.h6``, or 2.6 as papers write it), a part of a label, a note or a group's name,
    ``layer 3`` or ``L3``, ``position 5`` or ``@5``, the prompt's token at a node's position, or a token that
    a node promotes. Case is ignored; in quotes a query matches whole texts only.

    Args:
        state: The state whose circuit is searched.
        query: The text that a person typed.
        top_tokens: Promoted tokens with their logits, by node.
    """
    folded_query = query.strip().casefold()
    if not folded_query or state.circuit is None:
        return []
    graph, tokens = state.circuit.graph, tokens_by_position(state)
    hits = []
    for name in state.circuit.node_names:
        matches = _find_matches(
            state, graph.node(name), folded_query, (top_tokens or {}).get(name, ()), tokens
        )
        if (best := min(matches, key=lambda hit: hit.rank, default=None)) is not None:
            hits.append(best)
    return sorted(hits, key=lambda hit: (hit.rank, graph.depth(hit.node), graph.node_index[hit.node]))


def _find_matches(
    state: State, node: Node, query: str, top_tokens: Sequence[tuple[str, float]], tokens: Mapping[int, str]
) -> Iterator[NodeMatch]:
    """All matches of one node."""
    name = node.name
    short_name = f"{node.layer}.{node.head}" if node.head is not None else name
    if query in (name.casefold(), short_name):
        yield NodeMatch(name, "name", 0)
    elif name.casefold().startswith(query) or short_name.startswith(query):
        yield NodeMatch(name, "name", 1)
    layer = re.fullmatch(r"(?:layer|l)\s*:?\s*(\d+)", query)
    if layer is not None and node.layer == int(layer[1]):
        yield NodeMatch(name, f"layer {node.layer}", 2)
    position = re.fullmatch(r"(?:position|pos\.?|@)\s*:?\s*(\d+)", query)
    if position is not None and node.position == int(position[1]):
        yield NodeMatch(name, f"at position {node.position}{_quote_token(tokens.get(int(position[1])))}", 2)
    for source, text in _annotations_of(state, name):
        if _is_text_match(query, text):
            yield NodeMatch(name, f"{source} {_shorten(text)}", 3)
    if len(query) > 1 and query in name.casefold():
        yield NodeMatch(name, "name", 4)
    own_token = None if node.position is None else tokens.get(node.position)
    if own_token is not None and _is_text_match(query, own_token):
        yield NodeMatch(name, f"at the token {own_token!r}, position {node.position}", 5)
    for order, (token, logit) in enumerate(top_tokens):
        if _is_text_match(query, token):
            yield NodeMatch(name, f"promotes {token!r} {signed_number(logit, 2)}", 6 + order)


def _quote_token(token: str | None) -> str:
    return "" if token is None else f", the token {token!r}"


def _annotations_of(state: State, name: str) -> Iterator[tuple[str, str]]:
    """(source, text) of a node's label and note, and of those of its class and groups."""
    label = state.labels.get(name)
    if label is not None:
        yield "label", label.text
        yield "note", label.note
        set_label = state.labels.get(f"class:{label.text}")
        if set_label is not None:
            yield "note on its class", set_label.note
    for group, members in state.groups.items():
        if name in members.nodes:
            yield "group", group
            set_label = state.labels.get(f"group:{group}")
            if set_label is not None:
                yield "its group's label", set_label.text
                yield "note on its group", set_label.note


def _is_text_match(query: str, text: str) -> bool:
    """Whether a text contains the query, or, for a quoted query, equals it."""
    folded_text = text.strip().casefold()
    if len(query) > 2 and query[0] == query[-1] == '"':
        return folded_text == query[1:-1].strip()
    return query in folded_text


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
