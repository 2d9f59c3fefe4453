"""The canvas alone on the whole screen, and everything back as it was."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QByteArray, QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMainWindow, QToolBar, QVBoxLayout, QWidget

from circuitviz.shell.document_tabs import DocumentTabs
from circuitviz.shell.panel_places import PlacesView

TOP_EDGE_PX = 3


class TopEdge(QWidget):
    """A line at a window's upper edge, which opens over the canvas to the tabs while the pointer is there."""

    def __init__(self, window: QWidget, tabs: DocumentTabs) -> None:
        super().__init__(window)
        self._tabs = tabs
        self._column: QVBoxLayout | None = None  # where the tabs are else
        self.hide()

    def take_tabs(self) -> None:
        """Take the tabs out of the column above the canvas, and hide them."""
        parent = self._tabs.parentWidget()
        column = None if parent is None else parent.layout()
        assert isinstance(column, QVBoxLayout)
        self._column = column
        self._tabs.is_floating = True
        self._tabs.setParent(self)
        self._tabs.move(0, 0)
        self._set_open(False)
        self.show()
        self.raise_()

    def put_tabs_back(self) -> None:
        """Put the tabs back above the canvas."""
        assert self._column is not None
        self.hide()
        self._tabs.is_floating = False
        self._column.insertWidget(0, self._tabs)
        self._tabs.refresh()

    def event(self, event: QEvent) -> bool:
        """Open and close."""
        if event.type() is QEvent.Type.Enter:
            self._set_open(self._tabs.has_several)
        elif event.type() is QEvent.Type.Leave:
            self._set_open(False)
        return super().event(event)

    def _set_open(self, is_open: bool) -> None:
        width_px, height_px = self.screen().size().width(), self._tabs.sizeHint().height()
        self._tabs.resize(width_px, height_px)
        self._tabs.setVisible(is_open)
        self.resize(width_px, height_px if is_open else TOP_EDGE_PX)


class FullScreenCanvas(QObject):
    """Hides menus, tools, tabs and panels around the canvas; the status bar stays, with the jobs that run.

    The tabs come back over the canvas while the pointer is at the window's top edge. A panel that is asked
    for by a command ends it.

    Attributes:
        is_active: whether the canvas is alone.
        top_edge: Where the pointer brings the tabs back.
    """

    def __init__(
        self, window: QMainWindow, actions: Iterable[QAction], places: PlacesView, tabs: DocumentTabs
    ) -> None:
        """Work on a window.

        Args:
            window: whose canvas is shown alone.
            actions: of its menus; their shortcuts work while the menus are hidden.
            places: with the panels below the canvas.
            tabs: above the canvas.
        """
        super().__init__(window)
        self.is_active = False
        self._window, self._actions, self._places = window, list(actions), places
        self.top_edge = TopEdge(window, tabs)
        self._dock_state, self._window_state = QByteArray(), Qt.WindowState.WindowNoState
        self._hidden: list[QWidget] = []
        self._dock_widths: dict[QDockWidget, int] = {}  # of those in front; restoreState alone changes them

    def toggle(self) -> None:
        """Show the canvas alone, or everything again."""
        self.leave() if self.is_active else self.enter()

    def enter(self) -> None:
        """Show the canvas alone."""
        if self.is_active:
            return
        window, self.is_active = self._window, True
        self._dock_state, self._window_state = window.saveState(), window.windowState()
        window.addActions(self._actions)
        docks = self._side_docks()
        self._dock_widths = {dock: dock.width() for dock in docks if not dock.visibleRegion().isEmpty()}
        around = [*docks, self._places.stack, *self._strips()]
        self._hidden = [widget for widget in around if not widget.isHidden()]
        for widget in around:
            widget.hide()
            widget.installEventFilter(self)
        self.top_edge.take_tabs()
        window.setWindowState(self._window_state | Qt.WindowState.WindowFullScreen)

    def leave(self) -> None:
        """Show everything as it was before."""
        if not self.is_active:
            return
        window, self.is_active = self._window, False
        window.setWindowState(self._window_state)
        for widget in self._hidden:
            widget.show()
        self._hidden.clear()
        self.top_edge.put_tabs_back()
        self._restore_docks()  # which of several tabs is in front
        QTimer.singleShot(0, self, self._restore_docks)  # and all sizes, once the window has its own
        for action in self._actions:
            window.removeAction(action)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hide strips again that show themselves as jobs and documents change."""
        if self.is_active and event.type() is QEvent.Type.Show and isinstance(watched, QWidget):
            if watched in self._strips():
                QTimer.singleShot(0, self, self._hide_strips)
            else:
                QTimer.singleShot(0, self, self.leave)
        return super().eventFilter(watched, event)

    def _side_docks(self) -> list[QDockWidget]:
        docks, nowhere = self._window.findChildren(QDockWidget), Qt.DockWidgetArea.NoDockWidgetArea
        return [dock for dock in docks if self._window.dockWidgetArea(dock) is not nowhere]

    def _strips(self) -> list[QWidget]:
        bars = self._window.findChildren(QToolBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
        return [*bars, self._places.strip, self._window.menuBar()]

    def _hide_strips(self) -> None:
        if self.is_active:
            for widget in self._strips():
                widget.hide()

    def _restore_docks(self) -> None:
        if self.is_active:
            return
        self._window.restoreState(self._dock_state)
        docks, widths = list(self._dock_widths), list(self._dock_widths.values())
        self._window.resizeDocks(docks, widths, Qt.Orientation.Horizontal)
