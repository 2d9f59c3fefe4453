"""Selecting what belongs together: layers, classes, what feeds a node, every path between two."""

from __future__ import annotations

from collections.abc import Set

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.commands.conditions import (
    has_circuit,
    has_marked_nodes,
    has_moved_nodes,
    has_selected_nodes,
    has_two_nodes,
)
from circuitviz.commands.registry import command
from circuitviz.commands.services import PanelService
from circuitviz.document.groups import outermost_collapsed
from circuitviz.document.node_text import pinned_nodes
from circuitviz.document.pin_commands import unpin_nodes
from circuitviz.graph.connectivity import Connectivity
from circuitviz.panels.paths.panel import PathsPanel
from circuitviz.workspace import Workspace


@command("select-all", text="All nodes", menu="Select", group="all", shortcut="Ctrl+A", enabled=has_circuit)
def select_all(view: CircuitView) -> None:
    """Select every node on the canvas."""
    view.select(set(view.circuit_scene.by_name))


@command("select-invert", text="Invert", menu="Select", group="all", shortcut="Ctrl+I", enabled=has_circuit)
def invert_selection(view: CircuitView) -> None:
    """Select the nodes that are not selected."""
    view.select(set(view.circuit_scene.by_name) - view.selected_nodes)


@command(
    "select-layer",
    text="The whole layer",
    menu="Select",
    group="grow",
    shortcut="Ctrl+Shift+L",
    enabled=has_selected_nodes,
)
def select_layer(workspace: Workspace, view: CircuitView) -> None:
    """Select all nodes of the selected nodes' layers."""
    if (circuit := workspace.state.circuit) is not None:
        layer_of = {name: circuit.graph.node(name).layer for name in circuit.node_names}
        layers = {layer_of[name] for name in _selected_members(workspace) if name in layer_of}
        _select_drawn(workspace, view, {name for name, layer in layer_of.items() if layer in layers})


@command(
    "select-class",
    text="The whole class",
    menu="Select",
    group="grow",
    shortcut="Ctrl+Shift+K",
    enabled=has_selected_nodes,
)
def select_class(workspace: Workspace, view: CircuitView) -> None:
    """Select all nodes that have a label of the selected nodes."""
    chosen = _selected_members(workspace)
    classes = (set(nodes) for nodes in workspace.state.nodes_by_label.values() if chosen & set(nodes))
    _select_drawn(workspace, view, chosen.union(*classes))


@command(
    "select-upstream",
    text="Everything upstream",
    menu="Select",
    group="flow",
    shortcut="U",
    enabled=has_selected_nodes,
)
def select_upstream(workspace: Workspace, view: CircuitView) -> None:
    """Select every node with a path to a selected one."""
    if (connectivity := _circuit_connectivity(workspace)) is not None:
        _select_drawn(workspace, view, connectivity.upstream(_selected_members(workspace)))


@command(
    "select-downstream", text="Everything downstream", menu="Select", group="flow", shortcut="D",
    enabled=has_selected_nodes,
)  # fmt: skip
def select_downstream(workspace: Workspace, view: CircuitView) -> None:
    """Select every node with a path from a selected one."""
    if (connectivity := _circuit_connectivity(workspace)) is not None:
        _select_drawn(workspace, view, connectivity.downstream(_selected_members(workspace)))


@command(
    "select-paths",
    text="Every path between two nodes",
    menu="Select",
    group="flow",
    shortcut="P",
    enabled=has_two_nodes,
)
def select_paths(docks: PanelService, paths: PathsPanel) -> None:
    """Highlight every edge on a path between the two selected nodes."""
    docks.bring_to_front("paths")
    paths.highlight_all()


@command(
    "select-pinned", text="Nodes pinned in the file", menu="Select", group="grow", enabled=has_marked_nodes
)
def select_pinned(workspace: Workspace, view: CircuitView) -> None:
    """Select the nodes that were pinned in the attribution graph's viewer."""
    if (scores := workspace.state.scores) is not None:
        _select_drawn(workspace, view, set(pinned_nodes(scores.info)))


@command(
    "unpin",
    text="Unpin moved nodes",
    menu="View",
    group="layout",
    shortcut="Shift+U",
    enabled=has_moved_nodes,
)
def unpin(workspace: Workspace) -> None:
    """Let the layout place the selected nodes again, or all of them."""
    workspace.apply_command(unpin_nodes(workspace.selected_nodes & workspace.state.positions.keys()))


def _selected_members(workspace: Workspace) -> set[str]:
    """What is selected, collapsed groups as their nodes."""
    boxes = outermost_collapsed(workspace.state.groups)
    return {node for name in workspace.selected_nodes for node in boxes.get(name, (name,))}


def _select_drawn(workspace: Workspace, view: CircuitView, nodes: Set[str]) -> None:
    """Select what is drawn of some nodes: a collapsed group where it holds one of them."""
    boxes = outermost_collapsed(workspace.state.groups)
    box_of = {node: name for name, members in boxes.items() for node in members}
    view.select({box_of.get(node, node) for node in nodes} & view.circuit_scene.by_name.keys())


def _circuit_connectivity(workspace: Workspace) -> Connectivity | None:
    state = workspace.state
    if state.circuit is None:
        return None
    return Connectivity.of_circuit(state.circuit, None if state.scores is None else state.scores.values)
