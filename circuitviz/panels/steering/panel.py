"""Steering panel: what the model writes plain and with changed nodes, side by side as it comes."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication, QTextOption
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QTextBrowser, QToolButton, QWidget

from circuitviz.document import add_steering, remove_steering
from circuitviz.errors import InputError
from circuitviz.formats import format_csv
from circuitviz.graph import NodeKind, SteeringQuery, SteeringResult
from circuitviz.panels.panel_steps import model_step
from circuitviz.panels.registry import MissingStep, Panel, panels
from circuitviz.panels.steering.steering_form import SteeringForm
from circuitviz.panels.steering.texts_html import texts_html
from circuitviz.panels.widgets.fields import let_shrink
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.form_check import FormCheck
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.scene.theme import Theme
from circuitviz.workbench.requests.check_input import CheckInput
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workbench.requests.steer_model import SteerModel
from circuitviz.workbench.steer import steering_defaults
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

STEERABLE_KINDS = (NodeKind.FEATURE, NodeKind.HEAD, NodeKind.MLP)


@panels.register(
    "steering",
    summary="what the model writes with changed nodes",
    title="Steering",
    area="bottom",
    place="inspect",
    order=3.5,
)
class SteeringPanel(Panel):
    """Texts that were written to their end are recorded in the document; a cancelled one is only shown."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.shown_result: SteeringResult | None = None
        self._job = LatestJob(workspace, self)
        self.form_check = FormCheck(workspace, self._find_check)
        self.form = SteeringForm(self.form_check)
        self.texts_view = QTextBrowser(accessibleName="Plain and steered texts")
        self.texts_view.setOpenLinks(False)
        self.texts_view.setFrameShape(QFrame.Shape.NoFrame)
        self.texts_view.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.record_box = ComboBox(accessibleName="Recorded texts")
        self.record_box.setToolTip("texts that the document has, the latest first")
        let_shrink(self.record_box)
        self.remove_button = QToolButton(text="✕", toolTip="remove these texts from the document")
        self.remove_button.setAccessibleName("Remove these texts")
        self.copy_button = QPushButton("Copy", toolTip="copy the tokens as tab-separated text")
        self._build()
        self.form.steer_requested.connect(lambda: workspace.run_guarded(self.steer, title=SteerModel.title))
        self.form.cancel_requested.connect(self._job.cancel)
        self.form.changed.connect(self.form_check.request_later)
        self.record_box.activated.connect(self._show_record)
        self.remove_button.clicked.connect(self._remove_shown)
        self.copy_button.clicked.connect(self.copy_tokens)
        self._job.received.connect(self._on_received)
        self._job.progressed.connect(lambda progress: self.form.show_message(progress.message))
        self._job.cancelled.connect(lambda: self.form.show_message("Cancelled; nothing was recorded."))
        self._job.failed.connect(lambda _failure: self.form.show_message("Failed; nothing was recorded."))
        self._job.running_changed.connect(self.form.set_running)
        workspace.state_changed.connect(self.refresh_when_visible(self.show_records))
        workspace.document_opened.connect(self._on_document_opened)
        self._on_document_opened()

    def missing_step(self) -> MissingStep | None:
        """A model that is open writes."""
        return model_step(self.workspace, "Texts")

    def steer(self) -> None:
        """Start writing with the form's query.

        Raises:
            InputError: A field does not hold what it should.
        """
        query = self._build_query()
        self.shown_result = None
        self.form.show_message("Reading the prompt …")
        self._job.submit(SteerModel(query))

    def steer_nodes(self, names: frozenset[str]) -> None:
        """Name the nodes to steer: those of a selection that can be, without their positions."""
        circuit = self.workspace.state.circuit
        nodes = [] if circuit is None else [node for node in circuit.graph.nodes if node.name in names]
        steerable = [node.name.partition("@")[0] for node in nodes if node.kind in STEERABLE_KINDS]
        if steerable:
            self.form.nodes_field.setText(", ".join(dict.fromkeys(steerable)))
        self.form.nodes_field.setFocus()

    def show_result(self, result: SteeringResult | None) -> None:
        """Show texts, or how to get some."""
        self.shown_result = result
        scroll_bar = self.texts_view.verticalScrollBar()
        offset = scroll_bar.value()
        if result is None:
            self.texts_view.setPlainText(
                "Name a feature, a head, an MLP or a direction and press Steer: the model writes on after "
                "the prompt, plain and once for each strength."
            )
        else:
            self.texts_view.setHtml(texts_html(result, self.theme))
        scroll_bar.setValue(offset)
        self.copy_button.setEnabled(result is not None)
        self.remove_button.setEnabled(result in self.workspace.state.steering)

    def show_records(self) -> None:
        """Offer the document's records, the latest first; one that is gone is no longer shown."""
        records = self.workspace.state.steering[::-1]
        self.record_box.clear()
        for record in records:
            self.record_box.addItem(f"{record.query.description} · {record.query.prompt}", record)
        self.record_box.setEnabled(bool(records))
        if self.shown_result in records:
            self.record_box.setCurrentIndex(records.index(self.shown_result))
        elif self.shown_result is None or self.shown_result.is_whole:
            self.show_result(records[0] if records else None)
        self.remove_button.setEnabled(self.shown_result in records)

    def copy_tokens(self) -> None:
        """Copy the table of tokens."""
        if self.shown_result is not None:
            QGuiApplication.clipboard().setText(format_csv(self.shown_result.table(), "\t"))

    def set_theme(self, theme: Theme) -> None:
        """Use the theme's colours for the shading."""
        super().set_theme(theme)
        self.show_result(self.shown_result)

    def refresh_on_show(self) -> None:
        """Check the form, which is not checked while it is behind."""
        self.form_check.request_later()

    def _build_query(self) -> SteeringQuery:
        defaults = steering_defaults(self.workspace.state)
        opened = self.workspace.opened_model
        if opened is None:
            raise InputError("No model is open; open the document's model first.")
        folders = tuple(map(str, self.workspace.dictionary_folders)) or defaults.get("dictionaries", ())
        given = {"model": opened.model, "dtype": opened.dtype, "dictionaries": folders}
        return self.form.build_query(given)

    def _find_check(self) -> CheckInput | str | None:
        if not self.form.node_names or self.workspace.opened_model is None or not self.is_in_view:
            return None
        try:
            return CheckInput(SteerModel(self._build_query()))
        except InputError as error:
            return str(error)

    def _on_received(self, reply: object) -> None:
        if not isinstance(reply, QueryResult):
            return
        if reply.refusal:
            self.form.show_message(reply.refusal)
            return
        self.show_result(reply.result)
        if reply.done:
            self.form.show_message("")
            self.workspace.apply_command(add_steering(reply.result))

    def _show_record(self) -> None:
        record = self.record_box.currentData()
        if record is not None:
            self.form.show_query(record.query)
            self.show_result(record)

    def _remove_shown(self) -> None:
        if self.shown_result is not None:
            self.workspace.apply_command(remove_steering(self.shown_result))

    def _on_document_opened(self) -> None:
        self.form.prompt_field.setText(steering_defaults(self.workspace.state).get("prompt", ""))
        self.form.show_message("")
        self.shown_result = None
        self.show_records()

    def _build(self) -> None:
        prompt = lay_out_row(QLabel("Prompt"), (self.form.prompt_field, 1), spacing=8)
        box = (self.record_box, 1)
        records = lay_out_row(QLabel("Recorded"), box, self.remove_button, self.copy_button, spacing=8)
        right = QWidget()
        lay_out_column(prompt, (self.texts_view, 1), records, parent=right, spacing=8, margins=(4, 8, 12, 8))
        lay_out_row(self.form, (right, 1), parent=self, spacing=0)
