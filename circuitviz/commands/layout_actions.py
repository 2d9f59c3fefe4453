"""Layouts of the nodes."""

from __future__ import annotations

from circuitviz.commands.conditions import has_circuit
from circuitviz.commands.registry import command
from circuitviz.commands.services import LayoutService


@command("layout", text="Next layout", menu="View", shortcut="Ctrl+L", enabled=has_circuit)
def next_layout(layout: LayoutService) -> None:
    """Use the next layout that differs for this circuit."""
    layout.switch_to_next_layout()


@command("layout-layered", text="Lay out by layer", menu="View", shortcut="Alt+1", enabled=has_circuit)
def layered_layout(layout: LayoutService) -> None:
    """Order the nodes of each layer so that few edges cross."""
    layout.choose_layout("layered")


@command(
    "layout-tokens", text="Lay out by layer and token", menu="View", shortcut="Alt+2", enabled=has_circuit
)
def token_layout(layout: LayoutService) -> None:
    """Put each node into the column of its token position."""
    layout.choose_layout("tokens")


@command("layout-grid", text="Lay out by head number", menu="View", shortcut="Alt+3", enabled=has_circuit)
def grid_layout(layout: LayoutService) -> None:
    """Put each head into the column of its number."""
    layout.choose_layout("grid")


@command(
    "orientation", text="Layers from left to right, or upwards", menu="View", shortcut="Alt+0",
    enabled=has_circuit,
)  # fmt: skip
def toggle_orientation(layout: LayoutService) -> None:
    """Let layers go from left to right instead of upwards, and back, in every layout."""
    layout.toggle_orientation()
