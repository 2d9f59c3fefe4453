"""Where nodes stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("layout", "Next layout", "View", "Ctrl+L", needs="circuit")
def _layout(window: MainWindow) -> None:
    window.next_layout()


@action("layout-layered", "Lay out by layer", "View", "Alt+1", needs="circuit")
def _layered(window: MainWindow) -> None:
    window.choose_layout("layered")


@action("layout-tokens", "Lay out by layer and token", "View", "Alt+2", needs="circuit")
def _tokens(window: MainWindow) -> None:
    window.choose_layout("tokens")


@action("layout-grid", "Lay out by head number", "View", "Alt+3", needs="circuit")
def _grid(window: MainWindow) -> None:
    window.choose_layout("grid")
