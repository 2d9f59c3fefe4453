"""What a head could be, by its rank among all heads: to be accepted, never written by itself."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from circuitviz.jobs import Judged, Reply, Suggest
from circuitviz.panels.desk import Desk

Row = tuple[str, str, float, float]  # test, role, score, percentile


class Suggestions(QWidget):
    """Every role's score of one head, the most unusual first. ``accepted(test, role)`` on request."""

    accepted = Signal(str, str)
    scored = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk, self.node = desk, ""
        self.rows: list[Row] = []
        self.title = QLabel("", objectName="heading", wordWrap=True)
        self.note = QLabel("", objectName="muted", wordWrap=True)
        self.table = QTableWidget(0, 3, accessibleName="Suggested roles")
        self.score = QPushButton("Score all heads", toolTip="run every role's standard test on every head")
        self.accept = QPushButton("Accept", toolTip="label the head with the selected role")
        self._running = False
        self._build()
        self.score.clicked.connect(self.start)
        self.accept.clicked.connect(self._accept)
        self.table.itemDoubleClicked.connect(lambda _item: self._accept())
        self.table.itemSelectionChanged.connect(self._enable)
        desk.arrived.connect(self._arrived)
        desk.idle.connect(self._idle)
        desk.ready.connect(lambda _ready: self._enable())
        desk.document_opened.connect(self.refresh)
        desk.state_changed.connect(self.refresh)
        self.refresh()

    @property
    def result(self) -> dict[str, Any] | None:
        """The scores of all heads, as last measured."""
        found = self.desk.document.measures.get("roles")
        return None if found is None else found["result"]

    def show_node(self, node: str) -> None:
        """Suggest for another node."""
        if node != self.node:
            self.node = node
            self.refresh()

    def start(self) -> None:
        """Score every head of the open model, on the document's task."""
        state = self.desk.document.state
        if state.live is None:
            return
        self._running = True
        self._enable()
        self.desk.ask(Suggest("roles", {}, state.measured, state.live, state.scores, classes=state.classes))

    def refresh(self) -> None:
        """Show the node's scores, and what they rest on."""
        result, basis = self.result, self.desk.document.state.basis
        self.rows = [] if result is None else ranked(result, self.node)
        self.title.setText(f"Roles of {self.node}" if self.node else "Select a head on the canvas")
        self.table.setRowCount(len(self.rows))
        for at, (_, role, score, percentile) in enumerate(self.rows):
            for column, text in enumerate((role, f"{score:.3f}", f"{percentile:.0f}")):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(at, column, item)
        if self.rows:
            self.table.selectRow(0)
        self.note.setText(_about(result, (basis.weights, basis.task), self.node))
        self._enable()

    def _accept(self) -> None:
        row = self.table.currentRow()
        if 0 <= row < len(self.rows) and self.node:
            self.accepted.emit(*self.rows[row][:2])

    def _arrived(self, reply: Reply) -> None:
        if isinstance(reply, Judged) and reply.measure == "roles" and reply.done:
            self._running = False
            self.refresh()
            self.scored.emit()

    def _idle(self) -> None:
        self._running = False
        self.refresh()

    def _enable(self) -> None:
        state = self.desk.document.state
        self.score.setEnabled(self.desk.opened is not None and state.live is not None and not self._running)
        self.score.setText("Scoring …" if self._running else "Score all heads")
        self.accept.setEnabled(bool(self.rows) and self.table.currentRow() >= 0)

    def _build(self) -> None:
        self.table.setHorizontalHeaderLabels(["Role", "Score", "Percentile"])
        self.table.horizontalHeaderItem(2).setToolTip("the share of other heads with a lower score")
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header, sizes = self.table.horizontalHeader(), QHeaderView.ResizeMode
        for column, mode in enumerate((sizes.Stretch, sizes.ResizeToContents, sizes.ResizeToContents)):
            header.setSectionResizeMode(column, mode)
            left = Qt.AlignmentFlag.AlignLeft if not column else Qt.AlignmentFlag.AlignRight
            self.table.horizontalHeaderItem(column).setTextAlignment(left | Qt.AlignmentFlag.AlignVCenter)
        buttons = QHBoxLayout(spacing=6)
        buttons.addWidget(self.score)
        buttons.addStretch(1)
        buttons.addWidget(self.accept)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 6, 12, 8)
        whole.setSpacing(6)
        whole.addWidget(self.title)
        whole.addWidget(self.note)
        whole.addWidget(self.table, 1)
        whole.addLayout(buttons)


def ranked(result: dict[str, Any], node: str) -> list[Row]:
    """A head's roles, the highest percentile first, among equals the one usually scored higher."""
    from circuitviz.evaluation.roles import percentile

    rows = []
    for name, found in result["roles"].items():
        score, rank = found["scores"].get(node), percentile(found["scores"], node)
        if score is not None and rank is not None:
            rows.append((name, str(found["role"]), float(score), rank))
    return sorted(rows, key=lambda row: (-row[3], -row[2]))


def _about(result: dict[str, Any] | None, now: tuple[str, str], node: str) -> str:
    if result is None:
        return "Not scored yet. Every role's standard test ranks a head among all heads of the model."
    if (result["weights"], result["task"]) != now:
        return "Scored on another model or task; score again."
    if node and not any(node in found["scores"] for found in result["roles"].values()):
        return f"{node} is no attention head; the standard tests are of heads."
    movers = ", ".join(result["movers"])
    return f"Name movers taken: {movers}." if movers else ""
