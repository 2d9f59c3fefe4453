"""The wheel changes no field without the focus; and no event of another widget runs any of our code."""

from __future__ import annotations

import sys
from types import FrameType

from opening import LONG
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF
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
    window.dialogs.show_settings()
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


def test_no_event_of_a_foreign_widget_runs_code_of_ours(window: MainWindow) -> None:
    """A filter over the whole application would be handed objects that are being destroyed."""
    foreign, called = QWidget(), []

    def record(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and "circuitviz" in frame.f_code.co_filename:
            called.append(frame.f_code.co_qualname)

    sys.setprofile(record)
    for kind in (QEvent.Type.User, QEvent.Type.Polish, QEvent.Type.ParentChange):
        QCoreApplication.sendEvent(foreign, QEvent(kind))
    sys.setprofile(None)
    assert window.isVisible() and not called
