"""Menus fit the screen."""

from __future__ import annotations

from circuitviz.shell.main_window import MainWindow


def test_every_menu_fits_a_small_screen(window: MainWindow) -> None:
    for action in window.menuBar().actions():
        menu = action.menu()
        assert menu.sizeHint().height() < 700, f"{action.text()} would fold into columns on a laptop"
