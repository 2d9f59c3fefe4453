"""What is said of a prompt's nodes: the tokens that they stand at, and their numbers in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from circuitviz.document.state import State
from circuitviz.graph import Node, NodeKind

MAX_TEXT_LENGTH = 300  # characters of a model's name or a prompt


def tokens_by_position(state: State) -> dict[int, str]:
    """Tokens by position: as the run writes them, else as labels of token nodes do; empty where neither."""
    run = state.scores.info.get("prompt") if state.scores is not None else None
    words = dict(enumerate(run.get("strings") or ())) if isinstance(run, Mapping) else {}
    for node in state.circuit.graph.nodes if state.circuit is not None else ():
        if node.kind is NodeKind.TOKEN and node.position is not None and node.name in state.labels:
            words.setdefault(node.position, state.labels[node.name].text)
    return {position: str(word) for position, word in words.items()}


def describe_node_values(node: Node, info: Mapping[str, Any]) -> list[str]:
    """A node's numbers as its scores (``info``) hold them, each with what it is; whether it is pinned.

    The cumulative influence is the share of all influence that this node and the more influential ones hold.
    """

    def value(key: str) -> float | None:
        table = info.get(key)
        found = table.get(node.name) if isinstance(table, Mapping) else None
        return found if isinstance(found, int | float) else None

    said = []
    if (
        node.kind in (NodeKind.FEATURE, NodeKind.NEURON, NodeKind.LOGITS)
        and (found := value("activations")) is not None
    ):
        said.append(f"{'activation' if node.kind is NodeKind.FEATURE else 'value'} {found:.4f}")
    if (found := value("probabilities")) is not None:
        said.append(f"probability {found:.3f}")
    if (found := value("attributions")) is not None and node.name != info.get("target"):
        said.append(f"attribution {found:+.4f}")
    if (found := value("influence")) is not None:
        said.append(f"influence {found:.4f}")
    if (found := value("cumulative_influence")) is not None:
        said.append(f"cumulative influence {100 * found:.1f}\N{NO-BREAK SPACE}%")
    return [*said, "pinned"] if node.name in pinned_nodes(info) else said


def describe_graph_source(info: Mapping[str, Any]) -> str:
    """Model and prompt of an attribution graph as its file names them, in a sentence; empty without both."""
    said = info.get("source")
    if not isinstance(said, Mapping):
        return ""
    model, prompt = (_shorten(said.get(key)) for key in ("model", "prompt"))
    of, on = f" of {model}" if model else "", f" on “{prompt}”" if prompt else ""
    return f"Attribution graph{of}{on}" if of or on else ""


def pinned_nodes(info: Mapping[str, Any]) -> list[str]:
    """The nodes that the viewer of an attribution graph's file had pinned."""
    pinned = info.get("pinned")
    return [name for name in pinned if isinstance(name, str)] if isinstance(pinned, list) else []


def _shorten(text: object) -> str:
    """A text of a file as a line has room for it; empty where a file has something else in its place."""
    said = text if isinstance(text, str) else ""
    return said if len(said) <= MAX_TEXT_LENGTH else f"{said[: MAX_TEXT_LENGTH - 1]}…"
