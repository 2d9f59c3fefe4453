"""Evidence of one label: its claims, the verdicts of their tests, and buttons to run them."""

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

from circuitviz.document import Evidence, add_evidence, remove_evidence, set_outcome
from circuitviz.evaluation import claims
from circuitviz.panels.labels.claim_dialog import ClaimDialog
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.workbench.claim_outcomes import claims_to_test, name_mover_heads
from circuitviz.workbench.requests.check_claims import CheckClaims, ClaimChecked, LabelClaim
from circuitviz.workbench.requests.load_choices import Choices
from circuitviz.workbench.requests.messages import Reply
from circuitviz.workspace.workspace import Workspace

VERDICT_TEXTS = {"holds": "✓ holds", "fails": "✗ fails", "undecided": "? undecided"}


class EvidenceBox(QWidget):
    """A table with claim, verdict and effect with its interval; stale verdicts say what has changed since."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace, self.theme, self.target = workspace, LIGHT, ""
        self.claim_dialog: ClaimDialog | None = None
        self.title_label = QLabel("", objectName="heading")
        self.table = QTableWidget(0, 3, accessibleName="Evidence")
        self.add_button = QPushButton("Add…", toolTip="add a claim about this label's target, and a test")
        self.run_button = QPushButton(
            "Run", toolTip="run the test of the selected claim, or all tests of this label"
        )
        self.run_stale_button = QPushButton(
            "Run stale", toolTip="run the tests of all labels that are stale or have not run"
        )
        self.remove_button = QPushButton("Remove")
        self._choices = Choices()
        self._is_running = False
        self._build()
        self.add_button.clicked.connect(self.open_claim_dialog)
        self.run_button.clicked.connect(self.run_selected)
        self.run_stale_button.clicked.connect(self.run_stale)
        self.remove_button.clicked.connect(self._remove_selected)
        self.table.itemSelectionChanged.connect(self._update_buttons)
        workspace.catalog_received.connect(self._set_choices)
        workspace.reply_received.connect(self._on_reply)
        workspace.worker_idle.connect(self._on_idle)
        workspace.failure_reported.connect(lambda _failed: self._on_idle())
        workspace.model_ready.connect(lambda _ready: self._update_buttons())
        workspace.state_changed.connect(self.refresh)
        self.show_target("")

    def set_theme(self, theme: Theme) -> None:
        """Use the theme's colours for verdicts."""
        self.theme = theme
        self.refresh()

    def show_target(self, target: str) -> None:
        """Show the evidence of another label."""
        self.target = target
        self.table.clearSelection()
        self.refresh()

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Evidence in the order of the rows."""
        label = self.workspace.state.labels.get(self.target)
        return label.evidence if label else ()

    def refresh(self) -> None:
        """Show the document's evidence."""
        context, rows = self.workspace.document.state.evidence_context_of(self.target), self.evidence
        label = self.workspace.state.labels.get(self.target)
        self.title_label.setText(f"{self.target}: {label.text}" if label else "Select a label")
        self.table.setRowCount(len(rows))
        for row, evidence in enumerate(rows):
            stale = evidence.stale_parts(context)
            verdict = "not run" if evidence.outcome is None else VERDICT_TEXTS[evidence.outcome.verdict]
            if stale:
                verdict += f"\nstale: {', '.join(stale)}"
            texts = (verdict, evidence.claim, _effect_text(evidence))
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(evidence_tooltip(evidence, stale))
                if not column:
                    item.setForeground(self._verdict_colour(evidence, bool(stale)))
                self.table.setItem(row, column, item)
        self._update_buttons()

    def open_claim_dialog(self) -> None:
        """Ask for a claim and its test."""
        state = self.workspace.document.state
        origin = state.origin
        tests = self._choices.claims
        choices = {
            name: tests[name]
            for name in claims.applicable_claim_tests(state.target_members(self.target)[0])
            if name in tests
        }
        has_pairs = state.query is None or state.query.has_answer_pair
        self.claim_dialog = ClaimDialog(choices, origin.task if origin else "", self.window(), has_pairs)
        self.claim_dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.claim_dialog.accepted.connect(self._on_claim_accepted)
        self.claim_dialog.open()

    def run_selected(self) -> None:
        """Run the tests of the selected claims, or of all claims of the label."""
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        chosen = [self.evidence[row] for row in rows] or list(self.evidence)
        self._run_claims([(self.target, evidence) for evidence in chosen])

    def run_stale(self) -> None:
        """Run the tests of all labels that have not run yet or are stale."""
        self._run_claims(claims_to_test(self.workspace.document.state))

    def _run_claims(self, requested: list[tuple[str, Evidence]]) -> None:
        state = self.workspace.document.state
        untested = tuple(
            LabelClaim(target, evidence, *state.target_members(target), state.evidence_context_of(target))
            for target, evidence in requested
        )
        if not untested:
            self.workspace.post_message("No test is stale or new.")
            return
        self._is_running = True
        self._update_buttons()
        self.workspace.submit_request(
            CheckClaims(untested, name_mover_heads(state), state.origin, self.workspace.device)
        )

    def _on_claim_accepted(self) -> None:
        assert self.claim_dialog is not None
        evidence = self.claim_dialog.build_evidence()
        self.workspace.apply_command(add_evidence(self.target, evidence))
        if self.workspace.opened_model is not None:
            self._run_claims([(self.target, evidence)])

    def _remove_selected(self) -> None:
        for row in sorted({index.row() for index in self.table.selectedIndexes()}, reverse=True):
            self.workspace.apply_command(remove_evidence(self.target, self.evidence[row]))

    def _on_reply(self, reply: Reply) -> None:
        if isinstance(reply, ClaimChecked):
            self.workspace.apply_command(set_outcome(reply.target, reply.evidence, reply.outcome))
            self.workspace.post_message(f"{reply.target}: '{reply.evidence.claim}' {reply.outcome.verdict}")
            if reply.is_last:
                self._on_idle()

    def _on_idle(self) -> None:
        self._is_running = False
        self._update_buttons()

    def _set_choices(self, choices: Choices) -> None:
        self._choices = choices
        self._update_buttons()

    def _update_buttons(self) -> None:
        ready = self.workspace.opened_model is not None and not self._is_running
        labelled = bool(self.target) and self.target in self.workspace.state.labels
        self.add_button.setEnabled(labelled and bool(self._choices.claims))
        self.run_button.setEnabled(ready and bool(self.evidence))
        self.run_stale_button.setEnabled(
            ready and any(x.evidence for x in self.workspace.state.labels.values())
        )
        self.remove_button.setEnabled(bool(self.table.selectedIndexes()))

    def _verdict_colour(self, evidence: Evidence, is_stale: bool) -> QColor:
        if evidence.outcome is None or is_stale:
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
        for button in (self.add_button, self.run_button, self.run_stale_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.remove_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 12, 8)
        layout.setSpacing(6)
        layout.addWidget(self.title_label)
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons)


def evidence_tooltip(evidence: Evidence, stale_parts: tuple[str, ...]) -> str:
    """Tooltip with everything that is known of a test."""
    outcome = evidence.outcome
    options = ", ".join(f"{name} {value}" for name, value in evidence.options.items() if value != "")
    lines = [evidence.claim, f"test: {evidence.test} ({options})"]
    if outcome is not None:
        lines += [outcome.measured, outcome.detail, f"{outcome.prompts} prompts, seed {outcome.seed}"]
        lines += [f"prompts' hash {outcome.prompts_hash[:16]}", outcome.date]
    if stale_parts:
        lines.append(f"stale: {', '.join(stale_parts)} changed since")
    return "\n".join(line for line in lines if line)


def _effect_text(evidence: Evidence) -> str:
    outcome = evidence.outcome
    if outcome is None or outcome.effect is None:
        return "" if outcome is None else "undefined"
    interval = "" if outcome.low is None else f"\n[{outcome.low:.2f}, {outcome.high:.2f}]"
    return f"{outcome.effect:.2f}{interval}"
