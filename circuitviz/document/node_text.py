"""Texts about the nodes of a prompt's circuit: their tokens, and their values in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from circuitviz.document.state import State
from circuitviz.graph import Node, NodeKind
from circuitviz.number_text import decimal_number, signed_number

MAX_TEXT_LENGTH = 300  # characters of a model's name or a prompt


def tokens_by_position(state: State) -> dict[int, str]:
    """Tokens by position, from the scores or else from labels of token nodes; empty where neither has any."""
    run = state.scores.info.get("prompt") if state.scores is not None else None
    tokens = dict(enumerate(run.get("strings") or ())) if isinstance(run, Mapping) else {}
    for node in state.circuit.graph.nodes if state.circuit is not None else ():
        if node.kind is NodeKind.TOKEN and node.position is not None and node.name in state.labels:
            tokens.setdefault(node.position, state.labels[node.name].text)
    return {position: str(token) for position, token in tokens.items()}


def describe_node_values(node: Node, info: Mapping[str, Any]) -> list[str]:
    """Describe a node's values, such as ``activation 1.2000``, and whether it is pinned.

    The cumulative influence is the share of all influence that this node and the more influential ones hold.

    Args:
        node: The node.
        info: ``Scores.info`` of the circuit.
    """

    def value(key: str) -> float | None:
        table = info.get(key)
        number = table.get(node.name) if isinstance(table, Mapping) else None
        return number if isinstance(number, int | float) else None

    parts = []
    if (node.kind.has_activation or node.kind is NodeKind.LOGITS) and (
        number := value("activations")
    ) is not None:
        parts.append(f"{'activation' if node.kind.has_activation else 'value'} {decimal_number(number, 4)}")
    if (number := value("probabilities")) is not None:
        parts.append(f"probability {decimal_number(number, 3)}")
    if (number := value("attributions")) is not None and node.name != info.get("target"):
        parts.append(f"attribution {signed_number(number, 4)}")
    if (number := value("through_attention")) is not None:
        parts.append(f"{signed_number(number, 4)} through attention scores")
    if (number := value("influence")) is not None:
        parts.append(f"influence {decimal_number(number, 4)}")
    if (number := value("cumulative_influence")) is not None:
        parts.append(f"cumulative influence {decimal_number(100 * number, 1)}\N{NO-BREAK SPACE}%")
    return [*parts, "pinned"] if node.name in pinned_nodes(info) else parts


def describe_score_place(place: Sequence[Any], tokens: Mapping[int, str]) -> str:
    """Describe where most of an edge through attention scores comes from.

    Args:
        place: Head, and positions of query and key (``Scores.info['score_places']``).
        tokens: Tokens by position.
    """
    head, query, key = place
    named = [f"“{tokens[at].strip()}” ({at})" if at in tokens else str(at) for at in (query, key)]
    return f"most of it in {head}, query {named[0]}, key {named[1]}"


def query_key_lines(node: str, info: Mapping[str, Any], most: int = 5) -> list[str]:
    """Describe the strongest query–key pairs that a node is part of, the strongest first.

    Args:
        node: Name of the node.
        info: ``Scores.info`` of the circuit.
        most: At most so many.
    """
    lines = []
    for query, key, head, effect in info.get("query_key_pairs", ()):
        if node in (query, key):
            other = f"query of {query}" if node == key else f"key of {key}"
            number = signed_number(effect, 4)
            lines.append(f"{number} in {head} with the {other}")
    return lines[:most]


def describe_graph_source(info: Mapping[str, Any]) -> str:
    """Describe model and prompt of an attribution graph as its file names them; empty without both."""
    source = info.get("source")
    if not isinstance(source, Mapping):
        return ""
    model, prompt = (_shorten(source.get(key)) for key in ("model", "prompt"))
    of_model, on_prompt = f" of {model}" if model else "", f" on “{prompt}”" if prompt else ""
    return f"Attribution graph{of_model}{on_prompt}" if of_model or on_prompt else ""


def pinned_nodes(info: Mapping[str, Any]) -> list[str]:
    """Names of the nodes that are pinned in an attribution graph's file."""
    pinned = info.get("pinned")
    return [name for name in pinned if isinstance(name, str)] if isinstance(pinned, list) else []


def _shorten(text: object) -> str:
    """A text of a file, cut to ``MAX_TEXT_LENGTH``; empty where the file's value is no text."""
    shown_text = text if isinstance(text, str) else ""
    return shown_text if len(shown_text) <= MAX_TEXT_LENGTH else f"{shown_text[: MAX_TEXT_LENGTH - 1]}…"
