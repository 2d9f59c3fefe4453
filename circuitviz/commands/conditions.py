"""What an action needs before it makes sense, by the words that the table uses."""

from __future__ import annotations

from collections.abc import Callable

from circuitviz.document import State
from circuitviz.document.group_commands import groups_of_selection
from circuitviz.document.groups import outermost_collapsed
from circuitviz.document.node_text import pinned_nodes
from circuitviz.graph.scores import IMPORTED_METHOD
from circuitviz.workbench.requests.switch_basis import plan_basis_switch
from circuitviz.workspace.workspace import Workspace


def _is_imported_circuit(state: State) -> bool:
    """Whether the circuit is of another tool, or of nobody knows which model."""
    where = state.provenance
    return state.circuit is not None and (where is None or where.method == IMPORTED_METHOD)


CONDITIONS: dict[str, Callable[[Workspace], bool]] = {
    "": lambda _desk: True,
    "circuit": lambda desk: desk.document.state.circuit is not None,
    "imported": lambda desk: _is_imported_circuit(desk.document.state),
    "selection": lambda desk: (
        bool(desk.selected_nodes or desk.selected_edges) and desk.document.state.circuit is not None
    ),
    "nodes": lambda desk: bool(desk.selected_nodes) and desk.document.state.circuit is not None,
    "node": lambda desk: len(desk.selected_nodes) == 1,
    "site": lambda desk: plan_basis_switch(desk.document.state, desk.selected_nodes) is not None,
    "pair": lambda desk: len(desk.selected_nodes) == 2 and desk.document.state.circuit is not None,
    "traceable": lambda desk: desk.prompt_circuits.traceable_node is not None,
    "pinned": lambda desk: bool(desk.document.state.positions),
    "marked": lambda desk: desk.state.scores is not None and bool(pinned_nodes(desk.state.scores.info)),
    "ablated": lambda desk: not desk.document.state.is_unmodified,
    "group": lambda desk: bool(groups_of_selection(desk.document.state, desk.selected_nodes)),
    "classes": lambda desk: bool(desk.document.state.groups_with_classes),
    "boxes": lambda desk: bool(outermost_collapsed(desk.document.state.groups)),
    "filters": lambda desk: not desk.document.state.filters.shows_everything,
}
