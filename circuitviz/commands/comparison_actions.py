"""Comparing circuits."""

from __future__ import annotations

from circuitviz.commands.conditions import has_circuit
from circuitviz.commands.registry import command
from circuitviz.commands.services import PanelService
from circuitviz.workspace import Workspace


@command(
    "keep-circuit",
    text="Add this circuit to the comparison",
    group="measure",
    menu="Discovery",
    shortcut="Ctrl+K",
    enabled=has_circuit,
)
def add_to_comparison(workspace: Workspace) -> None:
    """Keep the circuit as it is now, to compare others with it."""
    workspace.post_message(f"Added to comparison: {workspace.comparison.add_open_circuit()}")


@command(
    "show-both",
    text="Show both circuits",
    menu="View",
    group="filters",
    shortcut="Ctrl+B",
    enabled=has_circuit,
)
def show_both(workspace: Workspace, docks: PanelService) -> None:
    """Draw the circuit and the one it is compared with on one canvas, or the circuit alone again."""
    docks.bring_to_front("compare")
    workspace.comparison.set_overlaid(not workspace.comparison.is_overlaid)
