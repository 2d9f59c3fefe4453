"""The tabs of the open circuits, above the canvas."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QTabBar, QToolButton, QWidget

from circuitviz.shell.canvas_panes import CanvasPanes
from circuitviz.shell.tab_title import tab_title, tab_tool_tip
from circuitviz.workspace import Workspace
from circuitviz.workspace.plain_text import escape_mnemonics
from circuitviz.workspace.tabs import DocumentTab

MIN_TAB_WIDTH_CHARS = 20  # of a tab whose name is longer, with its button
DRAG_OUT_PX = 24  # above or below the bar, from where on a tab is dragged out of it


class DocumentTabBar(QTabBar):
    """A tab bar whose tabs are closed by the middle button, too, and can be dragged out of it."""

    close_requested = Signal(int)
    menu_requested = Signal(int, QPoint)  # a tab, or -1, and a place on the screen
    current_pressed = Signal(int)  # a press on the current tab, which need not be in front
    dragged_out = Signal(QPoint)  # where on the screen the current tab is dragged, outside of the bar
    drag_returned = Signal()  # it is inside again
    dropped_out = Signal(int, QPoint)  # a tab, and where on the screen it was dropped; Escape cancels

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("documents")
        self._dragged_key: object = None  # of the tab that is dragged outside of the bar
        self._is_drag_cancelled, self._pressed_index = False, -1
        self.setMovable(True)
        self.setTabsClosable(True)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setDocumentMode(True)
        self.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.setAccessibleName("Open circuits")
        self.tabCloseRequested.connect(self.close_requested)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(
            lambda place: self.menu_requested.emit(self.tabAt(place), self.mapToGlobal(place))
        )

    def minimumTabSizeHint(self, index: int) -> QSize:
        """Short names stay whole and long ones readable; where there is no room for that, the tabs scroll."""
        hint = self.tabSizeHint(index)
        least_px = MIN_TAB_WIDTH_CHARS * self.fontMetrics().horizontalAdvance("0")
        return QSize(min(hint.width(), least_px), hint.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell of a press on the current tab, too."""
        super().mousePressEvent(event)
        self._pressed_index = index = self.tabAt(event.position().toPoint())
        if event.button() is Qt.MouseButton.LeftButton and index >= 0 and index == self.currentIndex():
            self.current_pressed.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag a tab: within the bar to another place, above or below it out of it."""
        is_pressed = bool(event.buttons() & Qt.MouseButton.LeftButton)
        is_inside = -DRAG_OUT_PX <= event.position().y() <= self.height() + DRAG_OUT_PX
        if self._is_drag_cancelled:
            return
        if is_pressed and not is_inside and self._pressed_index >= 0:
            if self._dragged_key is None:
                self._dragged_key = self.tabData(self.currentIndex())
                self.grabKeyboard()  # for Escape
            self.dragged_out.emit(event.globalPosition().toPoint())
            return
        self._end_drag()
        super().mouseMoveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape cancels dragging a tab out."""
        if event.key() == Qt.Key.Key_Escape and self._dragged_key is not None:
            self._is_drag_cancelled = True
            self.drag_returned.emit()
        else:
            super().keyPressEvent(event)

    def cancel_drag_of_closed_tab(self) -> None:
        """Cancel dragging a tab out that was closed meanwhile."""
        if self._dragged_key is not None and self._index_of(self._dragged_key) < 0:
            self._is_drag_cancelled = True
            self.drag_returned.emit()

    def _index_of(self, key: object) -> int:
        return next((index for index in range(self.count()) if self.tabData(index) == key), -1)

    def _end_drag(self) -> None:
        if self._dragged_key is not None:
            self._dragged_key = None
            self.releaseKeyboard()
            self.drag_returned.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Close a tab with the middle button; drop one that was dragged out."""
        if event.button() is Qt.MouseButton.MiddleButton:
            if (index := self.tabAt(event.position().toPoint())) >= 0:
                self.close_requested.emit(index)
            return
        super().mouseReleaseEvent(event)
        key, was_cancelled, self._is_drag_cancelled = self._dragged_key, self._is_drag_cancelled, False
        self._end_drag()
        if key is not None and (index := self._index_of(key)) >= 0:
            self.moveTab(index, self._pressed_index)  # on the way out it passed others
            if not was_cancelled:
                self.dropped_out.emit(self._index_of(key), event.globalPosition().toPoint())


class DocumentTabs(QWidget):
    """Shows the tab list of the workspace, and changes it as the person says.

    It is hidden while there is one tab: its name is in the window's title.

    Attributes:
        is_floating: Whether it is shown only where it is asked for, over the canvas.
    """

    def __init__(
        self, workspace: Workspace, panes: CanvasPanes, close_tab: Callable[[DocumentTab], None]
    ) -> None:
        """Show the tabs of a workspace.

        Args:
            workspace: Whose tabs they are.
            panes: Know which of them are on the screen, and which have a window of their own.
            close_tab: Closes a tab, and asks before unsaved work is lost.
        """
        super().__init__()
        self.is_floating = False
        self.setAutoFillBackground(True)
        self._workspace, self._panes, self._close_tab = workspace, panes, close_tab
        self._tabs: list[DocumentTab] = []  # as the bar has them
        self.bar = DocumentTabBar()
        self.new_button = QToolButton(
            text="+", toolTip="New tab  (Ctrl+T)", accessibleName="New tab", autoRaise=True
        )
        self.menu = QMenu(self)
        row = QHBoxLayout(self, spacing=2)
        row.setContentsMargins(4, 0, 4, 0)
        row.addWidget(self.bar)
        row.addWidget(self.new_button)
        row.addStretch(1)
        self.bar.currentChanged.connect(self._show_index)
        self.bar.tabMoved.connect(self._on_moved)
        self.bar.close_requested.connect(lambda index: self._close_tab(self._tabs[index]))
        self.bar.menu_requested.connect(self._show_menu)
        self.new_button.clicked.connect(self.open_tab)
        self.bar.current_pressed.connect(self._show_index)
        self.bar.dragged_out.connect(panes.show_drop)
        self.bar.drag_returned.connect(panes.hide_drop)
        self.bar.dropped_out.connect(self._drop_tab)
        panes.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the tabs as they are."""
        bar, tabs = self.bar, self._workspace.tabs
        was_blocked = bar.blockSignals(True)
        for index in [i for i, tab in enumerate(self._tabs) if tab not in tabs.tabs][::-1]:
            bar.removeTab(index)
            del self._tabs[index]
        for index, tab in enumerate(tabs.tabs):
            if tab not in self._tabs:
                bar.insertTab(index, "")
                bar.setTabData(index, tab.number)
                self._tabs.insert(index, tab)
            elif (place := self._tabs.index(tab)) != index:
                bar.moveTab(place, index)
                self._tabs.insert(index, self._tabs.pop(place))
        for index, (tab, name) in enumerate(zip(tabs.tabs, tabs.display_names(), strict=True)):
            text = escape_mnemonics(tab_title(tab, name))
            if bar.tabText(index) != text:
                bar.setTabText(index, text)
            bar.setTabToolTip(index, tab_tool_tip(tab))
            is_here = not self._panes.is_in_window(tab)
            if bar.isTabVisible(index) != is_here:  # Qt lays the bar out by its old size on each call
                bar.setTabVisible(index, is_here)
        bar.setCurrentIndex(self._tabs.index(self._panes.main_pane.tab))
        bar.blockSignals(was_blocked)
        bar.cancel_drag_of_closed_tab()
        self.setVisible(self.has_several and (not self.is_floating or self.isVisible()))

    @property
    def has_several(self) -> bool:
        """Whether there is another tab to go to here."""
        return len(self._workspace.tabs.tabs) - len(self._panes.windows) > 1

    # what commands do

    def open_tab(self) -> None:
        """Bring an empty tab to the front, with the start page."""
        self._workspace.tab_controller.open_empty()

    def close_tab(self) -> None:
        """Close the tab in front."""
        self._close_tab(self._workspace.tabs.front)

    def show_next_tab(self, offset: int) -> None:
        """Go to the tab so many places further right; past the last one, to the first."""
        self._workspace.tab_controller.show_next(offset)

    def _show_index(self, index: int) -> None:
        if 0 <= index < len(self._tabs):
            self._workspace.tab_controller.show(self._tabs[index])

    def _drop_tab(self, index: int, place: QPoint) -> None:
        self._panes.drop_tab(self._tabs[index], place)

    def _on_moved(self, source: int, target: int) -> None:
        tab = self._tabs.pop(source)
        self._tabs.insert(target, tab)
        self._workspace.tabs.move(tab, target)

    def _show_menu(self, index: int, place: QPoint) -> None:
        self.menu.clear()
        self.menu.addAction("New tab", self.open_tab)
        if index >= 0:
            tab = self._tabs[index]
            others = [other for other in self._tabs if other is not tab]
            self.menu.addSeparator()
            self.menu.addAction("Show at the left", lambda: self._panes.show_at_side(tab, is_left=True))
            self.menu.addAction("Show at the right", lambda: self._panes.show_at_side(tab, is_left=False))
            self.menu.addAction("Show in a window of its own", lambda: self._panes.show_in_window(tab))
            self.menu.addSeparator()
            self.menu.addAction("Close", lambda: self._close_tab(tab))
            self.menu.addAction("Close others", lambda: [self._close_tab(other) for other in others])
        self.menu.popup(place)
