"""Selecting what belongs together: layers, classes, everything that feeds a node, every path between two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action
from circuitviz.graph.wiring import Wiring
from circuitviz.session.groups import boxes_of
from circuitviz.session.pinning import unpin_nodes
from circuitviz.session.words import pinned_of

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("select-all", "All nodes", "Select", "Ctrl+A", needs="circuit")
def _select_all(window: MainWindow) -> None:
    window.view.select(set(window.view.picture.by_name))


@action("select-invert", "Invert", "Select", "Ctrl+I", needs="circuit")
def _invert(window: MainWindow) -> None:
    window.view.select(set(window.view.picture.by_name) - window.view.nodes)


@action("select-layer", "The whole layer", "Select", "Ctrl+Shift+L", needs="nodes")
def _layer(window: MainWindow) -> None:
    if (circuit := window.desk.state.circuit) is not None:
        layer = {name: circuit.graph.node(name).layer for name in circuit.node_names}
        layers = {layer[name] for name in _nodes(window) if name in layer}
        _show(window, {name for name, of in layer.items() if of in layers})


@action("select-class", "The whole class", "Select", "Ctrl+Shift+K", needs="nodes")
def _class(window: MainWindow) -> None:
    chosen = _nodes(window)
    alike = (set(nodes) for nodes in window.desk.state.classes.values() if chosen & set(nodes))
    _show(window, chosen.union(*alike))


@action("select-upstream", "Everything upstream", "Select", "U", needs="nodes")
def _upstream(window: MainWindow) -> None:
    if (wiring := _wiring(window)) is not None:
        _show(window, wiring.upstream(_nodes(window)))


@action("select-downstream", "Everything downstream", "Select", "D", needs="nodes")
def _downstream(window: MainWindow) -> None:
    if (wiring := _wiring(window)) is not None:
        _show(window, wiring.downstream(_nodes(window)))


@action("select-paths", "Every path between two nodes", "Select", "P", needs="pair")
def _paths(window: MainWindow) -> None:
    window.places.bring("paths")
    window.panels["paths"].highlight()  # type: ignore[attr-defined]


@action("select-pinned", "Nodes pinned in the file", "Select", needs="marked")
def _pinned(window: MainWindow) -> None:
    """What an attribution graph's viewer had pinned."""
    if (scores := window.desk.state.scores) is not None:
        _show(window, set(pinned_of(scores.info)))


@action("unpin", "Unpin moved nodes", "View", "Shift+U", needs="pinned")
def _unpin(window: MainWindow) -> None:
    """Those that are selected, or all."""
    window.desk.do(unpin_nodes(window.desk.nodes & window.desk.state.positions.keys()))


def _nodes(window: MainWindow) -> set[str]:
    """What is selected, collapsed groups as their nodes."""
    boxes = boxes_of(window.desk.state.groups)
    return {node for name in window.desk.nodes for node in boxes.get(name, (name,))}


def _show(window: MainWindow, nodes: set[str]) -> None:
    """Select what is drawn of some nodes, a collapsed group where it holds one of them."""
    boxes = boxes_of(window.desk.state.groups)
    box = {node: name for name, members in boxes.items() for node in members}
    window.view.select({box.get(node, node) for node in nodes} & window.view.picture.by_name.keys())


def _wiring(window: MainWindow) -> Wiring | None:
    state = window.desk.state
    if state.circuit is None:
        return None
    return Wiring.of(state.circuit, None if state.scores is None else state.scores.values)
