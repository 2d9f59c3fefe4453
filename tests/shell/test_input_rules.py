"""The wheel changes no field without the focus, and Escape closes what is on top."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from circuitviz.panels.widgets.font_scaling import DockScrollArea
from circuitviz.shell.main_window import MainWindow

LONG = 20_000
TAB = Qt.FocusPolicy.TabFocus


def turn_wheel(widget: QWidget, notches: int = -1) -> None:
    """Turn the wheel over what can be seen of a widget, as the platform reports it."""
    window = widget.window()
    at = widget.mapTo(window, widget.visibleRegion().boundingRect().center())
    QTest.wheelEvent(window.windowHandle(), QPointF(at), QPoint(0, 120 * notches))


def value(field: QWidget) -> object:
    return field.currentIndex() if isinstance(field, QComboBox) else field.value()


def fields(root: QWidget) -> list[QWidget]:
    kinds = (QAbstractSpinBox, QComboBox, QAbstractSlider)
    found = [w for w in root.findChildren(QWidget) if isinstance(w, kinds) and not isinstance(w, QScrollBar)]
    return [w for w in found if not w.visibleRegion().isEmpty() and w.isEnabled()]


def test_the_wheel_changes_no_field_without_the_focus(window: MainWindow) -> None:
    n_fields = 0
    for name in window.docks:
        window.dock_manager.bring_to_front(name)
        QApplication.processEvents()
        window.view.setFocus()
        for field in fields(window.panels[name]):
            before = value(field)
            for notches in (-1, 1, 1):
                turn_wheel(field, notches)
            assert value(field) == before, f"{name}: {field.accessibleName()}"
            assert window.view.hasFocus(), (
                f"{name}: {field.accessibleName()}; focus: {QApplication.focusWidget()}"
            )
            n_fields += 1
    assert n_fields > 15
    window.show_settings()
    dialog = window.findChild(QDialog, "only dialog")
    field = dialog.threads_field
    dialog.setFocus()
    turn_wheel(field, 1)
    assert field.value() == 0
    dialog.close()


def test_the_wheel_changes_a_field_with_the_focus(window: MainWindow, qtbot: QtBot) -> None:
    window.dock_manager.bring_to_front("filters")
    field = window.panels["filters"].findChild(QDoubleSpinBox)
    field.setFocus()
    qtbot.waitUntil(field.hasFocus, timeout=LONG)
    before = field.value()
    turn_wheel(field, 1)
    assert field.value() > before


def test_the_wheel_over_a_field_scrolls_its_panel(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1000, 620)
    window.dock_manager.bring_to_front("filters")
    dock = window.docks["filters"]
    (scroll,) = dock.findChildren(DockScrollArea)
    panel = window.panels["filters"]
    panel.setMinimumHeight(900)
    qtbot.waitUntil(lambda: scroll.verticalScrollBar().maximum() > 0, timeout=LONG)
    window.view.setFocus()
    scroll.ensureWidgetVisible(panel.first_layer_field)
    scroll.verticalScrollBar().setValue(max(0, scroll.verticalScrollBar().value() - 20))
    before = scroll.verticalScrollBar().value()
    turn_wheel(panel.first_layer_field)
    assert scroll.verticalScrollBar().value() > before


def test_escape_closes_one_layer_after_another(window: MainWindow, qtbot: QtBot) -> None:
    places, node = window.dock_manager.places_view, window.workspace.state.circuit.node_names[0]
    window.dock_manager.bring_to_front("edges")
    window.workspace.select_nodes({node})
    window.find_bar.open_card()
    window.open_palette()
    qtbot.keyClick(window.command_palette.query_field, Qt.Key.Key_Escape)
    assert not window.command_palette.isVisible() and window.find_bar.isVisible()
    window.view.setFocus()
    qtbot.keyClick(window.view, Qt.Key.Key_Escape)
    assert not window.find_bar.isVisible() and window.workspace.selected_nodes == {node}
    qtbot.keyClick(window.view, Qt.Key.Key_Escape)
    assert not window.workspace.selected_nodes and places.open_place == "circuit"
    qtbot.keyClick(window.view, Qt.Key.Key_Escape)
    assert places.open_place == ""


@pytest.mark.parametrize("name", ["filters", "paths", "labels"])
def test_escape_in_a_panel_closes_its_place(window: MainWindow, qtbot: QtBot, name: str) -> None:
    window.dock_manager.bring_to_front(name)
    QApplication.processEvents()
    panel = window.panels[name]
    field = next(
        w for w in panel.findChildren(QWidget) if w.focusPolicy() & TAB and w.isVisible() and w.isEnabled()
    )
    field.setFocus()
    qtbot.waitUntil(lambda: panel.isAncestorOf(QApplication.focusWidget()), timeout=LONG)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    assert window.dock_manager.places_view.open_place == ""
    assert window.view.hasFocus()


def test_escape_in_a_typed_label_discards_it_and_closes_nothing(window: MainWindow, qtbot: QtBot) -> None:
    window.dock_manager.bring_to_front("edges")
    window.workspace.select_nodes({window.workspace.state.circuit.node_names[1]})
    field = window.panels["inspector"].label_field
    field.setFocus()
    qtbot.keyClicks(field, "mover")
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "" and window.dock_manager.places_view.open_place == "circuit"
