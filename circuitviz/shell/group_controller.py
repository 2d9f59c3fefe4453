"""Groups and selections: the canvas knows collapsed groups as boxes, the workspace knows their nodes."""

from __future__ import annotations

from collections.abc import Callable, Set

from PySide6.QtCore import QObject, QPoint, QSignalBlocker

from circuitviz.canvas.circuit_view import CircuitView
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
from circuitviz.workspace import Workspace


class GroupController(QObject):
    """Translates selections between canvas and workspace, and edits groups."""

    def __init__(self, workspace: Workspace, view: CircuitView, parent: QObject) -> None:
        super().__init__(parent)
        self.workspace, self.view = workspace, view
        self.name_field = NameField(self.view)
        self.view.selection_changed.connect(self._on_canvas_selection)
        self.view.group_toggled.connect(self.toggle_box)
        self.workspace.selection_changed.connect(self.show_selection)

    def show_drawing(self, drawn: BuiltScene) -> None:
        """Put a scene on the canvas; the selection is kept as far as the circuit has it."""
        circuit, scene = self.workspace.state.circuit, drawn.scene
        with QSignalBlocker(self.view):
            self.view.show_scene(scene, drawn.status_text, drawn.fitted)
        known_names = set(scene.by_name).union(circuit.node_names if circuit is not None else ())
        known_edges = set(scene.edge_rows) if self.workspace.selected_edges else set()
        if self.workspace.selected_edges and circuit is not None:
            known_edges |= set(circuit.edge_names)
        self.workspace.set_selection(
            self.workspace.selected_nodes & known_names, self.workspace.selected_edges & known_edges
        )
        self.show_selection()

    def show_selection(self) -> None:
        """Select on the canvas what shows the workspace's selection."""
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
        self._ask_name(name, nodes, lambda new_name: group_nodes(new_name, nodes))

    def begin_rename(self) -> None:
        """Ask for another name for the selected group."""
        if names := self._selected_groups():
            nodes = self.workspace.document.state.groups[names[0]].nodes
            self._ask_name(names[0], nodes, lambda new_name: rename_group(names[0], new_name))

    def toggle_collapsed(self) -> None:
        """Collapse the selected groups, or expand those that are collapsed."""
        groups = self.workspace.document.state.groups
        names = self._selected_groups()
        boxes = [name for name in names if name in outermost_collapsed(groups)]
        if boxes:
            self.workspace.apply_command(expand_groups(boxes))
        elif names:
            self.workspace.apply_command(collapse_groups(names))

    def dissolve_groups(self) -> None:
        """Dissolve the selected groups."""
        if names := self._selected_groups():
            self.workspace.apply_command(dissolve_groups(names))

    def toggle_box(self, name: str) -> None:
        """Expand a box; for a node, collapse the innermost group that has it."""
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
        scene = self.view.circuit_scene
        known_names = {n.name for n in scene.nodes if nodes & set(n.members or (n.name,))}
        places = [self.view.viewport_position(n) for n in known_names]
        middle = self.view.viewport().rect().center()
        if places:
            middle = sum(places, QPoint()) / len(places)

        def apply_name(new_name: str) -> None:
            if new_name.strip() != name or name not in self.workspace.document.state.groups:
                self.workspace.run_guarded(
                    self.workspace.apply_command, command(new_name), title="Could not name the group"
                )

        known = [label.text for label in self.workspace.document.state.labels.values()]
        self.name_field.ask_name(name, [*ROLES, *known], middle, apply_name)
