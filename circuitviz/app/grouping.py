"""Groups in the window: the canvas draws boxes, everyone else speaks of the nodes in them."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QSignalBlocker

from circuitviz.app.name_field import NameField
from circuitviz.canvas.folded import standing, unfolded
from circuitviz.canvas.sketch import Drawn
from circuitviz.session import ROLES, Command, collapse, expand, group_nodes, rename_group, ungroup
from circuitviz.session.grouping import meant
from circuitviz.session.groups import boxes_of, frames_of

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


class Grouping(QObject):
    """Translates selections between canvas and desk, and does what the menu of groups offers."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.desk, self.view = window, window.desk, window.view
        self.field = NameField(self.view)
        self.view.selection_changed.connect(self._chosen)
        self.view.node_opened.connect(self.open_or_close)
        self.desk.selection_changed.connect(self.show_selection)

    def show(self, drawn: Drawn) -> None:
        """Put a picture on the canvas; what is selected stays so while it is in the circuit."""
        circuit, picture = self.desk.state.circuit, drawn.picture
        with QSignalBlocker(self.view):
            self.view.show_circuit(picture, drawn.note, drawn.geometry)
        there = set(picture.by_name).union(circuit.node_names if circuit is not None else ())
        ties = set(picture.edge_rows) if self.desk.edges else set()
        if self.desk.edges and circuit is not None:
            ties |= set(circuit.edge_names)
        self.desk.select(self.desk.nodes & there, self.desk.edges & ties)
        self.show_selection()

    def show_selection(self) -> None:
        """Select on the canvas what stands for the desk's selection."""
        nodes, edges = standing(self.view.picture, self.desk.nodes, self.desk.edges)
        with QSignalBlocker(self.view):  # a part of a box cannot be selected there; it stays selected here
            self.view.select(nodes, edges)

    def begin_group(self) -> None:
        """Ask for a name for the selected nodes, and group them."""
        nodes = self.desk.nodes
        taken = self.desk.document.state.groups
        name = next(f"Group {i}" for i in range(1, len(taken) + 2) if f"Group {i}" not in taken)
        self._ask(name, nodes, lambda given: group_nodes(given, nodes))

    def begin_rename(self) -> None:
        """Ask for another name for the group that the selection speaks of."""
        if names := self._meant():
            nodes = self.desk.document.state.groups[names[0]].nodes
            self._ask(names[0], nodes, lambda given: rename_group(names[0], given))

    def fold(self) -> None:
        """Collapse the groups that the selection speaks of; those that are boxes are opened."""
        groups = self.desk.document.state.groups
        names = self._meant()
        boxes = [name for name in names if name in boxes_of(groups)]
        if boxes:
            self.desk.do(expand(boxes))
        elif names:
            self.desk.do(collapse(names))

    def ungroup(self) -> None:
        """Dissolve the groups that the selection speaks of."""
        if names := self._meant():
            self.desk.do(ungroup(names))

    def open_or_close(self, name: str) -> None:
        """A box opens; a node closes the narrowest group that holds it."""
        groups = self.desk.document.state.groups
        if name in boxes_of(groups):
            self.desk.do(expand([name]))
        elif around := [frame for frame, nodes in frames_of(groups).items() if name in nodes]:
            self.desk.do(collapse(around[-1:]))

    def _meant(self) -> list[str]:
        return meant(self.desk.document.state, self.desk.nodes)

    def _chosen(self, nodes: Set[str], edges: Set[str]) -> None:
        self.desk.select(*unfolded(self.view.picture, nodes, edges))

    def _ask(self, name: str, nodes: Set[str], command: Callable[[str], Command]) -> None:
        picture = self.view.picture
        there = {n.name for n in picture.nodes if nodes & set(n.members or (n.name,))}
        places = [self.view.place_of(n) for n in there]
        middle = self.view.viewport().rect().center()
        if places:
            middle = sum(places, QPoint()) / len(places)

        def keep(given: str) -> None:
            if given.strip() != name or name not in self.desk.document.state.groups:
                self.desk.guarded(self.desk.do, command(given))

        known = [label.text for label in self.desk.document.state.labels.values()]
        self.field.ask(name, [*ROLES, *known], middle, keep)
