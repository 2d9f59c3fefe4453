"""Layouts of the nodes, and what is written on them."""

from __future__ import annotations

from circuitviz.commands.conditions import has_circuit
from circuitviz.commands.registry import command
from circuitviz.commands.services import LayoutService, NodeNameService


@command("layout", text="Next layout", menu="View", group="layout", shortcut="Ctrl+L", enabled=has_circuit)
def next_layout(layout: LayoutService) -> None:
    """Use the next layout that differs for this circuit."""
    layout.switch_to_next_layout()


@command(
    "layout-layered",
    text="Lay out by layer",
    menu="View",
    group="layout",
    shortcut="Alt+1",
    enabled=has_circuit,
)
def layered_layout(layout: LayoutService) -> None:
    """Order the nodes of each layer so that few edges cross."""
    layout.choose_layout("layered")


@command(
    "layout-tokens",
    text="Lay out by layer and token",
    menu="View",
    group="layout",
    shortcut="Alt+2",
    enabled=has_circuit,
)
def token_layout(layout: LayoutService) -> None:
    """Put each node into the column of its token position."""
    layout.choose_layout("tokens")


@command(
    "layout-grid",
    text="Lay out by head number",
    menu="View",
    group="layout",
    shortcut="Alt+3",
    enabled=has_circuit,
)
def grid_layout(layout: LayoutService) -> None:
    """Put each head into the column of its number."""
    layout.choose_layout("grid")


@command(
    "orientation", text="Layers from left to right, or upwards", menu="View", group="layout",
    shortcut="Alt+0",
    enabled=has_circuit,
)  # fmt: skip
def toggle_orientation(layout: LayoutService) -> None:
    """Let layers go from left to right instead of upwards, and back, in every layout."""
    layout.toggle_orientation()


@command("names-name", text="Name nodes by name", menu="View", group="names", enabled=has_circuit)
def name_nodes_by_name(names: NodeNameService) -> None:
    """Write each node's name, and its label below."""
    names.choose_naming("name")


@command("names-label", text="Name nodes by label", menu="View", group="names", enabled=has_circuit)
def name_nodes_by_label(names: NodeNameService) -> None:
    """Write each node's label instead of its name, where it has one."""
    names.choose_naming("label")


@command("names-class", text="Name nodes by class", menu="View", group="names", enabled=has_circuit)
def name_nodes_by_class(names: NodeNameService) -> None:
    """Write the class or the group of each node instead of its name, where it has one."""
    names.choose_naming("class")


@command("names-token", text="Name nodes by promoted token", menu="View", group="names", enabled=has_circuit)
def name_nodes_by_token(names: NodeNameService) -> None:
    """Write the token whose logit each node raises most on the prompt instead of its name."""
    names.choose_naming("token")
