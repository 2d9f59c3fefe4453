"""The command that unpins nodes, which moving by hand has pinned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from circuitviz.document.circuit_commands import Command
from circuitviz.document.state import State


def unpin_nodes(names: Iterable[str] = ()) -> Command:
    """Let the layout place nodes again; without names, all nodes."""
    unpinned = frozenset(names)

    def transform(state: State) -> State:
        positions = {
            name: position for name, position in state.positions.items() if unpinned and name not in unpinned
        }
        return replace(state, positions=positions)

    return Command("Unpin " + (", ".join(sorted(unpinned)[:3]) if unpinned else "every node"), transform)
