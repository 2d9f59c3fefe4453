"""Which circuits are on the screen at once: one, two side by side, and those in windows of their own.

Each pane shows one tab. The tab in front has the canvas in its pane, and panels and commands follow it; a
click into another pane brings that one's tab to the front, and the canvas moves there. Tabs know nothing of
panes: what is saved, locked, recovered and undone is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QByteArray, QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow, QSplitter, QWidget

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.shell.canvas_pane import MIN_PANE_WIDTH_PX, CanvasPane
from circuitviz.shell.canvas_updater import CanvasUpdater
from circuitviz.shell.document_window import WINDOW_SIZE_PX, DocumentWindow
from circuitviz.shell.node_names import NodeNames
from circuitviz.shell.start_page import StartPage
from circuitviz.workspace import Workspace
from circuitviz.workspace.tabs import DocumentTab


class CanvasPanes(QObject):
    """Puts tabs into panes.

    Attributes:
        splitter: The one or two panes of the main window.
        panes: Those, from left to right.
        windows: Those in windows of their own.
        main_pane: The pane of the main window that was in front last.
        window_size: Of a window that was closed last, and of the next one, in pixels.
    """

    changed = Signal()  # which tabs are where
    window_opened = Signal(object)  # DocumentWindow
    start_page_shown = Signal(object)  # StartPage, in a pane of an empty tab

    def __init__(
        self,
        window: QMainWindow,
        workspace: Workspace,
        canvas: QWidget,
        view: CircuitView,
        canvas_updater: CanvasUpdater,
        names: NodeNames,
        close_tab: Callable[[DocumentTab], None],
    ) -> None:
        """Begin with one pane.

        Args:
            window: The main window.
            workspace: Whose tabs they are.
            canvas: What is put into the pane of the tab in front.
            view: The view in it.
            canvas_updater: Knows how the canvas is drawn.
            names: By what nodes are named.
            close_tab: Closes a tab, and asks before unsaved work is lost.
        """
        super().__init__(window)
        self._window, self._workspace, self._canvas, self._view = window, workspace, canvas, view
        self._canvas_updater, self._names, self._close_tab = canvas_updater, names, close_tab
        self._theme = LIGHT
        self._view_min_width_px = view.minimumWidth()
        self._actions: tuple[QAction, ...] = ()
        self.splitter = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        self.windows: list[DocumentWindow] = []
        self.panes: list[CanvasPane] = []
        self.main_pane = self._add_pane(workspace.tabs.front, 0)
        self._drop_label = QLabel(window, objectName="drop", alignment=Qt.AlignmentFlag.AlignCenter)
        self._drop_label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._drop_label.hide()
        self._is_refreshing = self._is_closed = False
        self._last_front = workspace.tabs.front
        self._left_tokens: dict[str, list[tuple[str, float]]] = {}
        self.window_size = QSize(*WINDOW_SIZE_PX)
        workspace.tab_controller.leaving.connect(self._keep_tokens)
        workspace.tabs.changed.connect(self.refresh)
        workspace.search_queue.changed.connect(self.refresh)
        workspace.search_queue.progressed.connect(lambda _search: self.refresh())
        canvas_updater.scene_built.connect(lambda _built: self.refresh())
        names.changed.connect(self.refresh)
        self.refresh()

    def offer_actions(self, actions: Iterable[QAction]) -> None:
        """Let the shortcuts of these work in windows of their own, too."""
        self._actions = tuple(actions)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self._theme = theme
        for pane in self._all_panes():
            pane.picture.set_theme(theme)

    @property
    def is_split(self) -> bool:
        """Whether the main window shows two circuits."""
        return len(self.panes) > 1

    @property
    def shows_circuit(self) -> bool:
        """Whether there is a circuit on the screen, be it not of the tab in front."""
        return any(pane.tab.document.state.circuit is not None for pane in self._all_panes())

    @property
    def start_pages(self) -> list[StartPage]:
        """The start pages in panes of empty tabs."""
        return [pane.start_page for pane in self._all_panes() if pane.start_page is not None]

    def is_on_screen(self, tab: DocumentTab) -> bool:
        """Whether a tab is in front, beside it or in a window of its own."""
        return any(pane.tab is tab for pane in self._all_panes())

    @property
    def front_window(self) -> DocumentWindow | None:
        """The window of its own that the tab in front has."""
        return self.window_of(self._workspace.tabs.front)

    def is_in_window(self, tab: DocumentTab) -> bool:
        """Whether a tab has a window of its own."""
        return any(window.pane.tab is tab for window in self.windows)

    # what commands and the tab bar do

    def toggle_side_by_side(self) -> None:
        """Show the circuit in front beside the one that was there before it, or alone again."""
        if self.is_split:
            self._keep_alone(self.main_pane)
        else:
            self.show_at_side(self.main_pane.tab, is_left=True)

    def show_at_side(self, tab: DocumentTab, is_left: bool) -> None:
        """Show a tab in one half of the main window, and another one in the other half."""
        if (window := self.window_of(tab)) is not None:
            self._end_window(window)
        other = self._tab_beside(tab, is_left)
        if other is None:
            self._workspace.post_message("Open another circuit first, to have two side by side.")
            self.refresh()
            return
        was_split = self.is_split
        if not was_split:
            self._add_pane(other, 1)
        left, right = self.panes
        self.main_pane, other_pane = (left, right) if is_left else (right, left)
        self.main_pane.set_tab(tab)
        other_pane.set_tab(other)
        self._bring_to_front(tab)
        if not was_split:
            self.splitter.setSizes([self.splitter.width() // 2] * 2)

    def toggle_window(self, tab: DocumentTab | None = None) -> None:
        """Show a tab (by default the one in front) in a window of its own, or in the main window again."""
        tab = tab or self._workspace.tabs.front
        window = self.window_of(tab)
        if window is not None:
            self._end_window(window)
            self._window.activateWindow()
            self._bring_to_front(tab)
        else:
            self.show_in_window(tab)

    def show_in_window(self, tab: DocumentTab, place: QPoint | QByteArray | None = None) -> None:
        """Show a tab in a window of its own.

        Args:
            tab: The tab.
            place: Of the window's upper left corner on the screen, or as ``saveGeometry`` wrote it, which is
                fitted to the screens that there are; None: the system chooses it.
        """
        if (before := self._side_pane_of(tab)) is not None:
            if self.is_split:
                self._keep_alone(next(pane for pane in self.panes if pane is not before))
            else:
                before.set_tab(self._tab_beside(tab, True) or self._add_empty_tab())
        window = DocumentWindow(self._window, self._make_pane(tab, is_window=True))
        self.windows.append(window)
        window.addActions(self._actions)
        window.close_requested.connect(lambda: self._close_tab(tab))
        window.resize(self.window_size.boundedTo(self._window.screen().availableSize()))
        if isinstance(place, QByteArray):
            window.restoreGeometry(place)
            window.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)  # others are to come
        elif place is not None:
            window.move(place)
        self.window_opened.emit(window)
        window.show()
        self._bring_to_front(tab)

    def show_next_pane(self) -> None:
        """Bring the next of the circuits on the screen to the front."""
        panes = self._all_panes()
        self._bring_to_front(panes[(panes.index(self._pane_of_front()) + 1) % len(panes)].tab)

    def show_main_pane(self) -> None:
        """Bring the circuit in the main window to the front, where that of another window is."""
        if self.front_window is not None:
            self._bring_to_front(self.main_pane.tab)

    def tab_after(self, tab: DocumentTab) -> DocumentTab | None:
        """The tab of the main window to go to when the one in front is closed; None: there is no other."""
        shown = (pane.tab for pane in (self.main_pane, *self.panes))
        if (other := next((each for each in shown if each is not tab), None)) is not None:
            return other
        return self._tab_beside(tab, True) or (self._add_empty_tab() if self.windows else None)

    def close_windows(self) -> None:
        """The main window goes, and all has been asked."""
        self._is_closed = True
        self.main_pane.hold_canvas(self._canvas)
        for window in self.windows:
            self._keep_size(window)
            window.end()
        self.windows.clear()

    # dragging a tab

    def show_drop(self, place: QPoint) -> None:
        """Say what dropping a tab at a place of the screen does."""
        half = self._half_at(place)
        is_outside = half is None and not self._window.frameGeometry().contains(place)
        self._drop_label.setVisible(half is not None or is_outside)
        side = "left" if half is not None and half.left() == self._area.left() else "right"
        self._drop_label.setText("Show in a window of its own" if half is None else f"Show at the {side}")
        self._drop_label.setGeometry(half or self._area)
        self._drop_label.raise_()

    def hide_drop(self) -> None:
        """Nothing is dragged any more."""
        self._drop_label.hide()

    def drop_tab(self, tab: DocumentTab, place: QPoint) -> None:
        """Put a tab where it was dropped: into a half of the main window, or outside of it into a window."""
        self.hide_drop()
        half = self._half_at(place)
        if half is not None:
            self.show_at_side(tab, is_left=half.left() == self._area.left())
        elif not self._window.frameGeometry().contains(place):
            self.show_in_window(tab, place)

    @property
    def _area(self) -> QRect:
        """The panes' place in the main window."""
        return QRect(self.splitter.mapTo(self._window, QPoint()), self.splitter.size())

    def _half_at(self, place: QPoint) -> QRect | None:
        """The half of the panes' place at a point of the screen."""
        area, at = self._area, self._window.mapFromGlobal(place)
        left = QRect(area.topLeft(), area.size())
        left.setWidth(area.width() // 2)
        right = QRect(area)
        right.setLeft(left.right() + 1)
        return next((half for half in (left, right) if half.contains(at)), None)

    # panes

    def refresh(self) -> None:
        """Follow the tabs: the one in front has the canvas."""
        if self._is_closed or self._is_refreshing:
            return  # the latter: a tab was added for a pane that has none
        self._is_refreshing = True
        try:
            self._refresh_panes()
        finally:
            self._is_refreshing = False
        self.changed.emit()

    def _refresh_panes(self) -> None:
        tabs = self._workspace.tabs
        self._remove_closed_tabs()
        front = self._pane_of_front()
        front.set_tab(tabs.front)
        if front in self.panes:
            self.main_pane = front
        for pane in self._all_panes():
            if pane is not front:
                pane.show_picture(self._left_tokens if pane.isAncestorOf(self._canvas) else None)
        front.hold_canvas(self._canvas)
        self._view.setMinimumWidth(MIN_PANE_WIDTH_PX if self.is_split else self._view_min_width_px)
        names = dict(zip(tabs.tabs, tabs.display_names(), strict=True))
        for pane in self._all_panes():
            pane.refresh(names[pane.tab], is_named=len(self._all_panes()) > 1)
        for window in self.windows:
            tab = window.pane.tab
            window.setWindowTitle(f"{names[tab]}[*] – circuitviz")
            window.setWindowModified(tab.has_unsaved_work)
        if self._last_front is not tabs.front:
            self._last_front = tabs.front
            self._activate_front_window()

    def _activate_front_window(self) -> None:
        """Show the window that the canvas has moved to; a panel beside the main window stays active."""
        window, active = self._canvas.window(), QApplication.activeWindow()
        if window is active or (window is self._window and not isinstance(active, DocumentWindow)):
            return
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
        window.raise_()
        window.activateWindow()

    def _remove_closed_tabs(self) -> None:
        """Let go of panes whose tabs were closed; one pane always stays."""
        tabs = self._workspace.tabs.tabs
        for window in [window for window in self.windows if window.pane.tab not in tabs]:
            self._end_window(window)
        for pane in [pane for pane in self.panes if pane.tab not in tabs]:
            if self.is_split:
                self._end_side(pane)
            else:
                pane.set_tab(self._tab_beside(pane.tab, True) or self._add_empty_tab())

    def _pane_of_front(self) -> CanvasPane:
        """The pane of the tab in front; where it has none, the main window's that was in front last."""
        front = self._workspace.tabs.front
        return next((pane for pane in self._all_panes() if pane.tab is front), self.main_pane)

    def _all_panes(self) -> list[CanvasPane]:
        return [*self.panes, *(window.pane for window in self.windows)]

    def _side_pane_of(self, tab: DocumentTab) -> CanvasPane | None:
        return next((pane for pane in self.panes if pane.tab is tab), None)

    def window_of(self, tab: DocumentTab) -> DocumentWindow | None:
        """The window of its own that a tab has."""
        return next((window for window in self.windows if window.pane.tab is tab), None)

    def _tab_beside(self, tab: DocumentTab, is_left: bool) -> DocumentTab | None:
        """What to show beside a tab: what is there, else what was in front last in the main window."""
        there = self.panes[1 if is_left else 0].tab if self.is_split else self.main_pane.tab
        candidates = [there, *self._workspace.tabs.earlier_fronts, *self._workspace.tabs.tabs]
        known = self._workspace.tabs.tabs
        free = [one for one in candidates if one in known and one is not tab and not self.is_in_window(one)]
        return free[0] if free else None

    def _add_empty_tab(self) -> DocumentTab:
        return self._workspace.tabs.add(self._workspace.worker.open_tab())

    def _make_pane(self, tab: DocumentTab, is_window: bool) -> CanvasPane:
        pane = CanvasPane(self._workspace, self._names, self._canvas_updater, tab, is_window)
        pane.picture.set_theme(self._theme)
        pane.activated.connect(lambda: self._bring_to_front(pane.tab))
        pane.start_page_shown.connect(self.start_page_shown)
        pane.move_button.clicked.connect(lambda: self.toggle_window(pane.tab))
        pane.close_button.clicked.connect(lambda: self._close_pane(pane))
        return pane

    def _add_pane(self, tab: DocumentTab, index: int) -> CanvasPane:
        pane = self._make_pane(tab, is_window=False)
        self.splitter.insertWidget(index, pane)
        self.panes.insert(index, pane)
        return pane

    def _close_pane(self, pane: CanvasPane) -> None:
        """End the side of a pane, and keep its tab; that of a window is closed, as the window would be."""
        if pane in self.panes:
            self._keep_alone(next(other for other in self.panes if other is not pane))
        else:
            self._close_tab(pane.tab)

    def _keep_alone(self, pane: CanvasPane) -> None:
        """Let one of two panes have the main window."""
        (other,) = (each for each in self.panes if each is not pane)
        if other.tab is self._workspace.tabs.front:
            self._bring_to_front(pane.tab)
        self._end_side(other)
        self.refresh()

    def _end_side(self, pane: CanvasPane) -> None:
        self.panes.remove(pane)
        (self.main_pane,) = self.panes
        self._move_canvas_out(pane, self.main_pane)
        pane.end()

    def _end_window(self, window: DocumentWindow) -> None:
        self._move_canvas_out(window.pane, self.main_pane)
        self.windows.remove(window)
        self._keep_size(window)
        window.end()

    def _keep_size(self, window: DocumentWindow) -> None:
        if not (window.isMaximized() or window.isFullScreen()):
            self.window_size = window.size()

    def _move_canvas_out(self, pane: CanvasPane, other: CanvasPane) -> None:
        """Save the canvas from being destroyed with a pane."""
        if pane.isAncestorOf(self._canvas):
            other.hold_canvas(self._canvas)

    def _bring_to_front(self, tab: DocumentTab) -> None:
        self._workspace.tab_controller.show(tab)
        self.refresh()
        self._view.setFocus()

    def _keep_tokens(self) -> None:
        self._left_tokens = self._names.top_tokens
