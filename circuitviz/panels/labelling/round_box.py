"""A labelling round: one node after another, with keys, so that the hands stay on the keyboard."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from circuitviz.panels.desk import Desk
from circuitviz.panels.labelling.suggestions import ranked
from circuitviz.panels.labelling.table import RoleBox
from circuitviz.panels.plain import as_caption
from circuitviz.session import Label, set_label
from circuitviz.session.labels import colour_for
from circuitviz.session.rounds import LabellingRound

MOST = 3


class RoundBox(QWidget):
    """Shows whose turn it is and its likeliest roles. ``ended()`` when the round is over.

    In a blind round the document's labels are hidden everywhere and stay as they are; what is given
    anew is compared with them at the end, and the agreement is kept with the document.
    """

    ended = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk, self.author = desk, ""
        self.round: LabellingRound | None = None
        self._told = False
        self.title = QLabel("", objectName="heading")
        self.about = QLabel("", objectName="muted", wordWrap=True)
        self.role = RoleBox(desk)
        self.accept = QPushButton("Accept ⏎", objectName="primary")
        self.skip = QPushButton("Skip", toolTip="leave this node out of the round (Alt+S)")
        self.later = QPushButton("Next", toolTip="come back to this node at the end (Alt+N)")
        self.end = QPushButton("End")
        self.offers = [QPushButton("", objectName="link", visible=False) for _ in range(MOST)]
        self._build()
        for button, work in (
            (self.accept, self._accept),
            (self.skip, self._skip),
            (self.later, self._later),
            (self.end, self.finish),
        ):
            button.clicked.connect(work)
        self.role.line.returnPressed.connect(self._accept)
        desk.document_left.connect(self._leave)
        desk.document_opened.connect(self._drop)

    @property
    def running(self) -> bool:
        """Whether a round is under way, or its result still to be read."""
        return self.round is not None or self._told

    def begin(self, blind: bool) -> None:
        """Start a round; tells where there is nothing to label."""
        state = self.desk.document.state
        begun = LabellingRound.of(state, blind)
        if begun.node is None:
            told = "No node of the circuit has a label yet." if blind else "Every node has a label already."
            self.desk.say(told if state.circuit is not None else "There is no circuit to label yet.")
            return
        self.round, self._told = begun, False
        self._hide_labels(blind)
        self._enable(True)
        self._show()

    def finish(self) -> None:
        """End the round; a blind one tells and keeps how far the labels agree, until this is closed."""
        if self.round is None:
            self._told = False
            self.ended.emit()
            return
        done, self.round = self.round, None
        self._hide_labels(False)
        if done.blind:
            found = done.agreement()
            told = {
                "kappa": found.kappa,
                "low": found.low,
                "high": found.high,
                "agreed": found.agreed,
                "number": found.number,
                "author": self.author,
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
                "labels": {n: [done.earlier[n], text] for n, text in done.given.items()},
            }
            before = self.desk.document.measures.get("agreement", {"rounds": []})["rounds"]
            self.desk.document.keep_measure("agreement", {"rounds": [*before, told]})
            self._tell(done, found.text())
        else:
            self.desk.say(f"{len(done.given)} nodes labelled, {len(done.skipped)} skipped.")
        self.ended.emit()

    def _tell(self, done: LabellingRound, text: str) -> None:
        """The agreement, and where the labels differ."""
        self._told = True
        self._enable(False)
        other = [(n, done.earlier[n], new) for n, new in done.given.items() if done.earlier[n] != new]
        differ = "\n".join(f"{node}: {old}, now {new}" for node, old, new in other)
        self.title.setText("Agreement of the blind round")
        self.about.setText(f"{text}\n\n{differ}".strip())
        self.desk.say(text)

    def _enable(self, running: bool) -> None:
        for widget in (self.role, self.accept, self.skip, self.later):
            widget.setVisible(running)
        for button in self.offers:
            button.setVisible(False)
        self.end.setText("End" if running else "Close")

    def _accept(self) -> None:
        text = self.role.currentText().strip()
        if self.round is None or not text:
            return
        node = self.round.accept(text)
        if not self.round.blind:
            labels = self.desk.document.state.labels
            self.desk.do(set_label(node, Label(text, colour_for(labels, text), author=self.author)))
        self._show()

    def _skip(self) -> None:
        if self.round is not None:
            self.round.skip()
            self._show()

    def _later(self) -> None:
        if self.round is not None:
            self.round.later()
            self._show()

    def _show(self) -> None:
        """The next node, or the end."""
        if self.round is None:
            return
        node = self.round.node
        if node is None:
            self.finish()
            return
        done = len(self.round.given) + len(self.round.skipped)
        kind = "Blind: " if self.round.blind else ""
        self.title.setText(f"{kind}{node}    {done + 1} of {self.round.total}")
        self.desk.select(frozenset({node}), frozenset())
        found = self.desk.document.measures.get("roles")
        rows = ranked(found["result"], node)[:MOST] if found else []
        for button in self.offers:
            button.setVisible(False)
        for number, (row, button) in enumerate(zip(rows, self.offers, strict=False), start=1):
            _, role, score, percentile = row
            shown = f"Alt+{number}   {role}   {score:.2f}, above {percentile:.0f} % of heads"
            button.setText(as_caption(shown))
            button.setVisible(True)
        unknown = "" if found else "Score all heads under 'Suggest' to be offered the likeliest roles."
        self.about.setText("Likeliest roles by their standard tests:" if rows else unknown)
        self.role.offer()
        self.role.setCurrentText(rows[0][1] if rows else "")
        self.role.line.selectAll()
        self.role.setFocus()

    def _take(self, number: int) -> None:
        if self.offers[number].isVisible() and self.round is not None and self.round.node is not None:
            found = self.desk.document.measures["roles"]["result"]
            self.role.setCurrentText(ranked(found, self.round.node)[number][1])
            self.role.setFocus()

    def _hide_labels(self, hidden: bool) -> None:
        if hidden != self.desk.blind:
            self.desk.blind = hidden
            self.desk.state_changed.emit()

    def _leave(self) -> None:
        """The document makes way for another; what was given in the round stays with it."""
        if self.round is not None:
            self.finish()

    def _drop(self) -> None:
        """Another document: the round was about the old one."""
        if self.running:
            self.round, self._told = None, False
            self.desk.blind = False
            self.ended.emit()

    def _build(self) -> None:
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        keys = {"Alt+S": self._skip, "Alt+N": self._later, "Escape": self.finish}
        for key, work in keys.items():
            QShortcut(QKeySequence(key), self, context=within).activated.connect(work)
        for number, button in enumerate(self.offers):
            button.clicked.connect(lambda _checked=False, n=number: self._take(n))
            made = QShortcut(QKeySequence(f"Alt+{number + 1}"), self, context=within)
            made.activated.connect(lambda n=number: self._take(n))
        row = QHBoxLayout(spacing=6)
        for button in (self.accept, self.skip, self.later):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.end)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 6, 12, 8)
        whole.setSpacing(6)
        whole.addWidget(self.title)
        whole.addWidget(self.role)
        whole.addWidget(self.about)
        for button in self.offers:
            whole.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        whole.addStretch(1)
        whole.addLayout(row)
