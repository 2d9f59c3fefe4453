"""What a newcomer looks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("shortcuts", "Shortcuts", "Help", "F1")
def _shortcuts(window: MainWindow) -> None:
    window.show_shortcuts()


@action("about", "About circuitviz", "Help")
def _about(window: MainWindow) -> None:
    window.show_about()
