"""The bar that finds nodes on the canvas by name, label, note, group, layer or token."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QToolButton, QVBoxLayout

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.foreground import is_clearly_visible
from circuitviz.document import NodeMatch, search_nodes
from circuitviz.panels.widgets.font_scaling import fix_scaled_width
from circuitviz.scene.folded_scene import drawn_node_for
from circuitviz.shell.canvas_card import CanvasCard
from circuitviz.workbench.requests.read_top_tokens import ReadTopTokens, TopTokensRead
from circuitviz.workspace import Workspace

BAR_WIDTH_PX = 400
BAR_MARGIN_PX = 40  # pixels about the bar within which a node is not yet in sight
SEARCH_HINT = "name, label, note, group, layer 3, or a token that a node promotes"
SEARCH_HINT_WITH_POSITIONS = "name, label, note, group, layer 3, position 5, a token stood at or promoted"


class FindBar(CanvasCard):
    """A query field and its results.

    Attributes:
        hits: The nodes that match.
        hit_index: The one that is shown; -1 where there is none.
    """

    def __init__(self, view: CircuitView, workspace: Workspace) -> None:
        super().__init__(view)
        self.workspace = workspace
        self.hits: list[NodeMatch] = []
        self.hit_index = -1
        self.top_tokens = TopTokensRead(0, {})
        self._requested_top_tokens: ReadTopTokens | None = None
        self.query_field = QLineEdit(placeholderText="Find nodes", accessibleName="Find nodes")
        self.count_label = QLabel("", objectName="muted")
        self.reason_label = QLabel(SEARCH_HINT, objectName="muted")
        self.previous_button = QToolButton(
            text="▲", toolTip="previous  (Shift+Return)", accessibleName="Previous"
        )
        self.next_button = QToolButton(text="▼", toolTip="next  (Return)", accessibleName="Next")
        self.select_all_button = QPushButton(
            "Select all", toolTip="select everything that was found  (Alt+Return)"
        )
        close = QToolButton(text="✕", toolTip="close  (Escape)", accessibleName="Close")
        row = QHBoxLayout(spacing=4)
        row.addWidget(self.query_field, 1)
        for widget in (self.count_label, self.previous_button, self.next_button, close):
            row.addWidget(widget)
        below = QHBoxLayout(spacing=8)
        below.addWidget(self.reason_label, 1)
        below.addWidget(self.select_all_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 9, 8, 8)
        column.setSpacing(6)
        column.addLayout(row)
        column.addLayout(below)
        fix_scaled_width(self, BAR_WIDTH_PX)
        self.count_label.setMinimumWidth(58)
        self.count_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.query_field.textChanged.connect(lambda _text: self.update_hits(go_to_first=True))
        self.query_field.installEventFilter(self)
        self.previous_button.clicked.connect(lambda: self.step_hit(-1))
        self.next_button.clicked.connect(lambda: self.step_hit(1))
        self.select_all_button.clicked.connect(self.select_all)
        close.clicked.connect(self.close_card)
        self.workspace.prompt_changed.connect(self._request_top_tokens)
        self.workspace.state_changed.connect(lambda: self.update_hits(go_to_first=False))
        self.workspace.document_opened.connect(self._forget_top_tokens)
        self.update_hits(go_to_first=False)

    def open_card(self) -> None:
        """Show the bar with the last query, selected so that typing replaces it."""
        super().open_card()
        self._request_top_tokens()
        self.update_hits(go_to_first=False)
        self.query_field.selectAll()
        self.query_field.setFocus()

    def update_hits(self, go_to_first: bool) -> None:
        """Search again; with ``go_to_first`` the canvas goes to the first result."""
        if not self.isVisible() and not go_to_first:
            return
        before = self.hits[self.hit_index].node if 0 <= self.hit_index < len(self.hits) else ""
        self.hits = search_nodes(self.workspace.state, self.query_field.text(), self.top_tokens.top_tokens)
        names = [hit.node for hit in self.hits]
        self.hit_index = 0 if go_to_first or before not in names else names.index(before)
        if go_to_first and self.hits:
            self._show_hit()
        self._update_labels()

    def step_hit(self, offset: int) -> None:
        """Go ``offset`` results on, from the last to the first and back."""
        if self.hits:
            chosen = self.workspace.selected_nodes == {self.hits[self.hit_index].node}
            self.hit_index = (self.hit_index + offset) % len(self.hits) if chosen else self.hit_index
            self._show_hit()
            self._update_labels()

    def select_all(self) -> None:
        """Select all nodes that match."""
        if self.hits:
            self.workspace.select_nodes(hit.node for hit in self.hits)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Return goes to the next result, Shift+Return to the one before, Alt+Return selects all."""
        if (
            watched is self.query_field
            and isinstance(event, QKeyEvent)
            and event.type() is QEvent.Type.KeyPress
        ):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if event.modifiers() & Qt.KeyboardModifier.AltModifier:
                    self.select_all()
                else:
                    self.step_hit(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
                return True
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self.step_hit(1 if event.key() == Qt.Key.Key_Down else -1)
                return True
        return super().eventFilter(watched, event)

    def _show_hit(self) -> None:
        """Select the current result and scroll to the node or box that shows it."""
        node, view = self.hits[self.hit_index].node, self.view
        self.workspace.select_nodes({node})
        if not (shown := drawn_node_for(view.circuit_scene, node)):
            return
        place = view.viewport_position(shown)
        hidden = self.geometry().adjusted(-BAR_MARGIN_PX, -BAR_MARGIN_PX, BAR_MARGIN_PX, BAR_MARGIN_PX)
        if not is_clearly_visible(view, place) or hidden.contains(place):
            view.pan_by(view.viewport().rect().center() - place)
        view.set_hover(shown if shown != node else "")

    def _update_labels(self) -> None:
        asked, found = bool(self.query_field.text().strip()), len(self.hits)
        self.count_label.setText(f"{self.hit_index + 1} of {found}" if found else "none" if asked else "")
        graph = self.workspace.state.circuit.graph if self.workspace.state.circuit is not None else None
        placed = graph is not None and any(node.position is not None for node in graph.nodes)
        text = SEARCH_HINT_WITH_POSITIONS if placed else SEARCH_HINT
        if found:
            hit = self.hits[self.hit_index]
            text = f"{hit.node} · {hit.reason}"
            if (shown := drawn_node_for(self.view.circuit_scene, hit.node)) != hit.node:
                text += f" · in the box {shown}" if shown else " · hidden by the filters"
        elif asked:
            text = "nothing is called, said or promoted like that"
            if not self.top_tokens.top_tokens and not placed:
                text = "nothing is called like that; tokens once the model is open"
        room = QFontMetrics(self.reason_label.font()).elidedText(
            text, Qt.TextElideMode.ElideRight, BAR_WIDTH_PX - 130
        )
        self.reason_label.setText(room)
        self.reason_label.setToolTip(text)
        for widget in (self.previous_button, self.next_button, self.select_all_button):
            widget.setEnabled(found > 0)

    def _request_top_tokens(self) -> None:
        """Read the nodes' top tokens, unless that was done for this circuit and prompt."""
        circuit, wanted = self.workspace.document.state.circuit, None
        if self.workspace.document.state.is_prompt_circuit:
            return  # tops are of a task's heads and MLPs
        if circuit is not None and self.workspace.opened_model is not None and self.isVisible():
            wanted = ReadTopTokens(circuit.node_names, self.workspace.prompt_index)
        if wanted is not None and self._requested_top_tokens != wanted:
            self._requested_top_tokens = wanted
            handle = self.workspace.submit_request(wanted)
            handle.finished.connect(self._on_top_tokens_read)

    def _forget_top_tokens(self) -> None:
        self.top_tokens, self._requested_top_tokens = TopTokensRead(0, {}), None

    def _on_top_tokens_read(self, reply: object) -> None:
        if isinstance(reply, TopTokensRead) and self._requested_top_tokens is not None:
            self.top_tokens = reply
            self.update_hits(go_to_first=False)
