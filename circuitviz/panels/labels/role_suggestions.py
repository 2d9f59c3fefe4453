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

from circuitviz.workbench.requests.compute_measure import MeasureResult
from circuitviz.workbench.requests.messages import Reply
from circuitviz.workbench.requests.score_roles import ScoreRoles
from circuitviz.workspace.workspace import Workspace

RoleRow = tuple[str, str, float, float]  # test, role, score, percentile


class RoleSuggestions(QWidget):
    """Every role's score of one head, the most unusual first. ``accepted(test, role)`` on request."""

    role_accepted = Signal(str, str)
    scoring_finished = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace, self.node = workspace, ""
        self.role_rows: list[RoleRow] = []
        self.title_label = QLabel("", objectName="heading", wordWrap=True)
        self.note_label = QLabel("", objectName="muted", wordWrap=True)
        self.table = QTableWidget(0, 3, accessibleName="Suggested roles")
        self.score_button = QPushButton(
            "Score all heads", toolTip="run every role's standard test on every head"
        )
        self.accept_button = QPushButton("Accept", toolTip="label the head with the selected role")
        self._is_running = False
        self._build()
        self.score_button.clicked.connect(self.score_heads)
        self.accept_button.clicked.connect(self._accept_selected)
        self.table.itemDoubleClicked.connect(lambda _item: self._accept_selected())
        self.table.itemSelectionChanged.connect(self._update_buttons)
        workspace.reply_received.connect(self._on_reply)
        workspace.worker_idle.connect(self._on_idle)
        workspace.model_ready.connect(lambda _ready: self._update_buttons())
        workspace.document_opened.connect(self.refresh)
        workspace.state_changed.connect(self.refresh)
        self.refresh()

    @property
    def role_scores(self) -> dict[str, Any] | None:
        """The scores of all heads, as last measured."""
        found = self.workspace.document.measures.get("roles")
        return None if found is None else found["result"]

    def show_node(self, node: str) -> None:
        """Suggest for another node."""
        if node != self.node:
            self.node = node
            self.refresh()

    def score_heads(self) -> None:
        """Score every head of the open model, on the document's task."""
        state = self.workspace.document.state
        if state.live_circuit is None:
            return
        self._is_running = True
        self._update_buttons()
        self.workspace.submit_request(
            ScoreRoles(
                "roles",
                {},
                state.measurement_key,
                state.live_circuit,
                state.scores,
                node_classes=state.nodes_by_label,
            )
        )

    def refresh(self) -> None:
        """Show the node's scores, and what they rest on."""
        result, basis = self.role_scores, self.workspace.document.state.evidence_context
        self.role_rows = [] if result is None else rank_roles(result, self.node)
        self.title_label.setText(f"Roles of {self.node}" if self.node else "Select a head on the canvas")
        self.table.setRowCount(len(self.role_rows))
        for at, (_, role, score, percentile) in enumerate(self.role_rows):
            for column, text in enumerate((role, f"{score:.3f}", f"{percentile:.0f}")):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(at, column, item)
        if self.role_rows:
            self.table.selectRow(0)
        self.note_label.setText(_describe_scores(result, (basis.weights, basis.task), self.node))
        self._update_buttons()

    def _accept_selected(self) -> None:
        row = self.table.currentRow()
        if 0 <= row < len(self.role_rows) and self.node:
            self.role_accepted.emit(*self.role_rows[row][:2])

    def _on_reply(self, reply: Reply) -> None:
        if isinstance(reply, MeasureResult) and reply.measure == "roles" and reply.done:
            self._is_running = False
            self.refresh()
            self.scoring_finished.emit()

    def _on_idle(self) -> None:
        self._is_running = False
        self.refresh()

    def _update_buttons(self) -> None:
        state = self.workspace.document.state
        self.score_button.setEnabled(
            self.workspace.opened_model is not None
            and state.live_circuit is not None
            and not self._is_running
        )
        self.score_button.setText("Scoring …" if self._is_running else "Score all heads")
        self.accept_button.setEnabled(bool(self.role_rows) and self.table.currentRow() >= 0)

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
        buttons.addWidget(self.score_button)
        buttons.addStretch(1)
        buttons.addWidget(self.accept_button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 6, 12, 8)
        whole.setSpacing(6)
        whole.addWidget(self.title_label)
        whole.addWidget(self.note_label)
        whole.addWidget(self.table, 1)
        whole.addLayout(buttons)


def rank_roles(result: dict[str, Any], node: str) -> list[RoleRow]:
    """A head's roles, the highest percentile first, among equals the one usually scored higher."""
    from circuitviz.evaluation.roles import head_percentile

    rows = []
    for name, found in result["roles"].items():
        score, rank = found["scores"].get(node), head_percentile(found["scores"], node)
        if score is not None and rank is not None:
            rows.append((name, str(found["role"]), float(score), rank))
    return sorted(rows, key=lambda row: (-row[3], -row[2]))


def _describe_scores(result: dict[str, Any] | None, current_context: tuple[str, str], node: str) -> str:
    if result is None:
        return "Not scored yet. Every role's standard test ranks a head among all heads of the model."
    if (result["weights"], result["task"]) != current_context:
        return "Scored on another model or task; score again."
    if node and not any(node in found["scores"] for found in result["roles"].values()):
        return f"{node} is no attention head; the standard tests are of heads."
    movers = ", ".join(result["movers"])
    return f"Name movers taken: {movers}." if movers else ""
