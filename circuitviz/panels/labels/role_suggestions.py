"""Suggests roles of an attention head by its rank among all heads.

A role is applied only when the user accepts it.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHeaderView, QLabel, QPushButton, QWidget

from circuitviz.evaluation import roles
from circuitviz.number_text import decimal_number
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.tables import TextTable
from circuitviz.workbench.requests.score_roles import ScoreRoles
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

RoleRow = tuple[str, str, float, float]  # test, role, score, percentile


class RoleSuggestions(QWidget):
    """Scores of one head in every role's test, the most unusual first.

    Signals: ``role_accepted(test, role)``.
    """

    role_accepted = Signal(str, str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace, self.node = workspace, ""
        self.role_rows: list[RoleRow] = []
        self.title_label = QLabel("", objectName="heading", wordWrap=True)
        self.note_label = QLabel("", objectName="muted", wordWrap=True)
        self.table = TextTable(
            ("Role", "Score", "Percentile"), "Suggested roles", n_left_columns=1, is_single=True
        )
        self.score_button = QPushButton(
            "Score all heads", toolTip="run the standard test of every role on every head"
        )
        self.accept_button = QPushButton(
            "Accept", toolTip="label the head with the selected role and add the test as evidence"
        )
        self._job = LatestJob(workspace, self)
        self._build()
        self.score_button.clicked.connect(self.score_heads)
        self.accept_button.clicked.connect(self._accept_selected)
        self.table.itemDoubleClicked.connect(lambda _item: self._accept_selected())
        self.table.itemSelectionChanged.connect(self._update_buttons)
        self._job.running_changed.connect(lambda _is_running: self.refresh())
        workspace.model_ready.connect(lambda _ready: self._update_buttons())
        workspace.document_opened.connect(self.refresh)
        workspace.state_changed.connect(self.refresh)
        self.refresh()

    @property
    def role_scores(self) -> dict[str, Any] | None:
        """Scores of all heads as last measured, or None."""
        measure = self.workspace.document.measures.get("roles")
        return None if measure is None else measure["result"]

    def show_node(self, node: str) -> None:
        """Show the suggestions for another node."""
        if node != self.node:
            self.node = node
            self.refresh()

    def score_heads(self) -> None:
        """Score every head of the open model on the document's task."""
        state = self.workspace.document.state
        if state.live_circuit is None:
            return
        self._job.submit(
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
        """Show the node's scores and what they were measured on."""
        result, context = self.role_scores, self.workspace.document.state.evidence_context
        self.role_rows = [] if result is None else rank_roles(result, self.node)
        self.title_label.setText(f"Roles of {self.node}" if self.node else "Select a head on the canvas")
        self.table.show_rows(
            [
                (role, decimal_number(score, 3), decimal_number(rank, 0))
                for _, role, score, rank in self.role_rows
            ]
        )
        if self.role_rows:
            self.table.selectRow(0)
        self.note_label.setText(_describe_scores(result, (context.weights, context.task), self.node))
        self._update_buttons()

    def _accept_selected(self) -> None:
        row = self.table.currentRow()
        if 0 <= row < len(self.role_rows) and self.node:
            self.role_accepted.emit(*self.role_rows[row][:2])

    def _update_buttons(self) -> None:
        state = self.workspace.document.state
        self.score_button.setEnabled(
            self.workspace.opened_model is not None
            and state.live_circuit is not None
            and not self._job.is_running
        )
        self.score_button.setText("Scoring …" if self._job.is_running else "Score all heads")
        self.accept_button.setEnabled(bool(self.role_rows) and self.table.currentRow() >= 0)

    def _build(self) -> None:
        self.table.title_item(2).setToolTip("percentage of the other heads with a lower score")
        header, sizes = self.table.horizontalHeader(), QHeaderView.ResizeMode
        header.setSectionResizeMode(sizes.ResizeToContents)
        header.setSectionResizeMode(0, sizes.Stretch)
        buttons = lay_out_row(self.score_button, 1, self.accept_button, spacing=6)
        lay_out_column(
            self.title_label,
            self.note_label,
            (self.table, 1),
            buttons,
            parent=self,
            spacing=6,
            margins=(8, 6, 12, 8),
        )


def rank_roles(result: dict[str, Any], node: str) -> list[RoleRow]:
    """Roles of a head, the highest percentile first, then the higher score.

    Args:
        result: Scores of all heads as stored in the document.
        node: Name of the head.

    Returns:
        Rows of test, role, score and percentile among all heads.
    """
    rows = []
    for name, entry in result["roles"].items():
        score, rank = entry["scores"].get(node), roles.head_percentile(entry["scores"], node)
        if score is not None and rank is not None:
            rows.append((name, str(entry["role"]), float(score), rank))
    return sorted(rows, key=lambda row: (-row[3], -row[2]))


def _describe_scores(result: dict[str, Any] | None, current_context: tuple[str, str], node: str) -> str:
    if result is None:
        return "Not scored. The standard test of each role ranks a head among all heads of the model."
    if (result["weights"], result["task"]) != current_context:
        return "The scores are of another model or task; score again."
    if node and not any(node in entry["scores"] for entry in result["roles"].values()):
        return f"{node} is not an attention head; the tests apply to attention heads."
    movers = ", ".join(result["movers"])
    return f"Name movers used by the tests: {movers}." if movers else ""
