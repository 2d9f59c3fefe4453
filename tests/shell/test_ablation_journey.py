"""Ablation from the canvas: what if, by a key, and what would change nothing."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.shell.main_window import MainWindow


def test_what_if_is_asked_without_doing_it(opened: MainWindow, qtbot: QtBot) -> None:
    window, meter = opened, opened.panels["meter"]
    before = window.workspace.document.state
    window.view.select({"a2.h6"})
    _key(window, QEvent.Type.KeyPress)
    assert meter.what_if_label.isVisible() and meter.what_if_label.text().startswith("without a2.h6: ≈ ")
    guess = float(meter.what_if_label.text().rpartition("≈ ")[2].replace("−", "-"))
    _key(window, QEvent.Type.KeyRelease)
    assert not meter.what_if_label.isVisible() and window.workspace.document.state is before

    # first order, by hand: the scores of its edges taken from the metric
    row = before.circuit.graph.sender_index["a2.h6"]
    lost = before.scores.values[row][before.circuit.edges[row]].sum()
    metric = window.workspace.document.evaluation["metric"]
    moved = (metric["circuit"] - lost - metric["ablated"]) / (metric["model"] - metric["ablated"])
    assert guess == pytest.approx(moved, abs=6e-4)


def _key(window: MainWindow, kind: QEvent.Type) -> None:
    event = QKeyEvent(kind, Qt.Key.Key_W, Qt.KeyboardModifier.NoModifier, "w")
    QApplication.sendEvent(window.view, event)


def test_what_would_change_nothing_is_told(opened: MainWindow, qtbot: QtBot) -> None:
    window, meter = opened, opened.panels["meter"]
    said: list[str] = []
    window.workspace.message_posted.connect(said.append)
    before = window.workspace.document.state
    window.view.select({"logits"})
    window.menus.actions["ablate"].trigger()
    assert said and "logits" in said[-1] and window.workspace.document.state is before
    window.workspace.live_faithfulness.show_what_if(frozenset({"logits"}))
    assert meter.what_if_label.text() == "without logits: no estimate"
    window.workspace.live_faithfulness.show_what_if(frozenset())

    window.dock_manager.bring_to_front("ablation")
    form = window.panels["ablation"].ablation_form
    for node, place, word in (("input", "", "embedding"), ("a2.h6", "99", "outside every prompt")):
        window.view.select({node})
        form.value_box.setCurrentText("zero")
        form.positions_field.setText(place)
        qtbot.mouseClick(form.apply_button, Qt.MouseButton.LeftButton)
        assert (
            window.dialogs.failure_dialog is not None
            and word in window.dialogs.failure_dialog.text() + window.dialogs.failure_dialog.informativeText()
        )
        window.dialogs.failure_dialog.close()
        assert window.workspace.document.state is before

    # a label is written where it is seen
    window.docks["inspector"].hide()
    window.menus.actions["label"].trigger()
    assert window.docks["inspector"].isVisible() and window.panels["inspector"].label_field.hasFocus()
