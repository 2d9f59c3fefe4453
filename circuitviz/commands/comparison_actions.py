"""Holding circuits against one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("keep-circuit", "Keep this circuit to compare", "Discovery", "Ctrl+K", condition="circuit")
def _keep(window: MainWindow) -> None:
    window.workspace.post_message(f"Kept to compare with: {window.workspace.comparison.add_open_circuit()}")


@command("show-both", "Show both circuits", "View", "Ctrl+B", condition="circuit")
def _show_both(window: MainWindow) -> None:
    window.dock_manager.bring_to_front("compare")
    window.workspace.comparison.set_overlaid(not window.workspace.comparison.is_overlaid)
