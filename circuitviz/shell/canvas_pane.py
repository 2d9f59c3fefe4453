"""A pane that shows one tab's circuit, beside another pane or in a window of its own.

There is one canvas that commands and panels act on. It is in the pane of the tab in front; each other pane
has a picture of its tab, which can be looked at, and which brings its tab to the front when it is clicked. In
place of the picture, an empty tab has a start page.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.scene_request import BuiltScene, SceneRequest
from circuitviz.document import move_nodes
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.layouts import lay_out_row
from circuitviz.scene.camera import Camera
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.document_layout import saved_layout
from circuitviz.scene.folded_scene import drawn_selection, expand_selection
from circuitviz.scene.node_naming import TopTokens
from circuitviz.shell.canvas_updater import CanvasUpdater
from circuitviz.shell.node_names import NodeNames
from circuitviz.shell.start_page import StartPage
from circuitviz.shell.tab_title import tab_title, tab_tool_tip
from circuitviz.workspace import Workspace
from circuitviz.workspace.search_queue import describe_wait
from circuitviz.workspace.tabs import DocumentTab

MIN_PANE_WIDTH_PX = 240


class TabPicture(CircuitView):
    """A view of a circuit whose tab is not in front.

    Signals:
        clicked: a mouse button was released on it, once what that does to the view is done.
    """

    clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Circuit of another tab")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys are the canvas's
        self.setMinimumWidth(MIN_PANE_WIDTH_PX)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Select or drag as on the canvas, then tell."""
        super().mouseReleaseEvent(event)
        self.clicked.emit()


class TabPictureUpdater(CanvasUpdater):
    """Keeps a picture at the state of a tab.

    Attributes:
        tab: Whose circuit is drawn.
        top_tokens: Tokens that its nodes promote, as they were known when it was last in front.
    """

    def __init__(
        self,
        workspace: Workspace,
        picture: TabPicture,
        names: NodeNames,
        canvas: CanvasUpdater,
        tab: DocumentTab,
    ) -> None:
        super().__init__(workspace, picture, names, picture, key=f"scene of a pane {id(picture)}")
        self._canvas, self.tab = canvas, tab
        self.top_tokens: TopTokens = {}
        self._drawn_values: tuple[object, ...] = ()

    def redraw_changed(self) -> None:
        """Draw the tab's circuit unless it is drawn as it is."""
        request = self._create_request()
        values = (request.state, request.layout, request.opacity, request.is_searching, request.is_horizontal)
        drawn = (*values, request.naming, request.top_tokens)
        if len(drawn) != len(self._drawn_values) or any(
            new is not old for new, old in zip(drawn, self._drawn_values, strict=True)
        ):
            self._drawn_values = drawn
            self.redraw()

    def reset(self) -> None:
        """Another document comes."""
        super().reset()
        self._drawn_values = ()

    def _create_request(self) -> SceneRequest:
        tab = self.tab
        return SceneRequest(
            tab.document.state,
            saved_layout(tab.document),
            tab.edge_opacity,
            is_searching=tab.partial_result is not None,
            is_horizontal=self._canvas.is_horizontal,
            naming=self._names.naming,
            top_tokens=self.top_tokens,
            fitting=self._view.create_fitting(),
        )


class CanvasPane(QWidget):
    """The name of a tab above its circuit: above the canvas while the tab is in front, else above a picture.

    Attributes:
        tab: Whose circuit it shows.
        close_button: Ends it.
        move_button: Puts the circuit into a window of its own, or back.
    """

    activated = Signal()  # the tab is to come to the front
    start_page_shown = Signal(object)  # StartPage, made anew

    def __init__(
        self,
        workspace: Workspace,
        names: NodeNames,
        canvas_updater: CanvasUpdater,
        tab: DocumentTab,
        is_window: bool,
    ) -> None:
        """Show a tab; ``is_window``: alone in a window of its own."""
        super().__init__()
        self._workspace, self.tab = workspace, tab
        self._document = tab.document
        self.title_label = ElidedLabel()
        move = "Move back into the main window" if is_window else "Show in a window of its own"
        close = "Close this circuit" if is_window else "Show the other circuit alone"
        self.move_button = QToolButton(text="⤡" if is_window else "⤢", toolTip=move, accessibleName=move)
        self.close_button = QToolButton(text="✕", toolTip=close, accessibleName=close)
        self.header = QFrame(objectName="paneHeader")
        lay_out_row(
            (self.title_label, 1),
            self.move_button,
            self.close_button,
            parent=self.header,
            spacing=2,
            margins=(10, 2, 4, 2),
        )
        self.picture = TabPicture()
        self.start_page: StartPage | None = None
        self._pages = QStackedWidget()
        self._pages.addWidget(self.picture)
        self._updater = TabPictureUpdater(workspace, self.picture, names, canvas_updater, tab)
        self._column = QVBoxLayout(self, spacing=0)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.header)
        self._column.addWidget(self._pages, 1)
        self._updater.scene_built.connect(self._show_scene)
        self.picture.clicked.connect(self._activate)
        self.picture.nodes_moved.connect(self._move_nodes)

    def set_tab(self, tab: DocumentTab) -> None:
        """Show another tab's circuit."""
        if tab is not self.tab:
            self._record_view()
            self.tab = self._updater.tab = tab
            self._updater.top_tokens = {}
            self._forget_drawing()

    def hold_canvas(self, canvas: QWidget) -> None:
        """Have the canvas in place of the picture: the tab is in front."""
        if canvas.parentWidget() is not self:
            self._record_view()
            self._forget_drawing()  # the canvas goes on from what was recorded
            focus, before = canvas.window().focusWidget(), canvas.parentWidget()
            if before is not None and focus is not None and canvas.isAncestorOf(focus):
                before.setFocus()  # else Qt chooses a widget of that window, which may be in a panel
            self._column.addWidget(canvas, 1)
            canvas.show()
        self.picture.set_hover("")
        self._pages.hide()
        self._set_active(True)

    def show_picture(self, top_tokens: TopTokens | None = None) -> None:
        """Show the picture: the tab is not in front. ``top_tokens``: where the canvas has just shown it."""
        if self._pages.isHidden():
            self._forget_drawing()
            self._updater.top_tokens = dict(top_tokens or {})
            self._pages.show()
        self._set_active(False)

    def refresh(self, name: str, is_named: bool) -> None:
        """Follow the tab.

        Args:
            name: Of the tab, among the others.
            is_named: Whether it stands above the circuit: not where there is one pane.
        """
        tab = self.tab
        self.header.setVisible(is_named)
        self.title_label.setText(tab_title(tab, name))
        self.title_label.setToolTip(tab_tool_tip(tab))
        is_empty = tab.document.state.circuit is None
        self._show_start_page(is_empty and tab.search is None and not self._pages.isHidden())
        if self._pages.isHidden():
            return
        if is_empty:
            self._forget_drawing()
            text = "" if tab.search is None else describe_wait(tab.search)
            self.picture.show_scene(CircuitScene(), text)
            return
        if tab.document is not self._document and tab.partial_result is None:
            self._forget_drawing()  # the result of a search, say
        is_first = not self.picture.circuit_scene.nodes
        self._document = tab.document
        self._updater.redraw_changed()
        if is_first:
            self._updater.call_when_drawn(self._restore_view)

    def end(self) -> None:
        """Go; what is still being drawn for it is void."""
        self._updater.reset()
        self.hide()
        self.deleteLater()

    def _show_start_page(self, is_shown: bool) -> None:
        """Show a start page in place of the picture, or the picture again."""
        if is_shown and self.start_page is None:
            page = self.start_page = StartPage()
            page.setMinimumWidth(MIN_PANE_WIDTH_PX)
            choices = (page.search_requested, page.example_chosen, page.file_chosen, page.last_requested)
            for chosen in (*choices, page.open_requested, page.model_requested, page.task_requested):
                chosen.connect(lambda *_choice: self._activate())  # before what was chosen is done
            self._pages.addWidget(page)
            self._pages.setCurrentWidget(page)
            self.start_page_shown.emit(page)
        elif not is_shown and self.start_page is not None:
            self._pages.removeWidget(self.start_page)
            self.start_page.deleteLater()
            self.start_page = None

    def _forget_drawing(self) -> None:
        self._updater.reset()
        self.picture.circuit_scene = CircuitScene()

    def _set_active(self, is_active: bool) -> None:
        if self.header.property("isActive") != is_active:
            self.header.setProperty("isActive", is_active)
            for widget in (self.header, self.title_label):
                widget.style().polish(widget)

    def _show_scene(self, built: BuiltScene) -> None:
        self.picture.show_scene(built.scene, built.status_text, built.fitted)
        tab = self.tab
        self.picture.select(*drawn_selection(built.scene, tab.selected_nodes, tab.selected_edges))

    def _restore_view(self) -> None:
        self.picture.set_camera(Camera.from_json(self.tab.document.view))

    def _record_view(self) -> None:
        """Write what the picture shows and has selected into the document, for the canvas to go on from."""
        tab, picture = self.tab, self.picture
        is_drawn = bool(picture.circuit_scene.nodes) and not self._updater.is_pending
        if self._pages.isHidden() or not is_drawn or tab.partial_result is not None:
            return
        scene, chosen = picture.circuit_scene, (picture.selected_nodes, picture.selected_edges)
        if chosen != drawn_selection(scene, tab.selected_nodes, tab.selected_edges):
            tab.selected_nodes, tab.selected_edges = nodes, edges = expand_selection(scene, *chosen)
            tab.document.view["selected"] = {"nodes": sorted(nodes), "edges": sorted(edges)}
        tab.document.view.update(picture.camera.to_json())

    def _activate(self) -> None:
        self.activated.emit()

    def _move_nodes(self, places: dict[str, tuple[float, float]]) -> None:
        self._activate()
        self._workspace.apply_command(move_nodes(places))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The name is clicked, too."""
        super().mousePressEvent(event)
        self._activate()
