"""Labelling round: one unlabelled node after another, operated from the keyboard."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from circuitviz.document import Label, set_label
from circuitviz.document.labelling_round import LabellingRound
from circuitviz.document.labels import colour_for_role
from circuitviz.number_text import decimal_number
from circuitviz.panels.labels.labels_table import RoleBox
from circuitviz.panels.labels.role_suggestions import rank_roles
from circuitviz.panels.widgets.layouts import lay_out_row
from circuitviz.workspace.plain_text import escape_mnemonics
from circuitviz.workspace.workspace import Workspace

MAX_SUGGESTED_ROLES = 3


class RoundBox(QWidget):
    """Shows the current node and its likeliest roles. ``round_ended()`` when the round is over."""

    round_ended = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace, self.author = workspace, ""
        self.labelling_round: LabellingRound | None = None
        self.title_label = QLabel("", objectName="heading")
        self.note_label = QLabel("", objectName="muted", wordWrap=True)
        self.role_box = RoleBox(workspace)
        self.accept_button = QPushButton("Accept ⏎", objectName="primary")
        self.skip_button = QPushButton("Skip", toolTip="leave this node unlabelled (Alt+S)")
        self.next_button = QPushButton("Next", toolTip="put this node at the end of the round (Alt+N)")
        self.end_button = QPushButton("End")
        self.role_buttons = [
            QPushButton("", objectName="link", visible=False) for _ in range(MAX_SUGGESTED_ROLES)
        ]
        self._build()
        for button, work in (
            (self.accept_button, self._accept_role),
            (self.skip_button, self._skip_node),
            (self.next_button, self._postpone_node),
            (self.end_button, self.end_round),
        ):
            button.clicked.connect(work)
        self.role_box.role_field.returnPressed.connect(self._accept_role)
        workspace.document_closing.connect(self.end_round)
        workspace.document_opened.connect(self._on_document_opened)

    @property
    def is_running(self) -> bool:
        """Whether a round is under way."""
        return self.labelling_round is not None

    def begin_round(self) -> None:
        """Start a round; posts a message where there is nothing to label."""
        state = self.workspace.document.state
        new_round = LabellingRound.from_state(state)
        if new_round.current_node is None:
            self.workspace.post_message(
                "Every node has a label."
                if state.circuit is not None
                else "Open or find a circuit before labelling."
            )
            return
        self.labelling_round = new_round
        self._show_next_node()

    def end_round(self) -> None:
        """End the round and say how many nodes were labelled."""
        if self.labelling_round is None:
            return
        ended, self.labelling_round = self.labelling_round, None
        self.workspace.post_message(f"{len(ended.new_labels)} nodes labelled, {len(ended.skipped)} skipped.")
        self.round_ended.emit()

    def _accept_role(self) -> None:
        text = self.role_box.currentText().strip()
        if self.labelling_round is None or not text:
            return
        node = self.labelling_round.label_current(text)
        labels = self.workspace.document.state.labels
        self.workspace.apply_command(
            set_label(node, Label(text, colour_for_role(labels, text), author=self.author))
        )
        self._show_next_node()

    def _skip_node(self) -> None:
        if self.labelling_round is not None:
            self.labelling_round.skip_current()
            self._show_next_node()

    def _postpone_node(self) -> None:
        if self.labelling_round is not None:
            self.labelling_round.postpone_current()
            self._show_next_node()

    def _show_next_node(self) -> None:
        """Show the next node, or end the round."""
        if self.labelling_round is None:
            return
        node = self.labelling_round.current_node
        if node is None:
            self.end_round()
            return
        done = len(self.labelling_round.new_labels) + len(self.labelling_round.skipped)
        self.title_label.setText(f"{node}    {done + 1} of {self.labelling_round.n_nodes}")
        self.workspace.select_nodes({node})
        measure = self.workspace.document.measures.get("roles")
        rows = rank_roles(measure["result"], node)[:MAX_SUGGESTED_ROLES] if measure else []
        for button in self.role_buttons:
            button.setVisible(False)
        for number, (row, button) in enumerate(zip(rows, self.role_buttons, strict=False), start=1):
            _, role, score, percentile = row
            rank = f"{decimal_number(score, 2)}, above {decimal_number(percentile, 0)} % of heads"
            caption = f"Alt+{number}   {role}   {rank}"
            button.setText(escape_mnemonics(caption))
            button.setVisible(True)
        hint = "" if measure else "Score all heads in the tab 'Suggest' to see the likeliest roles."
        self.note_label.setText("Likeliest roles by the standard tests:" if rows else hint)
        self.role_box.refresh_roles()
        self.role_box.setCurrentText(rows[0][1] if rows else "")
        self.role_box.role_field.selectAll()
        self.role_box.setFocus()

    def _choose_role(self, index: int) -> None:
        if (
            self.role_buttons[index].isVisible()
            and self.labelling_round is not None
            and self.labelling_round.current_node is not None
        ):
            scores = self.workspace.document.measures["roles"]["result"]
            self.role_box.setCurrentText(rank_roles(scores, self.labelling_round.current_node)[index][1])
            self.role_box.setFocus()

    def _on_document_opened(self) -> None:
        """Drop the round without a message: it belonged to the document before."""
        if self.is_running:
            self.labelling_round = None
            self.round_ended.emit()

    def _build(self) -> None:
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        keys = {"Alt+S": self._skip_node, "Alt+N": self._postpone_node, "Escape": self.end_round}
        for key, work in keys.items():
            QShortcut(QKeySequence(key), self, context=within).activated.connect(work)
        for number, button in enumerate(self.role_buttons):
            button.clicked.connect(lambda _checked=False, n=number: self._choose_role(n))
            shortcut = QShortcut(QKeySequence(f"Alt+{number + 1}"), self, context=within)
            shortcut.activated.connect(lambda n=number: self._choose_role(n))
        row = lay_out_row(
            self.accept_button, self.skip_button, self.next_button, 1, self.end_button, spacing=6
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 12, 8)
        layout.setSpacing(6)
        layout.addWidget(self.title_label)
        layout.addWidget(self.role_box)
        layout.addWidget(self.note_label)
        for button in self.role_buttons:
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addStretch(1)
        layout.addLayout(row)
