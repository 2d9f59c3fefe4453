"""The claims of one label with what their tests found; a test is run from here."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
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

from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.jobs import Choices, Claim, Reply, Tried, TryClaims
from circuitviz.panels.desk import Desk
from circuitviz.panels.labelling.claim_dialog import ClaimDialog
from circuitviz.session import Evidence, add_evidence, remove_evidence, set_outcome
from circuitviz.session.outcomes import due, name_movers
from circuitviz.session.question import Question

SIGNS = {"holds": "✓ holds", "fails": "✗ fails", "undecided": "? undecided"}


class EvidenceBox(QWidget):
    """Claim, verdict, effect with interval; stale ones say what has changed since."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk, self.theme, self.target = desk, LIGHT, ""
        self.dialog: ClaimDialog | None = None
        self.title = QLabel("", objectName="heading")
        self.table = QTableWidget(0, 3, accessibleName="Evidence")
        self.add = QPushButton("Add…", toolTip="a claim about this part, and the test of it")
        self.run = QPushButton("Run", toolTip="test the selected claim, or all of this label")
        self.run_all = QPushButton("Run stale", toolTip="test every label's claims that are stale or new")
        self.remove = QPushButton("Remove")
        self._choices = Choices()
        self._running = False
        self._build()
        self.add.clicked.connect(self.ask_claim)
        self.run.clicked.connect(self.start)
        self.run_all.clicked.connect(self.start_all)
        self.remove.clicked.connect(self._remove)
        self.table.itemSelectionChanged.connect(self._enable)
        desk.choices_arrived.connect(self._set_choices)
        desk.arrived.connect(self._arrived)
        desk.idle.connect(self._idle)
        desk.failed.connect(lambda _failed: self._idle())
        desk.ready.connect(lambda _ready: self._enable())
        desk.state_changed.connect(self.refresh)
        self.show_target("")

    def set_theme(self, theme: Theme) -> None:
        """Verdicts in the theme's colours."""
        self.theme = theme
        self.refresh()

    def show_target(self, target: str) -> None:
        """Show the evidence of another label."""
        self.target = target
        self.table.clearSelection()
        self.refresh()

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What stands in the rows."""
        label = self.desk.state.labels.get(self.target)
        return label.evidence if label else ()

    def refresh(self) -> None:
        """Follow the document."""
        now, rows = self.desk.document.state.basis_of(self.target), self.evidence
        label = self.desk.state.labels.get(self.target)
        self.title.setText(f"{self.target}: {label.text}" if label else "Choose a label")
        self.table.setRowCount(len(rows))
        for at, evidence in enumerate(rows):
            stale = evidence.stale(now)
            verdict = "not run" if evidence.outcome is None else SIGNS[evidence.outcome.verdict]
            if stale:
                verdict += f"\nstale: {', '.join(stale)}"
            texts = (verdict, evidence.claim, _effect(evidence))
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(told(evidence, stale))
                self.table.setItem(at, column, item)
            self.table.item(at, 0).setForeground(self._colour(evidence, bool(stale)))
        self._enable()

    def ask_claim(self) -> None:
        """Choose a test and say what is expected of it."""
        from circuitviz.evaluation.claims import offered

        state = self.desk.document.state
        where = state.provenance
        known = self._choices.claims
        claims = {name: known[name] for name in offered(state.parts(self.target)[0]) if name in known}
        question = Question.of(where)
        paired = question is None or bool(question.corrupted and question.correct)
        self.dialog = ClaimDialog(claims, where.task if where else "", self.window(), paired)
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.accepted.connect(self._added)
        self.dialog.open()

    def start(self) -> None:
        """Test what is selected, or every claim of the label."""
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        chosen = [self.evidence[row] for row in rows] or list(self.evidence)
        self._ask([(self.target, evidence) for evidence in chosen])

    def start_all(self) -> None:
        """Test every claim of every label that was not tested yet, or is stale."""
        self._ask(due(self.desk.document.state))

    def _ask(self, wanted: list[tuple[str, Evidence]]) -> None:
        state = self.desk.document.state
        claims = tuple(
            Claim(target, evidence, *state.parts(target), state.basis_of(target))
            for target, evidence in wanted
        )
        if not claims:
            self.desk.say("No claim is stale; there is nothing to test.")
            return
        self._running = True
        self._enable()
        self.desk.ask(TryClaims(claims, name_movers(state), state.provenance, self.desk.device))

    def _added(self) -> None:
        assert self.dialog is not None
        evidence = self.dialog.evidence()
        self.desk.do(add_evidence(self.target, evidence))
        if self.desk.opened is not None:
            self._ask([(self.target, evidence)])

    def _remove(self) -> None:
        for row in sorted({index.row() for index in self.table.selectedIndexes()}, reverse=True):
            self.desk.do(remove_evidence(self.target, self.evidence[row]))

    def _arrived(self, reply: Reply) -> None:
        if isinstance(reply, Tried):
            self.desk.do(set_outcome(reply.target, reply.evidence, reply.outcome))
            self.desk.say(f"{reply.target}: '{reply.evidence.claim}' {reply.outcome.verdict}")
            if reply.last:
                self._idle()

    def _idle(self) -> None:
        self._running = False
        self._enable()

    def _set_choices(self, choices: Choices) -> None:
        self._choices = choices
        self._enable()

    def _enable(self) -> None:
        ready = self.desk.opened is not None and not self._running
        labelled = bool(self.target) and self.target in self.desk.state.labels
        self.add.setEnabled(labelled and bool(self._choices.claims))
        self.run.setEnabled(ready and bool(self.evidence))
        self.run_all.setEnabled(ready and any(x.evidence for x in self.desk.state.labels.values()))
        self.remove.setEnabled(bool(self.table.selectedIndexes()))

    def _colour(self, evidence: Evidence, stale: bool) -> QColor:
        if evidence.outcome is None or stale:
            return QColor(self.theme.muted)
        colours = {"holds": self.theme.positive, "fails": self.theme.warning}
        return QColor(colours.get(evidence.outcome.verdict, self.theme.muted))

    def _build(self) -> None:
        self.table.setHorizontalHeaderLabels(["Verdict", "Claim", "Effect"])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setWordWrap(True)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        sizes = QHeaderView.ResizeMode
        for column, mode in enumerate((sizes.ResizeToContents, sizes.Stretch, sizes.ResizeToContents)):
            header.setSectionResizeMode(column, mode)
        self.table.verticalHeader().setSectionResizeMode(sizes.ResizeToContents)
        buttons = QHBoxLayout(spacing=6)
        for button in (self.add, self.run, self.run_all):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.remove)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 6, 12, 8)
        whole.setSpacing(6)
        whole.addWidget(self.title)
        whole.addWidget(self.table, 1)
        whole.addLayout(buttons)


def told(evidence: Evidence, stale: tuple[str, ...]) -> str:
    """Everything that is known of a test, line by line."""
    found = evidence.outcome
    options = ", ".join(f"{name} {value}" for name, value in evidence.options.items() if value != "")
    lines = [evidence.claim, f"test: {evidence.test} ({options})"]
    if found is not None:
        lines += [found.measured, found.detail, f"{found.prompts} prompts, seed {found.seed}"]
        lines += [f"prompts' hash {found.prompts_hash[:16]}", found.date]
    if stale:
        lines.append(f"stale: {', '.join(stale)} changed since")
    return "\n".join(line for line in lines if line)


def _effect(evidence: Evidence) -> str:
    found = evidence.outcome
    if found is None or found.effect is None:
        return "" if found is None else "undefined"
    interval = "" if found.low is None else f"\n[{found.low:.2f}, {found.high:.2f}]"
    return f"{found.effect:.2f}{interval}"
