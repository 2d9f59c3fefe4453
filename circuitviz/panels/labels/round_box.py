"""A labelling round: one node after another, with keys, so that the hands stay on the keyboard."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from circuitviz.document import Label, set_label
from circuitviz.document.labelling_round import LabellingRound
from circuitviz.document.labels import colour_for_role
from circuitviz.panels.labels.labels_table import RoleBox
from circuitviz.panels.labels.role_suggestions import rank_roles
from circuitviz.workspace.plain_text import escape_mnemonics
from circuitviz.workspace.workspace import Workspace

MAX_SUGGESTED_ROLES = 3


class RoundBox(QWidget):
    """Shows whose turn it is and its likeliest roles. ``round_ended()`` when the round is over.

    In a blind round the document's labels are hidden everywhere and stay as they are; what is given
    anew is compared with them at the end, and the agreement is kept with the document.
    """

    round_ended = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace, self.author = workspace, ""
        self.labelling_round: LabellingRound | None = None
        self._shows_result = False
        self.title_label = QLabel("", objectName="heading")
        self.note_label = QLabel("", objectName="muted", wordWrap=True)
        self.role_box = RoleBox(workspace)
        self.accept_button = QPushButton("Accept ⏎", objectName="primary")
        self.skip_button = QPushButton("Skip", toolTip="leave this node out of the round (Alt+S)")
        self.next_button = QPushButton("Next", toolTip="come back to this node at the end (Alt+N)")
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
        workspace.document_closing.connect(self._on_document_left)
        workspace.document_opened.connect(self._on_document_opened)

    @property
    def is_running(self) -> bool:
        """Whether a round is under way, or its result still to be read."""
        return self.labelling_round is not None or self._shows_result

    def begin_round(self, is_blind: bool) -> None:
        """Start a round; tells where there is nothing to label."""
        state = self.workspace.document.state
        begun = LabellingRound.from_state(state, is_blind)
        if begun.current_node is None:
            told = (
                "No node of the circuit has a label yet." if is_blind else "Every node has a label already."
            )
            self.workspace.post_message(
                told if state.circuit is not None else "There is no circuit to label yet."
            )
            return
        self.labelling_round, self._shows_result = begun, False
        self._set_labels_hidden(is_blind)
        self._show_controls(True)
        self._show_next_node()

    def end_round(self) -> None:
        """End the round; a blind one tells and keeps how far the labels agree, until this is closed."""
        if self.labelling_round is None:
            self._shows_result = False
            self.round_ended.emit()
            return
        done, self.labelling_round = self.labelling_round, None
        self._set_labels_hidden(False)
        if done.is_blind:
            found = done.measure_agreement()
            told = {
                "kappa": found.kappa,
                "low": found.low,
                "high": found.high,
                "agreed": found.n_agreed,
                "number": found.n_nodes,
                "author": self.author,
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
                "labels": {n: [done.earlier_labels[n], text] for n, text in done.new_labels.items()},
            }
            before = self.workspace.document.measures.get("agreement", {"rounds": []})["rounds"]
            self.workspace.document.store_measure("agreement", {"rounds": [*before, told]})
            self._show_agreement(done, found.describe())
        else:
            self.workspace.post_message(
                f"{len(done.new_labels)} nodes labelled, {len(done.skipped)} skipped."
            )
        self.round_ended.emit()

    def _show_agreement(self, finished_round: LabellingRound, text: str) -> None:
        """The agreement, and where the labels differ."""
        self._shows_result = True
        self._show_controls(False)
        other = [
            (n, finished_round.earlier_labels[n], new)
            for n, new in finished_round.new_labels.items()
            if finished_round.earlier_labels[n] != new
        ]
        differ = "\n".join(f"{node}: {old}, now {new}" for node, old, new in other)
        self.title_label.setText("Agreement of the blind round")
        self.note_label.setText(f"{text}\n\n{differ}".strip())
        self.workspace.post_message(text)

    def _show_controls(self, is_running: bool) -> None:
        for widget in (self.role_box, self.accept_button, self.skip_button, self.next_button):
            widget.setVisible(is_running)
        for button in self.role_buttons:
            button.setVisible(False)
        self.end_button.setText("End" if is_running else "Close")

    def _accept_role(self) -> None:
        text = self.role_box.currentText().strip()
        if self.labelling_round is None or not text:
            return
        node = self.labelling_round.label_current(text)
        if not self.labelling_round.is_blind:
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
        """The next node, or the end."""
        if self.labelling_round is None:
            return
        node = self.labelling_round.current_node
        if node is None:
            self.end_round()
            return
        done = len(self.labelling_round.new_labels) + len(self.labelling_round.skipped)
        kind = "Blind: " if self.labelling_round.is_blind else ""
        self.title_label.setText(f"{kind}{node}    {done + 1} of {self.labelling_round.n_nodes}")
        self.workspace.set_selection(frozenset({node}), frozenset())
        found = self.workspace.document.measures.get("roles")
        rows = rank_roles(found["result"], node)[:MAX_SUGGESTED_ROLES] if found else []
        for button in self.role_buttons:
            button.setVisible(False)
        for number, (row, button) in enumerate(zip(rows, self.role_buttons, strict=False), start=1):
            _, role, score, percentile = row
            shown = f"Alt+{number}   {role}   {score:.2f}, above {percentile:.0f} % of heads"
            button.setText(escape_mnemonics(shown))
            button.setVisible(True)
        unknown = "" if found else "Score all heads under 'Suggest' to be offered the likeliest roles."
        self.note_label.setText("Likeliest roles by their standard tests:" if rows else unknown)
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
            found = self.workspace.document.measures["roles"]["result"]
            self.role_box.setCurrentText(rank_roles(found, self.labelling_round.current_node)[index][1])
            self.role_box.setFocus()

    def _set_labels_hidden(self, hidden: bool) -> None:
        if hidden != self.workspace.labels_hidden:
            self.workspace.labels_hidden = hidden
            self.workspace.state_changed.emit()

    def _on_document_left(self) -> None:
        """The document makes way for another; what was given in the round stays with it."""
        if self.labelling_round is not None:
            self.end_round()

    def _on_document_opened(self) -> None:
        """Another document: the round was about the old one."""
        if self.is_running:
            self.labelling_round, self._shows_result = None, False
            self.workspace.labels_hidden = False
            self.round_ended.emit()

    def _build(self) -> None:
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        keys = {"Alt+S": self._skip_node, "Alt+N": self._postpone_node, "Escape": self.end_round}
        for key, work in keys.items():
            QShortcut(QKeySequence(key), self, context=within).activated.connect(work)
        for number, button in enumerate(self.role_buttons):
            button.clicked.connect(lambda _checked=False, n=number: self._choose_role(n))
            made = QShortcut(QKeySequence(f"Alt+{number + 1}"), self, context=within)
            made.activated.connect(lambda n=number: self._choose_role(n))
        row = QHBoxLayout(spacing=6)
        for button in (self.accept_button, self.skip_button, self.next_button):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.end_button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 6, 12, 8)
        whole.setSpacing(6)
        whole.addWidget(self.title_label)
        whole.addWidget(self.role_box)
        whole.addWidget(self.note_label)
        for button in self.role_buttons:
            whole.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        whole.addStretch(1)
        whole.addLayout(row)
