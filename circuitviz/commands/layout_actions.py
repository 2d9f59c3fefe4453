"""Where nodes stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("layout", "Next layout", "View", "Ctrl+L", condition="circuit")
def _layout(window: MainWindow) -> None:
    window.switch_to_next_layout()


@command("layout-layered", "Lay out by layer", "View", "Alt+1", condition="circuit")
def _layered(window: MainWindow) -> None:
    window.choose_layout("layered")


@command("layout-tokens", "Lay out by layer and token", "View", "Alt+2", condition="circuit")
def _tokens(window: MainWindow) -> None:
    window.choose_layout("tokens")


@command("layout-grid", "Lay out by head number", "View", "Alt+3", condition="circuit")
def _grid(window: MainWindow) -> None:
    window.choose_layout("grid")
