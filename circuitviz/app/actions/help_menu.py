"""What a newcomer looks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("palette", "Find a command…", "Help", "Ctrl+Shift+P")
def _palette(window: MainWindow) -> None:
    window.palette_.open()


@action("shortcuts", "Shortcuts", "Help", "F1")
def _shortcuts(window: MainWindow) -> None:
    from circuitviz.app.shortcuts import ShortcutSheet

    window.show_dialog(ShortcutSheet(window))


@action("tour", "Tour", "Help", needs="circuit")
def _tour(window: MainWindow) -> None:
    window.tour.begin()


@action("about", "About circuitviz", "Help")
def _about(window: MainWindow) -> None:
    from circuitviz.app.about import AboutDialog

    window.show_dialog(AboutDialog(window))
