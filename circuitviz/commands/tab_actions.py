"""Going from one open circuit to another, and having several on the screen."""

from __future__ import annotations

from circuitviz.commands.conditions import has_circuit
from circuitviz.commands.registry import command
from circuitviz.commands.services import PaneService, TabService
from circuitviz.workspace import Workspace


def has_several_tabs(workspace: Workspace) -> str:
    """There is another tab to go to."""
    return "" if len(workspace.tabs.tabs) > 1 else "There is one tab."


@command(
    "next-tab", text="Next tab", menu="View", group="window", shortcut="Ctrl+Tab", enabled=has_several_tabs
)
def show_next_tab(tabs: TabService) -> None:
    """Go to the tab at the right; from the last one to the first."""
    tabs.show_next_tab(1)


@command(
    "previous-tab",
    text="Previous tab",
    menu="View",
    group="window",
    shortcut="Ctrl+Shift+Tab",
    enabled=has_several_tabs,
)
def show_previous_tab(tabs: TabService) -> None:
    """Go to the tab at the left; from the first one to the last."""
    tabs.show_next_tab(-1)


@command(
    "side-by-side",
    text="Two circuits side by side",
    menu="View",
    group="window",
    shortcut="Ctrl+\\",
    enabled=has_several_tabs,
)
def toggle_side_by_side(panes: PaneService) -> None:
    """Show this circuit beside the one that was in front before it; again: alone."""
    panes.toggle_side_by_side()


@command(
    "own-window",
    text="Circuit in a window of its own",
    menu="View",
    group="window",
    shortcut="Ctrl+Alt+W",
    enabled=has_circuit,
)
def toggle_window(panes: PaneService) -> None:
    """Show this circuit in a window of its own; again: back in the main window."""
    panes.toggle_window()


@command(
    "next-pane", text="Next circuit on the screen", menu="View", group="window", shortcut="F6",
    enabled=has_several_tabs,
)  # fmt: skip
def show_next_pane(panes: PaneService) -> None:
    """Go to the other of two circuits side by side, or to the next window."""
    panes.show_next_pane()
