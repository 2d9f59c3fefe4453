"""What a newcomer looks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("palette", "Find a command…", "Help", "Ctrl+Shift+P")
def _palette(window: MainWindow) -> None:
    window.command_palette.open_palette()


@command("shortcuts", "Shortcuts", "Help", "F1")
def _shortcuts(window: MainWindow) -> None:
    from circuitviz.shell.shortcut_sheet import ShortcutSheet

    window.show_only_dialog(ShortcutSheet(window))


@command("tour", "Tour", "Help", condition="circuit")
def _tour(window: MainWindow) -> None:
    window.tour.start_tour()


@command("about", "About circuitviz", "Help")
def _about(window: MainWindow) -> None:
    from circuitviz.shell.about_dialog import AboutDialog

    window.show_only_dialog(AboutDialog(window))
