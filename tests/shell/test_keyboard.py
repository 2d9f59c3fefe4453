"""Without a mouse: Tab reaches the canvas and every dock in sight, and each says what it is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QHeaderView,
    QLabel,
    QLineEdit,
    QScrollBar,
    QTabBar,
    QTextEdit,
    QWidget,
)

from circuitviz.shell.main_window import MainWindow


def home(widget: QWidget | None) -> str:
    while widget is not None and not isinstance(widget, QDockWidget):
        widget = widget.parentWidget()
    return "" if widget is None else widget.objectName().removeprefix("in place ")


def test_tab_goes_round_through_the_canvas_and_every_dock_in_sight(window: MainWindow) -> None:
    window.dock_manager.bring_to_front("discovery")
    window.dock_manager.bring_to_front("edges")
    window.view.setFocus()
    QApplication.processEvents()
    seen: list[str] = []
    back = False
    for _ in range(300):
        QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
        now = QApplication.focusWidget()
        seen.append(home(now))
        if now is window.view:
            back = True
            break
    assert back, seen
    reachable = {
        name
        for name, dock in window.docks.items()
        if not dock.visibleRegion().isEmpty()
        and any(
            w.focusPolicy() & Qt.FocusPolicy.TabFocus and w.isVisible() and w.isEnabled()
            for w in dock.widget().findChildren(QWidget)
        )
    }
    assert reachable <= set(seen)
    assert {"discovery", "inspector", "edges"} <= set(seen)


def test_canvas_and_docks_have_names(window: MainWindow) -> None:
    assert window.view.accessibleName()
    for name, dock in window.docks.items():
        assert dock.accessibleName() and window.panels[name].accessibleName() == dock.accessibleName()


def test_every_field_and_button_says_what_it_is(window: MainWindow) -> None:
    """By a name of its own, by the words on it, or by the label that it is the buddy of."""
    for name in window.docks:
        window.dock_manager.bring_to_front(name)
    window.file_controller.show_export_dialog()
    QApplication.processEvents()  # buttons of a line that waits for its occasion are not hidden one by one
    roots: list[QWidget] = [window, window.file_controller.export_dialog]
    for name in ("settings", "shortcuts", "about"):
        window.menus.actions[name].trigger()
        roots.append(window.findChild(QDialog, "only dialog"))
    silent = {
        f"{type(w.parent()).__name__}: {w!r}" for root in roots for w in fields(root) if not told(w, root)
    }
    window.file_controller.export_dialog.close()
    roots[-1].close()
    assert not silent, "\n".join(sorted(silent))


FIELDS = (
    QAbstractButton,
    QComboBox,
    QLineEdit,
    QAbstractSpinBox,
    QAbstractSlider,
    QTextEdit,
    QAbstractItemView,
)
OF_QT = (QComboBox, QAbstractSpinBox, QLineEdit, QTabBar, QAbstractScrollArea)  # make fields of their own


def fields(root: QWidget) -> list[QWidget]:
    """What can be used, without what Qt puts into its own widgets, and what is hidden until it has words."""
    every = (
        w for w in root.findChildren(QWidget) if isinstance(w, FIELDS) and not isinstance(w, QHeaderView)
    )
    ours = (w for w in every if not w.objectName().startswith("qt_") and not isinstance(w.parent(), OF_QT))
    popups = (w for w in ours if "Private" not in w.parent().metaObject().className())
    return [w for w in popups if not (isinstance(w, QScrollBar) or (w.isHidden() and not w.isWindow()))]


def told(widget: QWidget, root: QWidget) -> bool:
    words = widget.text() if isinstance(widget, QAbstractButton) else ""
    labels = (label for label in root.findChildren(QLabel) if label.buddy() is widget)
    return bool(widget.accessibleName()) or any(map(str.isalpha, words)) or any(labels)


def test_walking_says_where_one_is_and_stays_in_sight(window: MainWindow) -> None:
    view = window.view
    view.setFocus()
    view.zoom_by(5.0)
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.accessibleDescription().startswith("logits selected")
    for _ in range(4):
        QTest.keyClick(view, Qt.Key.Key_Down)
        (name,) = view.selected_nodes
        assert view.viewport().rect().contains(view.viewport_position(name))
        assert view.accessibleDescription().startswith(f"{name} selected")
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert view.accessibleDescription() == "Nothing is selected"
