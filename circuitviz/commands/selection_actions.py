"""Selecting what belongs together: layers, classes, everything that feeds a node, every path between two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command
from circuitviz.document.groups import outermost_collapsed
from circuitviz.document.node_text import pinned_nodes
from circuitviz.document.pin_commands import unpin_nodes
from circuitviz.graph.connectivity import Connectivity

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("select-all", "All nodes", "Select", "Ctrl+A", condition="circuit")
def _select_all(window: MainWindow) -> None:
    window.view.select(set(window.view.circuit_scene.by_name))


@command("select-invert", "Invert", "Select", "Ctrl+I", condition="circuit")
def _invert(window: MainWindow) -> None:
    window.view.select(set(window.view.circuit_scene.by_name) - window.view.selected_nodes)


@command("select-layer", "The whole layer", "Select", "Ctrl+Shift+L", condition="nodes")
def _layer(window: MainWindow) -> None:
    if (circuit := window.workspace.state.circuit) is not None:
        layer = {name: circuit.graph.node(name).layer for name in circuit.node_names}
        layers = {layer[name] for name in _selected_members(window) if name in layer}
        _select_drawn(window, {name for name, of in layer.items() if of in layers})


@command("select-class", "The whole class", "Select", "Ctrl+Shift+K", condition="nodes")
def _class(window: MainWindow) -> None:
    chosen = _selected_members(window)
    alike = (set(nodes) for nodes in window.workspace.state.nodes_by_label.values() if chosen & set(nodes))
    _select_drawn(window, chosen.union(*alike))


@command("select-upstream", "Everything upstream", "Select", "U", condition="nodes")
def _upstream(window: MainWindow) -> None:
    if (wiring := _circuit_wiring(window)) is not None:
        _select_drawn(window, wiring.upstream(_selected_members(window)))


@command("select-downstream", "Everything downstream", "Select", "D", condition="nodes")
def _downstream(window: MainWindow) -> None:
    if (wiring := _circuit_wiring(window)) is not None:
        _select_drawn(window, wiring.downstream(_selected_members(window)))


@command("select-paths", "Every path between two nodes", "Select", "P", condition="pair")
def _paths(window: MainWindow) -> None:
    window.dock_manager.bring_to_front("paths")
    window.panels["paths"].highlight_all()  # type: ignore[attr-defined]


@command("select-pinned", "Nodes pinned in the file", "Select", condition="marked")
def _pinned(window: MainWindow) -> None:
    """What an attribution graph's viewer had pinned."""
    if (scores := window.workspace.state.scores) is not None:
        _select_drawn(window, set(pinned_nodes(scores.info)))


@command("unpin", "Unpin moved nodes", "View", "Shift+U", condition="pinned")
def _unpin(window: MainWindow) -> None:
    """Those that are selected, or all."""
    window.workspace.apply_command(
        unpin_nodes(window.workspace.selected_nodes & window.workspace.state.positions.keys())
    )


def _selected_members(window: MainWindow) -> set[str]:
    """What is selected, collapsed groups as their nodes."""
    boxes = outermost_collapsed(window.workspace.state.groups)
    return {node for name in window.workspace.selected_nodes for node in boxes.get(name, (name,))}


def _select_drawn(window: MainWindow, nodes: set[str]) -> None:
    """Select what is drawn of some nodes, a collapsed group where it holds one of them."""
    boxes = outermost_collapsed(window.workspace.state.groups)
    box = {node: name for name, members in boxes.items() for node in members}
    window.view.select({box.get(node, node) for node in nodes} & window.view.circuit_scene.by_name.keys())


def _circuit_wiring(window: MainWindow) -> Connectivity | None:
    state = window.workspace.state
    if state.circuit is None:
        return None
    return Connectivity.of_circuit(state.circuit, None if state.scores is None else state.scores.values)
