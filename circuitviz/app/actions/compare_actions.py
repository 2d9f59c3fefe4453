"""Holding circuits against one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("keep-circuit", "Keep this circuit to compare", "Discovery", "Ctrl+K", needs="circuit")
def _keep(window: MainWindow) -> None:
    window.desk.say(f"Kept to compare with: {window.desk.beside.keep()}")


@action("show-both", "Show both circuits", "View", "Ctrl+B", needs="circuit")
def _show_both(window: MainWindow) -> None:
    window.places.bring("compare")
    window.desk.beside.show_both(not window.desk.beside.overlaid)
