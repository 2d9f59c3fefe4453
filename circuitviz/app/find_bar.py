"""Find on the canvas: by name, label, note, group, layer or token; results are stepped through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QToolButton, QVBoxLayout

from circuitviz.app.canvas_card import CanvasCard
from circuitviz.canvas.folded import standing_for
from circuitviz.canvas.foreground import in_plain_sight
from circuitviz.jobs import ReadTops, Reply, TopTokens
from circuitviz.panels.room import keep_wide
from circuitviz.session import Hit, search

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

WIDE = 400
BESIDE = 40  # pixels about the bar within which a node is not yet in sight
HINT = "name, label, note, group, layer 3, or a token that a node promotes"
HINT_AT = "name, label, note, group, layer 3, position 5, a token stood at or promoted"


class FindBar(CanvasCard):
    """``hits`` are the results, ``at`` the one that is shown; what was last sought stays."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window.view)
        self.window_, self.desk = window, window.desk
        self.hits: list[Hit] = []
        self.at = -1
        self.tops = TopTokens(0, {})
        self._asked: ReadTops | None = None
        self.line = QLineEdit(placeholderText="Find nodes", accessibleName="Find nodes")
        self.count = QLabel("", objectName="muted")
        self.why = QLabel(HINT, objectName="muted")
        self.back = QToolButton(text="▲", toolTip="previous  (Shift+Return)", accessibleName="Previous")
        self.next = QToolButton(text="▼", toolTip="next  (Return)", accessibleName="Next")
        self.all = QPushButton("Select all", toolTip="select everything that was found  (Alt+Return)")
        close = QToolButton(text="✕", toolTip="close  (Escape)", accessibleName="Close")
        row = QHBoxLayout(spacing=4)
        row.addWidget(self.line, 1)
        for widget in (self.count, self.back, self.next, close):
            row.addWidget(widget)
        below = QHBoxLayout(spacing=8)
        below.addWidget(self.why, 1)
        below.addWidget(self.all)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 9, 8, 8)
        column.setSpacing(6)
        column.addLayout(row)
        column.addLayout(below)
        keep_wide(self, WIDE)
        self.count.setMinimumWidth(58)
        self.count.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.line.textChanged.connect(lambda _text: self.seek(move=True))
        self.line.installEventFilter(self)
        self.back.clicked.connect(lambda: self.step(-1))
        self.next.clicked.connect(lambda: self.step(1))
        self.all.clicked.connect(self.select_all)
        close.clicked.connect(self.leave)
        self.desk.arrived.connect(self._arrived)
        self.desk.prompt_changed.connect(self._ask)
        self.desk.state_changed.connect(lambda: self.seek(move=False))
        self.desk.document_opened.connect(self._forget)
        self.seek(move=False)

    def open(self) -> None:
        """Show the bar with what was sought last, ready to be written over."""
        super().open()
        self._ask()
        self.seek(move=False)
        self.line.selectAll()
        self.line.setFocus()

    def seek(self, move: bool) -> None:
        """Search again; with ``move`` the canvas goes to the first result."""
        if not self.isVisible() and not move:
            return
        before = self.hits[self.at].node if 0 <= self.at < len(self.hits) else ""
        self.hits = search(self.desk.state, self.line.text(), self.tops.tokens)
        names = [hit.node for hit in self.hits]
        self.at = 0 if move or before not in names else names.index(before)
        if move and self.hits:
            self._go()
        self._tell()

    def step(self, by: int) -> None:
        """Go to another result, around at the ends."""
        if self.hits:
            chosen = self.desk.nodes == {self.hits[self.at].node}
            self.at = (self.at + by) % len(self.hits) if chosen else self.at
            self._go()
            self._tell()

    def select_all(self) -> None:
        """Select everything that was found."""
        if self.hits:
            self.desk.select(frozenset(hit.node for hit in self.hits), frozenset())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Return steps on, with Shift back, with Alt it selects all."""
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if event.modifiers() & Qt.KeyboardModifier.AltModifier:
                    self.select_all()
                else:
                    self.step(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
                return True
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self.step(1 if event.key() == Qt.Key.Key_Down else -1)
                return True
        return super().eventFilter(watched, event)

    def _go(self) -> None:
        """Select a result, and bring what stands for it into sight."""
        node, view = self.hits[self.at].node, self.view
        self.desk.select(frozenset({node}), frozenset())
        if not (shown := standing_for(view.picture, node)):
            return
        place = view.place_of(shown)
        hidden = self.geometry().adjusted(-BESIDE, -BESIDE, BESIDE, BESIDE)
        if not in_plain_sight(view, place) or hidden.contains(place):
            view.pan_by(view.viewport().rect().center() - place)
        view.set_hover(shown if shown != node else "")

    def _tell(self) -> None:
        asked, found = bool(self.line.text().strip()), len(self.hits)
        self.count.setText(f"{self.at + 1} of {found}" if found else "none" if asked else "")
        graph = self.desk.state.circuit.graph if self.desk.state.circuit is not None else None
        placed = graph is not None and any(node.position is not None for node in graph.nodes)
        text = HINT_AT if placed else HINT
        if found:
            hit = self.hits[self.at]
            text = f"{hit.node} · {hit.why}"
            if (shown := standing_for(self.view.picture, hit.node)) != hit.node:
                text += f" · in the box {shown}" if shown else " · hidden by the filters"
        elif asked:
            text = "nothing is called, said or promoted like that"
            if not self.tops.tokens and not placed:
                text = "nothing is called like that; tokens once the model is open"
        room = QFontMetrics(self.why.font()).elidedText(text, Qt.TextElideMode.ElideRight, WIDE - 130)
        self.why.setText(room)
        self.why.setToolTip(text)
        for widget in (self.back, self.next, self.all):
            widget.setEnabled(found > 0)

    def _ask(self) -> None:
        """Read the nodes' top tokens, unless that was done for this circuit and prompt."""
        circuit, wanted = self.desk.document.state.circuit, None
        if self.desk.asking.question is not None:
            return  # tops are of a task's heads and MLPs
        if circuit is not None and self.desk.opened is not None and self.isVisible():
            wanted = ReadTops(circuit.node_names, self.desk.prompt)
        if wanted is not None and self._asked != wanted:
            self._asked = wanted
            self.desk.ask(wanted)

    def _forget(self) -> None:
        self.tops, self._asked = TopTokens(0, {}), None

    def _arrived(self, reply: Reply) -> None:
        if isinstance(reply, TopTokens):
            self.tops = reply
            self.seek(move=False)
