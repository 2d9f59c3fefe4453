"""Verdict card panel: what was measured of the circuit, judged, and the button that measures the rest."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from circuitviz.document.verdict_card import VerdictCard, verdict_card
from circuitviz.formats.file_io import write_atomically
from circuitviz.panels.panel_steps import model_step
from circuitviz.panels.registry import MissingStep, Panel, panels
from circuitviz.panels.verdicts.verdict_row import VerdictRow
from circuitviz.panels.widgets.file_dialogs import ask_save_file
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea
from circuitviz.panels.widgets.form_check import FormCheck
from circuitviz.panels.widgets.layouts import lay_out_column
from circuitviz.workbench.requests.compute_measure import ComputeMeasure
from circuitviz.workbench.requests.measure_card import CardMeasured, EstimateCard, MeasureCard
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

RUN_AND_CANCEL_WIDTH_PX = 290  # of both side by side
CARD_FILE_FILTER = "Text (*.txt);;JSON (*.json)"


class CardEstimate(FormCheck):
    """How long it will take to measure what is missing."""

    def show_result(self, result: object) -> None:
        """Show the time, where the measures say what they cost."""
        self.show_line("" if result is None else f"Estimate: {result}", "from a forward pass measured now")


@panels.register(
    "verdicts",
    summary="what the measurements say: faithful, complete, minimal, stable, robust, unique",
    title="Verdict card",
    area="bottom",
    place="evaluate",
    order=3,
)
class VerdictPanel(Panel):
    """A line for each verdict; measures that are missing run one after another, and stay where cancelled."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.summary_label = QLabel("", objectName="muted", wordWrap=True, accessibleName="Summary")
        self.run_button = QPushButton("Measure what is missing", objectName="primary")
        self.cancel_button = QPushButton("Cancel")
        self.copy_button = QPushButton("Copy text", toolTip="copy the card as text, with its sentences")
        self.export_button = QPushButton("Export…", toolTip="write the card as text or JSON")
        self.estimate = CardEstimate(workspace, self._find_estimate)
        self.rows: list[VerdictRow] = []
        self.card = VerdictCard(())
        self._refusals: dict[str, str] = {}
        self._job = LatestJob(workspace, self)
        self._build()
        self.run_button.clicked.connect(self.measure_missing)
        self.cancel_button.clicked.connect(self._job.cancel)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.card.text))
        self.export_button.clicked.connect(self._ask_export)
        self._job.received.connect(self._on_received)
        self._job.running_changed.connect(lambda _is_running: self.refresh())
        workspace.measure_stored.connect(self.refresh_when_visible(self.refresh))
        workspace.live_faithfulness.exact_measured.connect(self.refresh_when_visible(self.refresh))
        workspace.state_changed.connect(self.refresh_when_visible(self.refresh))
        workspace.document_opened.connect(self._on_document_opened)
        workspace.model_ready.connect(self.refresh_when_visible(self.refresh))
        self.refresh()

    def is_applicable(self) -> bool:
        """Circuits of features on one prompt have measures of their own."""
        return not self.workspace.state.is_prompt_circuit

    def missing_step(self) -> MissingStep | None:
        """What is missing is measured on an open model."""
        return model_step(self.workspace, "Measures")

    def measure_missing(self) -> None:
        """Measure what the card waits for, one measure after another."""
        if requests := self._missing_requests():
            self._refusals = {}
            self._job.submit(MeasureCard(requests))

    def refresh(self) -> None:
        """Show the verdicts of the document."""
        has_circuit = self.workspace.state.circuit is not None
        self.card = verdict_card(self.workspace.document) if has_circuit else VerdictCard(())
        while len(self.rows) < len(self.card.verdicts):
            self.rows.append(VerdictRow())
            self.rows[-1].set_theme(self.theme)
            self._rows_layout.insertWidget(len(self.rows) - 1, self.rows[-1])
        for row, verdict in zip(self.rows, self.card.verdicts, strict=False):
            row.show_verdict(verdict)
            row.setToolTip(self._refusals.get(verdict.measure, ""))
        for number, row in enumerate(self.rows):
            row.setVisible(number < len(self.card.verdicts))
        missing = self.card.missing_measures
        self.summary_label.setText(self.card.summary or "No circuit is open.")
        is_open = self.workspace.opened_model is not None
        self.run_button.setEnabled(bool(missing) and is_open and not self._job.is_running)
        self.run_button.setToolTip(", ".join(missing))
        if not self._job.is_running and self.cancel_button.hasFocus():
            self.run_button.setFocus()
        self.cancel_button.setEnabled(self._job.is_running)
        for button in (self.copy_button, self.export_button):
            button.setEnabled(has_circuit)
        self.estimate.request_later()

    def set_in_front(self, is_in_front: bool) -> None:
        """Estimate again: the circuit may have changed meanwhile."""
        super().set_in_front(is_in_front)
        if is_in_front:
            self.estimate.request_later()

    def write_card(self, path: Path) -> None:
        """Write the card, as JSON where the suffix says so, else as text."""
        is_json = path.suffix.lower() == ".json"
        text = json.dumps(self.card.as_dict(), indent=1, ensure_ascii=False) if is_json else self.card.text
        write_atomically(path, f"{text}\n".encode())

    def _build(self) -> None:
        content = QWidget()
        self._rows_layout = QVBoxLayout(content, spacing=0)
        self._rows_layout.setContentsMargins(0, 4, 0, 4)
        self._rows_layout.addStretch(1)
        buttons = FoldingRow(
            FoldingRow(self.run_button, self.cancel_button, spacing=6),
            FoldingRow(self.copy_button, self.export_button, spacing=6),
            first_px=RUN_AND_CANCEL_WIDTH_PX,
            spacing=6,
        )
        side = QWidget()
        lay_out_column(
            buttons, self.estimate, self.summary_label, 1, parent=side, spacing=6, margins=(12, 8, 12, 8)
        )
        whole = FoldingRow(
            side, VerticalScrollArea(content), first_px=236, second_px=420, stretches=(0, 1), spacing=0
        )
        lay_out_column(whole, parent=self)

    def _missing_requests(self) -> tuple[ComputeMeasure, ...]:
        """The measures of this circuit that verdicts wait for, with their default options."""
        state, origin = self.workspace.document.state, self.workspace.document.state.origin
        if state.live_circuit is None or state.is_prompt_circuit:
            return ()
        return tuple(
            ComputeMeasure(
                name,
                {},
                state.unintervened_key,
                state.live_circuit,
                state.scores,
                origin.select if origin else "greedy",
                origin.requested if origin else None,
                state.named_node_sets,
                device=self.workspace.device,
                requirements=state.requirements,
            )
            for name in self.card.missing_measures
        )

    def _find_estimate(self) -> EstimateCard | None:
        requests = self._missing_requests()
        is_open = self.workspace.opened_model is not None
        if not requests or not is_open or self._job.is_running or not self.is_in_view:
            return None
        return EstimateCard(requests)

    def _on_received(self, reply: object) -> None:
        if isinstance(reply, CardMeasured):
            self._refusals = dict(reply.refusals)

    def _on_document_opened(self) -> None:
        self._refusals = {}
        self.refresh()

    def _ask_export(self) -> None:
        path = self.workspace.document.path
        name = f"{'circuit' if path is None else path.stem}-card.txt"
        chosen = ask_save_file(
            self, "Export the verdict card", name, CARD_FILE_FILTER, "exports", self.workspace.user_settings
        )
        if chosen is not None:
            self.workspace.run_guarded(self.write_card, chosen, title="Could not export the verdict card")
