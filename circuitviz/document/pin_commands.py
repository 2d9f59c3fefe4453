"""Nodes that were put somewhere by hand stay there until they are let go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from circuitviz.document.circuit_commands import Command
from circuitviz.document.state import State


def unpin_nodes(names: Iterable[str] = ()) -> Command:
    """Let the layout place nodes again; all of them where none is named."""
    wanted = frozenset(names)

    def change(state: State) -> State:
        kept = {name: at for name, at in state.positions.items() if wanted and name not in wanted}
        return replace(state, positions=kept)

    return Command("Unpin " + (", ".join(sorted(wanted)[:3]) if wanted else "every node"), change)
