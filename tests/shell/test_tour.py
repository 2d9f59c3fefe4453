"""The first-run tour: five steps beside what they speak of, offered once, skipped at will."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, QRect, Qt
from pytestqt.qtbot import QtBot
from screenshots import SHOTS, shoot

from circuitviz.document import Document, State
from circuitviz.graph import Circuit, Graph, ModelShape
from circuitviz.shell.main_window import MainWindow
from circuitviz.shell.tour import TOUR_STEPS


def document() -> Document:
    return Document(State(circuit=Circuit.full(Graph.transformer(ModelShape(2, 4, 16)))))


def test_the_tour_begins_by_itself_once(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    tour = window.tour
    tour.start_on_first_circuit()
    assert not tour.card.isVisible()
    window.workspace.set_document(document())
    assert tour.card.isVisible() and len(TOUR_STEPS) == 5
    for at, step in enumerate(TOUR_STEPS):
        assert tour.card.title_label.text() == step.title and f"{at + 1} of 5" in tour.card.step_label.text()
        qtbot.wait(1)
        target = step.target(window)
        around = QRect(target.mapTo(window, QPoint(0, 0)), target.size())
        assert window.rect().contains(tour.card.geometry()), step.title
        assert around.adjusted(-2, -2, 2, 2).contains(tour.frame.geometry())
        if target is not window.view:  # the canvas leaves no room beside it
            assert not around.intersects(tour.card.geometry()), step.title
        if SHOTS:
            window.grab().save(str(Path(SHOTS) / f"tour-{at + 1}.png"))
        qtbot.mouseClick(tour.card.next_button, Qt.MouseButton.LeftButton)
    assert not tour.card.isVisible() and not tour.frame.isVisible()
    assert window.settings.is_tour_done
    shoot(window, "after-the-tour")

    # it does not come again, unless it is asked for; Escape skips the rest
    again: MainWindow = open_window()
    again.tour.start_on_first_circuit()
    again.workspace.set_document(document())
    assert not again.tour.card.isVisible()
    again.menus.actions["tour"].trigger()
    assert again.tour.card.isVisible()
    qtbot.keyClick(again.tour.card, Qt.Key.Key_Escape)
    assert not again.tour.card.isVisible()


def test_the_tour_blocks_nothing(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    window.workspace.set_document(document())
    qtbot.waitUntil(lambda: not window.canvas_updater.is_pending)
    window.tour.start_tour()
    node = next(iter(window.view.circuit_scene.by_name))
    window.view.select({node})
    assert window.workspace.selected_nodes == {node} and window.tour.card.isVisible()
    window.resize(1000, 700)
    qtbot.wait(20)
    assert window.rect().contains(window.tour.card.geometry())
    qtbot.mouseClick(window.tour.card.skip_button, Qt.MouseButton.LeftButton)
    assert not window.tour.card.isVisible()
