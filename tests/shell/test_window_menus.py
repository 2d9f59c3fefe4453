"""Menus fit the screen."""

from __future__ import annotations

import pytest

from circuitviz.document import Document, State
from circuitviz.graph import Circuit, Graph, ModelShape
from circuitviz.shell.main_window import MainWindow


def document() -> Document:
    return Document(State(circuit=Circuit.full(Graph.transformer(ModelShape(2, 4, 16)))))


@pytest.fixture
def window(open_window) -> MainWindow:
    made: MainWindow = open_window()
    made.workspace.set_document(document())
    return made


def test_every_menu_fits_a_small_screen(window: MainWindow) -> None:
    for action in window.menuBar().actions():
        menu = action.menu()
        assert menu.sizeHint().height() < 700, f"{action.text()} would fold into columns on a laptop"
