"""Evidence of one label: its claims, the verdicts of their tests, and buttons to run them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView, QLabel, QPushButton

from circuitviz.document import Evidence, add_evidence, remove_evidence, set_outcome
from circuitviz.evaluation import claims
from circuitviz.number_text import decimal_number, interval_text
from circuitviz.panels.labels.claim_dialog import ClaimDialog
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.tables import TextTable
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.scene.theme import Theme
from circuitviz.workbench.claim_outcomes import claims_to_test, name_mover_heads
from circuitviz.workbench.requests.check_claims import CheckClaims, ClaimChecked, LabelClaim
from circuitviz.workbench.requests.load_catalog import Catalog
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

VERDICT_TEXTS = {"holds": "✓ holds", "fails": "✗ fails", "undecided": "? undecided"}


class EvidenceBox(ThemedWidget):
    """A table with claim, verdict and effect with its interval; stale verdicts say what has changed since."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace, self.target = workspace, ""
        self.claim_dialog: ClaimDialog | None = None
        self.title_label = QLabel("", objectName="heading")
        self.table = TextTable(("Verdict", "Claim", "Effect"), "Evidence")
        self.add_button = QPushButton("Add…", toolTip="add a claim about this label's target, and a test")
        self.run_button = QPushButton(
            "Run", toolTip="run the test of the selected claim, or all tests of this label"
        )
        self.run_stale_button = QPushButton(
            "Run stale", toolTip="run the tests of all labels that are stale or have not run"
        )
        self.remove_button = QPushButton("Remove")
        self._catalog = Catalog()
        self._job = LatestJob(workspace, self)
        self._build()
        self.add_button.clicked.connect(self.open_claim_dialog)
        self.run_button.clicked.connect(self.run_selected)
        self.run_stale_button.clicked.connect(self.run_stale)
        self.remove_button.clicked.connect(self._remove_selected)
        self.table.itemSelectionChanged.connect(self._update_buttons)
        workspace.catalog_received.connect(self._set_catalog)
        self._job.received.connect(self._on_claim_checked)
        self._job.running_changed.connect(lambda _is_running: self._update_buttons())
        workspace.model_ready.connect(lambda _ready: self._update_buttons())
        workspace.state_changed.connect(self.refresh)
        self.show_target("")

    def set_theme(self, theme: Theme) -> None:
        """Use the theme's colours for verdicts."""
        super().set_theme(theme)
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
        stale_parts = [evidence.stale_parts(context) for evidence in rows]
        texts, tool_tips = [], []
        for evidence, stale in zip(rows, stale_parts, strict=True):
            verdict = "not run" if evidence.outcome is None else VERDICT_TEXTS[evidence.outcome.verdict]
            verdict += f"\nstale: {', '.join(stale)}" if stale else ""
            texts.append((verdict, evidence.claim, _effect_text(evidence)))
            tool_tips.append(evidence_tooltip(evidence, stale))
        self.table.show_rows(texts, tool_tips)
        for row, evidence in enumerate(rows):
            self.table.set_cell_colour(row, 0, self._verdict_colour(evidence, bool(stale_parts[row])))
        self._update_buttons()

    def open_claim_dialog(self) -> None:
        """Ask for a claim and its test."""
        state = self.workspace.document.state
        origin = state.origin
        tests = self._catalog.claims
        choices = {
            name: tests[name]
            for name in claims.applicable_claim_tests(state.target_members(self.target)[0])
            if name in tests
        }
        has_pairs = state.query is None or state.query.has_answer_pair
        self.claim_dialog = ClaimDialog(
            choices, origin.task if origin else "", self.window(), self.workspace.user_settings, has_pairs
        )
        self.claim_dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.claim_dialog.accepted.connect(self._on_claim_accepted)
        self.claim_dialog.open()

    def run_selected(self) -> None:
        """Run the tests of the selected claims, or of all claims of the label."""
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        claims = [self.evidence[row] for row in rows] or list(self.evidence)
        self._run_claims([(self.target, evidence) for evidence in claims])

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
        self._job.submit(CheckClaims(untested, name_mover_heads(state), state.origin, self.workspace.device))

    def _on_claim_accepted(self) -> None:
        assert self.claim_dialog is not None
        evidence = self.claim_dialog.build_evidence()
        self.workspace.apply_command(add_evidence(self.target, evidence))
        if self.workspace.opened_model is not None:
            self._run_claims([(self.target, evidence)])

    def _remove_selected(self) -> None:
        for row in sorted({index.row() for index in self.table.selectedIndexes()}, reverse=True):
            self.workspace.apply_command(remove_evidence(self.target, self.evidence[row]))

    def _on_claim_checked(self, reply: ClaimChecked) -> None:
        self.workspace.apply_command(set_outcome(reply.target, reply.evidence, reply.outcome))
        self.workspace.post_message(f"{reply.target}: '{reply.evidence.claim}' {reply.outcome.verdict}")

    def _set_catalog(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._update_buttons()

    def _update_buttons(self) -> None:
        can_run = self.workspace.opened_model is not None and not self._job.is_running
        is_labelled = bool(self.target) and self.target in self.workspace.state.labels
        self.add_button.setEnabled(is_labelled and bool(self._catalog.claims))
        self.run_button.setEnabled(can_run and bool(self.evidence))
        self.run_stale_button.setEnabled(
            can_run and any(x.evidence for x in self.workspace.state.labels.values())
        )
        self.remove_button.setEnabled(bool(self.table.selectedIndexes()))

    def _verdict_colour(self, evidence: Evidence, is_stale: bool) -> QColor:
        if evidence.outcome is None or is_stale:
            return QColor(self.theme.muted)
        colours = {"holds": self.theme.positive, "fails": self.theme.warning}
        return QColor(colours.get(evidence.outcome.verdict, self.theme.muted))

    def _build(self) -> None:
        sizes = QHeaderView.ResizeMode
        for header in (self.table.horizontalHeader(), self.table.verticalHeader()):
            header.setSectionResizeMode(sizes.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(1, sizes.Stretch)
        buttons = lay_out_row(
            self.add_button, self.run_button, self.run_stale_button, 1, self.remove_button, spacing=6
        )
        lay_out_column(
            self.title_label, (self.table, 1), buttons, parent=self, spacing=6, margins=(8, 6, 12, 8)
        )


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
    low, high = outcome.low, outcome.high
    interval = "" if low is None or high is None else f"\n{interval_text(low, high, 2)}"
    return f"{decimal_number(outcome.effect, 2)}{interval}"
