"""Groups in the window: the canvas draws boxes, everyone else speaks of the nodes in them."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QSignalBlocker

from circuitviz.canvas.scene_request import BuiltScene
from circuitviz.document import (
    ROLES,
    Command,
    collapse_groups,
    dissolve_groups,
    expand_groups,
    group_nodes,
    rename_group,
)
from circuitviz.document.group_commands import groups_of_selection
from circuitviz.document.groups import expanded_groups, outermost_collapsed
from circuitviz.scene.folded_scene import drawn_selection, expand_selection
from circuitviz.shell.name_field import NameField

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


class GroupController(QObject):
    """Translates selections between canvas and desk, and does what the menu of groups offers."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.workspace, self.view = window, window.workspace, window.view
        self.name_field = NameField(self.view)
        self.view.selection_changed.connect(self._on_canvas_selection)
        self.view.group_toggled.connect(self.toggle_box)
        self.workspace.selection_changed.connect(self.show_selection)

    def show_drawing(self, drawn: BuiltScene) -> None:
        """Put a picture on the canvas; what is selected stays so while it is in the circuit."""
        circuit, picture = self.workspace.state.circuit, drawn.scene
        with QSignalBlocker(self.view):
            self.view.show_scene(picture, drawn.status_text, drawn.geometry)
        there = set(picture.by_name).union(circuit.node_names if circuit is not None else ())
        ties = set(picture.edge_rows) if self.workspace.selected_edges else set()
        if self.workspace.selected_edges and circuit is not None:
            ties |= set(circuit.edge_names)
        self.workspace.set_selection(
            self.workspace.selected_nodes & there, self.workspace.selected_edges & ties
        )
        self.show_selection()

    def show_selection(self) -> None:
        """Select on the canvas what stands for the desk's selection."""
        nodes, edges = drawn_selection(
            self.view.circuit_scene, self.workspace.selected_nodes, self.workspace.selected_edges
        )
        with QSignalBlocker(self.view):  # a part of a box cannot be selected there; it stays selected here
            self.view.select(nodes, edges)

    def begin_group(self) -> None:
        """Ask for a name for the selected nodes, and group them."""
        nodes = self.workspace.selected_nodes
        taken = self.workspace.document.state.groups
        name = next(f"Group {i}" for i in range(1, len(taken) + 2) if f"Group {i}" not in taken)
        self._ask_name(name, nodes, lambda given: group_nodes(given, nodes))

    def begin_rename(self) -> None:
        """Ask for another name for the group that the selection speaks of."""
        if names := self._selected_groups():
            nodes = self.workspace.document.state.groups[names[0]].nodes
            self._ask_name(names[0], nodes, lambda given: rename_group(names[0], given))

    def toggle_collapsed(self) -> None:
        """Collapse the groups that the selection speaks of; those that are boxes are opened."""
        groups = self.workspace.document.state.groups
        names = self._selected_groups()
        boxes = [name for name in names if name in outermost_collapsed(groups)]
        if boxes:
            self.workspace.apply_command(expand_groups(boxes))
        elif names:
            self.workspace.apply_command(collapse_groups(names))

    def dissolve_groups(self) -> None:
        """Dissolve the groups that the selection speaks of."""
        if names := self._selected_groups():
            self.workspace.apply_command(dissolve_groups(names))

    def toggle_box(self, name: str) -> None:
        """A box opens; a node closes the narrowest group that holds it."""
        groups = self.workspace.document.state.groups
        if name in outermost_collapsed(groups):
            self.workspace.apply_command(expand_groups([name]))
        elif around := [frame for frame, nodes in expanded_groups(groups).items() if name in nodes]:
            self.workspace.apply_command(collapse_groups(around[-1:]))

    def _selected_groups(self) -> list[str]:
        return groups_of_selection(self.workspace.document.state, self.workspace.selected_nodes)

    def _on_canvas_selection(self, nodes: Set[str], edges: Set[str]) -> None:
        self.workspace.set_selection(*expand_selection(self.view.circuit_scene, nodes, edges))

    def _ask_name(self, name: str, nodes: Set[str], command: Callable[[str], Command]) -> None:
        picture = self.view.circuit_scene
        there = {n.name for n in picture.nodes if nodes & set(n.members or (n.name,))}
        places = [self.view.viewport_position(n) for n in there]
        middle = self.view.viewport().rect().center()
        if places:
            middle = sum(places, QPoint()) / len(places)

        def keep(given: str) -> None:
            if given.strip() != name or name not in self.workspace.document.state.groups:
                self.workspace.run_guarded(self.workspace.apply_command, command(given))

        known = [label.text for label in self.workspace.document.state.labels.values()]
        self.name_field.ask_name(name, [*ROLES, *known], middle, keep)
