"""Going from one open circuit to another."""

from __future__ import annotations

from circuitviz.commands.registry import command
from circuitviz.commands.services import TabService
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
