"""Prompt circuit panel: attribution query on the left; threshold, ledger and fraction curve on the right."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QLabel, QPushButton, QStackedWidget, QWidget

from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.document.origin import PromptOrigin, TaskOrigin, select_text_answers
from circuitviz.number_text import decimal_number
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.feature_circuit.graph_scores import GraphScoresView
from circuitviz.panels.feature_circuit.ledger_view import LedgerView
from circuitviz.panels.feature_circuit.query_form import AttributionQueryForm
from circuitviz.panels.feature_circuit.threshold_row import ThresholdRow
from circuitviz.panels.figures import ExportButton
from circuitviz.panels.panel_steps import has_dictionaries, has_features, model_step
from circuitviz.panels.registry import MissingStep, Panel, panels
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea, fix_scaled_width
from circuitviz.panels.widgets.form_check import FormCheck
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row, make_splitter
from circuitviz.workbench.requests.check_input import CheckInput
from circuitviz.workbench.requests.discover_prompt_circuit import (
    DiscoverPromptCircuit,
    FractionPoint,
    ReadFractionCurve,
)
from circuitviz.workbench.requests.messages import JobFailed
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace


@panels.register(
    "feature-circuit",
    summary="circuit of one prompt",
    title="Feature circuit",
    area="bottom",
    place="features",
    order=3.1,
)
class FeatureCircuitPanel(Panel):
    """Shows the query that the open document answers, with its numbers."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.form_check = FormCheck(workspace, self._find_check)
        self.query_form = AttributionQueryForm(self.form_check)
        self.trace_button = QPushButton("Trace", objectName="primary")
        self.cancel_button = QPushButton("Cancel")
        self.title_label = QLabel("", objectName="heading", wordWrap=True)
        self.note_label = QLabel("", objectName="muted", wordWrap=True)
        self.threshold_row = ThresholdRow()
        self.ledger_view = LedgerView()
        self.curve_chart = ChartView("Attribution fraction against the threshold")
        self.export_button = ExportButton(workspace, self._exportable_plots)
        self.graph_scores = GraphScoresView()
        self.use_selected_button = QPushButton(
            "Selected", toolTip="use the node that is selected on the canvas as the target"
        )
        self.pages = QStackedWidget()
        self._shown_query: AttributionQuery | None = None
        self._curve_points: tuple[FractionPoint, ...] = ()
        self._curve_key: tuple[object, ...] = ()
        self._job = LatestJob(workspace, self)
        self._build()
        self.trace_button.clicked.connect(self.start_trace)
        self.cancel_button.clicked.connect(self._job.cancel)
        self.use_selected_button.clicked.connect(self.use_selected_node)
        self.threshold_row.threshold_requested.connect(workspace.prompt_circuits.change_threshold)
        self.threshold_row.input_rejected.connect(
            lambda text: workspace.failure_reported.emit(JobFailed("Could not set the threshold", text))
        )
        self.query_form.shares_changed.connect(self._on_shares_changed)
        self.query_form.changed.connect(self.form_check.request_later)
        self.curve_chart.hover_text_changed.connect(
            lambda text: self.note_label.setText(text or self._summary_text())
        )
        workspace.state_changed.connect(self.refresh_when_visible(self.show_state))
        workspace.selection_changed.connect(self._update_selected_button)
        workspace.document_opened.connect(self._on_document_opened)
        workspace.model_ready.connect(lambda _ready: self._on_model_opened())
        workspace.prompt_circuits.answer_shown.connect(self._end_waiting)
        workspace.failure_reported.connect(lambda _failure: self._end_waiting())
        workspace.worker_idle.connect(self._end_waiting)
        self._job.running_changed.connect(self._on_running_changed)
        self._on_running_changed(False)
        self.show_state()

    def set_in_front(self, is_in_front: bool) -> None:
        """Compute the fraction curve when the panel is shown."""
        super().set_in_front(is_in_front)
        if is_in_front:
            self.query_form.set_has_dictionaries(has_dictionaries(self.workspace))
            self._request_curve()
            self.form_check.request_later()

    def is_applicable(self) -> bool:
        """Whether a model is open, or a circuit of one prompt."""
        return self.workspace.opened_model is not None or has_features(self.workspace)

    def missing_step(self) -> MissingStep | None:
        """Features are traced through an open model."""
        return model_step(self.workspace, "Traces")

    def start_trace(self) -> None:
        """Submit the query of the form."""
        opened = self.workspace.opened_model
        query = self.query_form.read_query(
            opened.model if opened else "demo", self.workspace.dictionary_folders
        )
        handle = self.workspace.prompt_circuits.submit_query(query)
        if handle is not None:
            self._job.follow(handle)

    def _find_check(self) -> CheckInput | None:
        """Whether the query of the form can be answered by the open model."""
        opened = self.workspace.opened_model
        if opened is None or not self.query_form.is_filled or not self.is_in_view:
            return None
        query = self.query_form.read_query(opened.model, self.workspace.dictionary_folders)
        return CheckInput(DiscoverPromptCircuit(query, self.workspace.device))

    def use_selected_node(self) -> None:
        """Use the node that is selected on the canvas as the target."""
        if (name := self.workspace.prompt_circuits.traceable_node) is not None:
            self.query_form.target_kind_box.setCurrentIndex(self.query_form.target_kind_box.findData("node"))
            self.query_form.target_field.setText(name)

    # the open query

    def show_state(self) -> None:
        """Show the document's query and numbers, also after undo."""
        query, scores = self.workspace.prompt_circuits.query, self.workspace.document.state.scores
        graph = query is not None and query.is_graph
        self.pages.setCurrentIndex(1 if graph else 0)
        self.threshold_row.setEnabled(query is not None and not graph)
        self._update_selected_button()
        if query is None or scores is None:
            self.title_label.setText("No prompt circuit is open")
            self.ledger_view.show_ledger(None, "")
            self.note_label.setText(self._summary_text())
            self._shown_query = None
            self._draw_curve()
            return
        if query != self._shown_query:
            is_threshold_change = self._shown_query is not None and self._shown_query.with_threshold(
                0
            ) == query.with_threshold(0)
            self._shown_query = query
            if not is_threshold_change:
                self.query_form.show_query(query)
        self.title_label.setText(self._title_text())
        if graph:
            self.graph_scores.show_scores(scores.info)
        else:
            self.ledger_view.show_ledger(
                scores.info.get("ledger"), self._target_text(), scores.info.get("attention_ledger")
            )
            self.threshold_row.show_threshold(query.tau or 0.0, float(scores.info.get("highest", 0.0)))
        self._request_curve()
        self._draw_curve()
        self.note_label.setText(self._summary_text())

    def _title_text(self) -> str:
        state = self.workspace.document.state
        assert state.scores is not None and state.circuit is not None
        size = f"{state.circuit.n_nodes:,} nodes, {state.circuit.n_edges:,} edges"
        value = state.scores.info.get("activations", {}).get(str(state.scores.info.get("target")))
        if value is None:
            return f"Attribution graph · {size}"
        return f"{self._target_text()} is {decimal_number(value, 4)} · {size}"

    def _target_text(self) -> str:
        scores = self.workspace.document.state.scores
        info = {} if scores is None else scores.info
        name = str(info.get("target", ""))
        token = info.get("shown", {}).get(name)
        return name if token is None else f"“{token.strip() or token}” {name}"

    def _summary_text(self) -> str:
        """The attribution fraction, or what to do where no circuit is open."""
        scores, query = self.workspace.document.state.scores, self._shown_query
        if query is None or scores is None:
            return (
                "Choose a prompt and a target and press Trace, an example on a feature's dashboard, or a "
                "node (Shift+T)."
            )
        if query.is_graph:
            unexpanded = scores.info.get("unread", 0.0)
            return f"{unexpanded:.1%} of the influence is at nodes whose attribution was not expanded."
        fraction = scores.info.get("fraction", math.nan)
        number = decimal_number(fraction, 3)
        return f"Fraction {number}: attribution of the kept source nodes, divided by the target’s value."

    # curve

    def _request_curve(self) -> None:
        query = self._shown_query
        if query is None or query.is_graph or self.workspace.opened_model is None or not self.is_in_view:
            return
        if _curve_key_of(query) != self._curve_key:
            self._curve_key, self._curve_points = _curve_key_of(query), ()
            handle = self.workspace.submit_request(ReadFractionCurve(query))
            for signal in (handle.partial, handle.finished):
                signal.connect(self._on_curve_read)

    def _draw_curve(self) -> None:
        query = self._shown_query
        has_curve = query is not None and not query.is_graph
        result = {"points": self._curve_points if has_curve else (), "tau": query.tau if query else None}
        self.curve_chart.draw_result("fraction", result)
        self.export_button.setEnabled(bool(self._exportable_plots()))

    def _exportable_plots(self) -> dict[str, ExportablePlot]:
        """Plots that can be exported, by file stem."""
        curve: dict[str, ExportablePlot] = (
            {"attribution-fraction": self.curve_chart} if self._curve_points else {}
        )
        return curve | ({"ledger": self.ledger_view} if self.ledger_view.terms else {})

    # replies

    def _on_curve_read(self, reply: QueryResult) -> None:
        assert isinstance(reply.query, ReadFractionCurve)
        if _curve_key_of(reply.query.attribution_query) == self._curve_key:
            self._curve_points = reply.result or ()
            self._draw_curve()

    def _on_model_opened(self) -> None:
        opened, origin = self.workspace.opened_model, self.workspace.document.state.origin
        if opened is None:
            return
        pairs = origin.pairs if isinstance(origin, TaskOrigin) else ()
        task_pairs = tuple(
            (pair[0], pair[1], select_text_answers(pair[2]), select_text_answers(pair[3])) for pair in pairs
        )
        self.query_form.set_prompts(opened.prompts, task_pairs)
        self.query_form.set_has_dictionaries(has_dictionaries(self.workspace))
        if isinstance(origin, PromptOrigin):
            self.query_form.show_query(origin.query)
        self._curve_key = ()
        self._request_curve()

    def _on_document_opened(self) -> None:
        self._shown_query, self._curve_key, self._curve_points = None, (), ()
        self.threshold_row.clear_pending()

    def _on_shares_changed(self) -> None:
        query = self._shown_query
        if query is not None and query.is_graph:
            self.workspace.prompt_circuits.submit_query(self.query_form.with_current_shares(query))

    def _update_selected_button(self) -> None:
        self.use_selected_button.setEnabled(self.workspace.prompt_circuits.traceable_node is not None)

    def _on_running_changed(self, is_running: bool) -> None:
        self.trace_button.setEnabled(not is_running)
        self.cancel_button.setEnabled(is_running)
        if is_running:
            self.note_label.setText("Tracing …")
        else:
            self._end_waiting()

    def _end_waiting(self) -> None:
        """Show what the document says, where nothing is traced and no other threshold comes."""
        if not self._job.is_running:
            self.threshold_row.clear_pending()
            self.note_label.setText(self._summary_text())

    def _build(self) -> None:
        scroll = VerticalScrollArea(self.query_form)
        buttons = lay_out_row(
            (self.trace_button, 1),
            self.use_selected_button,
            self.cancel_button,
            spacing=6,
            margins=(12, 4, 12, 8),
        )
        side = QWidget()
        lay_out_column((scroll, 1), buttons, parent=side, spacing=0)
        fix_scaled_width(side, 298)
        self.curve_chart.setMinimumSize(100, 120)
        ledger = VerticalScrollArea(_aligned_top(self.ledger_view))
        charts = make_splitter(ledger, self.curve_chart, sizes=(270, 220), stretched=1)
        local = QWidget()
        lay_out_column(self.threshold_row, (charts, 1), parent=local, spacing=6)
        self.pages.addWidget(local)
        self.pages.addWidget(self.graph_scores)
        foot = lay_out_row((self.note_label, 1), self.export_button, spacing=8)
        right = lay_out_column(self.title_label, (self.pages, 1), foot, spacing=6, margins=(6, 8, 12, 8))
        lay_out_row(side, (right, 1), parent=self, spacing=0)


def _curve_key_of(query: AttributionQuery) -> tuple[object, ...]:
    """What the fraction curve depends on: the whole query except its threshold."""
    return (*query.run_key, *query.target_key, query.method, query.gate)


def _aligned_top(widget: QWidget) -> QWidget:
    """Returns a container with the widget at its top."""
    container = QWidget()
    lay_out_column(widget, 1, parent=container, margins=(0, 0, 6, 0))
    return container
