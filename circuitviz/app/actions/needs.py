"""What an action needs before it makes sense, by the words that the table uses."""

from __future__ import annotations

from collections.abc import Callable

from circuitviz.graph.scores import IMPORTED
from circuitviz.jobs.switch_basis import switched
from circuitviz.panels import Desk
from circuitviz.session import State
from circuitviz.session.grouping import meant
from circuitviz.session.groups import boxes_of
from circuitviz.session.words import pinned_of


def _is_imported(state: State) -> bool:
    """Whether the circuit is of another tool, or of nobody knows which model."""
    where = state.provenance
    return state.circuit is not None and (where is None or where.method == IMPORTED)


NEEDS: dict[str, Callable[[Desk], bool]] = {
    "": lambda _desk: True,
    "circuit": lambda desk: desk.document.state.circuit is not None,
    "imported": lambda desk: _is_imported(desk.document.state),
    "selection": lambda desk: bool(desk.nodes or desk.edges) and desk.document.state.circuit is not None,
    "nodes": lambda desk: bool(desk.nodes) and desk.document.state.circuit is not None,
    "node": lambda desk: len(desk.nodes) == 1,
    "site": lambda desk: switched(desk.document.state, desk.nodes) is not None,
    "pair": lambda desk: len(desk.nodes) == 2 and desk.document.state.circuit is not None,
    "traceable": lambda desk: desk.asking.traceable is not None,
    "pinned": lambda desk: bool(desk.document.state.positions),
    "marked": lambda desk: desk.state.scores is not None and bool(pinned_of(desk.state.scores.info)),
    "ablated": lambda desk: not desk.document.state.untouched,
    "group": lambda desk: bool(meant(desk.document.state, desk.nodes)),
    "classes": lambda desk: bool(desk.document.state.classed),
    "boxes": lambda desk: bool(boxes_of(desk.document.state.groups)),
    "filters": lambda desk: not desk.document.state.sight.open,
}
