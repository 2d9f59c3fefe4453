"""The tabs of the open circuits, above the canvas."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QTabBar, QToolButton, QWidget

from circuitviz.workspace import Workspace
from circuitviz.workspace.plain_text import escape_mnemonics
from circuitviz.workspace.search_queue import SearchStatus
from circuitviz.workspace.tabs import Tab, describe_tab

UNSAVED_MARK = "•"
MAX_NAME_WIDTH_EM = 22


class DocumentTabBar(QTabBar):
    """A tab bar whose tabs are closed by the middle button, too."""

    close_requested = Signal(int)
    menu_requested = Signal(int, QPoint)  # a tab, or -1, and a place on the screen

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("documents")
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

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Close a tab with the middle button."""
        if event.button() is Qt.MouseButton.MiddleButton:
            if (index := self.tabAt(event.position().toPoint())) >= 0:
                self.close_requested.emit(index)
            return
        super().mouseReleaseEvent(event)


class DocumentTabs(QWidget):
    """Shows the tab list of the workspace, and changes it as the person says.

    It is hidden while there is one tab: its name is in the window's title.
    """

    def __init__(self, workspace: Workspace, close_tab: Callable[[Tab], None]) -> None:
        """Show the tabs of a workspace.

        Args:
            workspace: Whose tabs they are.
            close_tab: Closes a tab, and asks before unsaved work is lost.
        """
        super().__init__()
        self._workspace, self._close_tab = workspace, close_tab
        self._tabs: list[Tab] = []  # as the bar has them
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
        workspace.tabs.changed.connect(self.refresh)
        workspace.search_queue.progressed.connect(lambda _search: self.refresh())
        workspace.search_queue.changed.connect(self.refresh)
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
                self._tabs.insert(index, tab)
            elif (place := self._tabs.index(tab)) != index:
                bar.moveTab(place, index)
                self._tabs.insert(index, self._tabs.pop(place))
        for index, (tab, name) in enumerate(zip(tabs.tabs, tabs.display_names(), strict=True)):
            text = escape_mnemonics(f"{name}{_progress_text(tab)}{_mark(tab)}")
            if bar.tabText(index) != text:
                bar.setTabText(index, text)
            bar.setTabToolTip(index, _tool_tip(tab))
        bar.setCurrentIndex(self._tabs.index(tabs.front))
        bar.blockSignals(was_blocked)
        self.setVisible(len(tabs.tabs) > 1)

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
            self.menu.addAction("Close", lambda: self._close_tab(tab))
            self.menu.addAction("Close others", lambda: [self._close_tab(other) for other in others])
        self.menu.popup(place)


def _progress_text(tab: Tab) -> str:
    """What the tab's search does, for its name."""
    search = tab.search
    if search is None:
        return ""
    if search.status is SearchStatus.RUNNING:
        return f" {search.progress.fraction:.0%}" if search.progress is not None else " …"
    return f" ({search.status.value})"


def _mark(tab: Tab) -> str:
    return f" {UNSAVED_MARK}" if tab.has_unsaved_work else ""


def _tool_tip(tab: Tab) -> str:
    return describe_tab(tab) + ("\nChanges are not saved" if tab.has_unsaved_work else "")
