"""The prompt's tokens as nodes stand at them: what canvas and search call a position."""

from __future__ import annotations

from collections.abc import Mapping

from circuitviz.graph import Kind
from circuitviz.session.state import State


def words_of(state: State) -> dict[int, str]:
    """Tokens by position: as the run writes them, else as labels of token nodes do; empty where neither."""
    run = state.scores.info.get("prompt") if state.scores is not None else None
    words = dict(enumerate(run.get("strings") or ())) if isinstance(run, Mapping) else {}
    for node in state.circuit.graph.nodes if state.circuit is not None else ():
        if node.kind is Kind.TOKEN and node.position is not None and node.name in state.labels:
            words.setdefault(node.position, state.labels[node.name].text)
    return {position: str(word) for position, word in words.items()}
