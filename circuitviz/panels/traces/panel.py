"""Traces panel: collects examples of a feature, traces its circuit in each, and compares the circuits."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Any

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QButtonGroup, QPushButton, QStackedWidget, QToolButton, QWidget

from circuitviz.document.attribution_query import (
    HEADS_ATTENTION,
    HIERARCHICAL_ATTRIBUTION,
    AttributionQuery,
)
from circuitviz.errors import InputError
from circuitviz.graph.names import parse_feature_name
from circuitviz.paint.plot_export import plot_to_tsv
from circuitviz.panels.features.explanation_store import STORE_FILE_NAME, open_explanations, user_data_folder
from circuitviz.panels.figures import ExportButton
from circuitviz.panels.panel_steps import has_features, model_step
from circuitviz.panels.registry import MissingStep, Panel, panels
from circuitviz.panels.traces.collect_form import CollectForm
from circuitviz.panels.traces.components_page import ComponentsPage
from circuitviz.panels.traces.recurring_page import RecurringPage
from circuitviz.panels.traces.scatter_page import ScatterPage
from circuitviz.panels.traces.similarity_page import SimilarityPage
from circuitviz.panels.traces.traces_page import TracesPage
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.form_check import FormCheck
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.workbench.requests.check_input import CheckInput
from circuitviz.workbench.requests.collect_traces import CollectTraces, TraceCollection
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

TRACES_MEASURE = "traces"  # what the document keeps them as


@panels.register(
    "traces",
    summary="a feature's circuits over many examples",
    title="Traces",
    area="bottom",
    place="features",
    order=3.2,
)
class TracesPanel(Panel):
    """Collections of traces belong to the document; a cancelled collection keeps what was traced."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.collections: dict[str, TraceCollection] = {}
        self.partial_collection: TraceCollection | None = None
        self._job = LatestJob(workspace, self)
        self._document_measure: dict[str, Any] | None = None  # as the document has it
        self.form_check = FormCheck(workspace, self._find_check)
        self.collect_form = CollectForm(self.form_check, workspace.user_settings)
        self.scatter_page, self.similarity_page = ScatterPage(), SimilarityPage()
        self.components_page, self.recurring_page = ComponentsPage(), RecurringPage(self._captions_of)
        self.pages: tuple[TracesPage, ...] = (
            self.scatter_page,
            self.similarity_page,
            self.components_page,
            self.recurring_page,
        )
        self.page_stack = QStackedWidget()
        self.note_line = ElidedLabel()
        self.copy_button = QPushButton("Copy", toolTip="copy the numbers as tab-separated text")
        self.export_button = ExportButton(workspace, lambda: dict([self.current_page.exportable_plot()]))
        self.page_buttons = QButtonGroup(self)
        self._build()
        self.collect_form.collect_requested.connect(
            lambda: workspace.run_guarded(self.collect_traces, title=CollectTraces.title)
        )
        self.collect_form.changed.connect(self.form_check.request_later)
        self.collect_form.cancel_requested.connect(self._job.cancel)
        self.collect_form.collection_chosen.connect(self.refresh)
        self.collect_form.removal_requested.connect(self._remove_shown)
        self.copy_button.clicked.connect(self.copy_current_page)
        for page in self.pages:
            page.hovered.connect(partial(self._on_page_hovered, page))
            page.example_requested.connect(self.open_example)
        self.components_page.site_requested.connect(self._show_site_similarity)
        self.recurring_page.feature_requested.connect(self.select_feature)
        self._job.received.connect(self._on_traces_collected)
        self._job.progressed.connect(lambda progress: self.collect_form.show_message(progress.message))
        self._job.failed.connect(self._on_collection_stopped)
        self._job.cancelled.connect(self._on_collection_stopped)
        self._job.running_changed.connect(self.collect_form.set_running)
        workspace.document_closing.connect(self._on_document_left)
        workspace.document_opened.connect(self._on_document_opened)
        workspace.feature_changed.connect(self._on_feature_changed)
        self.collect_form.set_running(False)
        self.refresh()

    @property
    def current_page(self) -> TracesPage:
        """The page in front."""
        return next(page for page in self.pages if page is self.page_stack.currentWidget())

    def is_applicable(self) -> bool:
        """Whether dictionaries are open, or traces were collected."""
        return has_features(self.workspace) or bool(self.collections)

    def missing_step(self) -> MissingStep | None:
        """Features are traced through an open model."""
        return model_step(self.workspace, "Traces")

    def collect_traces(self) -> None:
        """Start the collection that the form describes.

        Raises:
            InputError: The form names no feature, or a file is missing.
        """
        request = self.collect_form.build_request()
        self.partial_collection = None
        self.collect_form.show_message("Finding examples …")
        self._job.submit(request)

    def _find_check(self) -> CheckInput | str | None:
        check = self.collect_form.find_check()
        can_ask = self.workspace.opened_model is not None and self.is_in_view
        return check if can_ask or isinstance(check, str) else None

    def show_page(self, page: TracesPage) -> None:
        """Bring a page to the front and draw it."""
        self.page_buttons.button(self.pages.index(page)).setChecked(True)
        self.page_stack.setCurrentWidget(page)
        self.similarity_page.column_circuit_button.hide()
        self.refresh()

    def show_collection(self, name: str) -> None:
        """Show another collection."""
        self.collect_form.collection_box.setCurrentText(name)
        self.refresh()

    def open_example(self, name: str, number: int) -> None:
        """Open the circuit of an example instead of the open one; undo goes back."""
        collection = self.collections.get(name) or self.partial_collection
        if collection is None:
            return
        trace = collection.traces.traces[number]
        end = trace.example.position + 1  # what comes later cannot have made the feature fire there
        query = AttributionQuery(
            model=collection.model,
            prompt="".join(trace.strings[:end]),
            target=f"{collection.traces.target}@{trace.example.position}",
            method=HIERARCHICAL_ATTRIBUTION,
            gate="absolute",
            nodes=collection.nodes_per_circuit,
            tokens=trace.example.tokens[:end],
            dictionaries=collection.dictionaries,
            attention=HEADS_ATTENTION,  # as in the trace
        )
        self.workspace.prompt_circuits.submit_query(query)

    def copy_current_page(self) -> None:
        """Copy the numbers of the page in front to the clipboard."""
        if self.current_page.collection is None:
            return self.workspace.post_message(
                "There are no traces to copy; collect traces first (Traces, Collect)."
            )
        QGuiApplication.clipboard().setText(plot_to_tsv(self.current_page.exportable_plot()[1]))
        self.workspace.post_message(
            f"Copied the numbers of {self.current_page.title}, {self.current_page.collection.label}"
        )

    def select_feature(self, name: str, open_dashboard: bool) -> None:
        """Select a feature or head in all panels; optionally bring its dashboard to the front."""
        circuit = self.workspace.state.circuit
        names = [] if circuit is None else circuit.node_names
        nodes = frozenset(node for node in names if node == name or node.startswith(f"{name}@"))
        self.workspace.set_selection(nodes, frozenset())
        if feature := parse_feature_name(name):
            self.workspace.show_feature(feature.site, feature.feature)
            if open_dashboard:
                self.workspace.panel_requested.emit("features")

    def refresh(self) -> None:
        """Show the chosen collection, or the one that is being collected."""
        self.collect_form.set_collections(list(self.collections), self.partial_collection is None)
        collection = self.partial_collection or self.collections.get(
            self.collect_form.collection_box.currentText()
        )
        for button in (self.copy_button, self.export_button):
            button.setEnabled(collection is not None)
        self.current_page.show_collection(collection, self.collections)
        self.collect_form.collection_box.setToolTip("" if collection is None else collection.about_text)
        self._show_note("")

    # replies

    def _on_traces_collected(self, reply: QueryResult) -> None:
        if isinstance(reply.result, TraceCollection):
            self.partial_collection = reply.result
        if reply.done:
            about_text = "" if self.partial_collection is None else self.partial_collection.about_text
            number = 0 if reply.refusal else len(reply.result.traces.traces)
            traced = f"{number} {'example' if number == 1 else 'examples'} traced."
            self._end_collection(reply.refusal or f"{traced} {about_text}".strip())
        elif self.is_in_view:
            self.refresh()

    def _on_collection_stopped(self) -> None:
        number = 0 if self.partial_collection is None else len(self.partial_collection.traces.traces)
        self._end_collection(f"Stopped; {number} examples are kept." if number else "Stopped.")

    def _end_collection(self, message: str) -> None:
        """Store what was collected and show a message."""
        collection, self.partial_collection = self.partial_collection, None
        self._job.release()
        self.collect_form.show_message(message)
        if collection is not None:
            self.collections = {
                **{n: k for n, k in self.collections.items() if n != collection.label},
                collection.label: collection,
            }
            self._store_in_document()
            self.collect_form.set_collections(list(self.collections), True)
            self.show_collection(collection.label)
        else:
            self.refresh()

    def _store_in_document(self) -> None:
        result = {name: collection.as_dict() for name, collection in self.collections.items()}
        self._document_measure = {"key": "", "options": {}, "result": result, "done": True}
        self.workspace.document.store_measure(TRACES_MEASURE, self._document_measure)

    def _on_document_left(self) -> None:
        """Store the finished traces with the document before another one opens."""
        if self.partial_collection is not None:
            self._end_collection("Stopped.")

    def _on_document_opened(self) -> None:
        """Show the document's collections; a running collection belonged to the document before."""
        measure = self.workspace.document.measures.get(TRACES_MEASURE)
        if measure is not None and measure is self._document_measure and not self._job.is_running:
            return  # they went along: an example's circuit was opened
        self._document_measure = measure
        self.partial_collection = None
        self._job.release()
        self.collect_form.show_message("")
        self.collections = {}
        result = None if measure is None else measure.get("result")
        for stored in result.values() if isinstance(result, dict) else ():
            try:
                collection = TraceCollection.from_dict(stored)
            except InputError as error:
                self.collect_form.show_message(str(error))
            else:
                self.collections[collection.label] = collection
        self.refresh()

    def _remove_shown(self) -> None:
        self.collections = {
            n: k for n, k in self.collections.items() if n != self.collect_form.collection_box.currentText()
        }
        self._store_in_document()
        self.refresh()

    def _on_feature_changed(self) -> None:
        if self.workspace.shown_feature is not None:
            self.collect_form.set_feature("{}.f{}".format(*self.workspace.shown_feature))

    def _show_site_similarity(self, site: str) -> None:
        self.show_page(self.similarity_page)
        self.similarity_page.show_site(site)

    def _captions_of(self, names: Sequence[str]) -> list[str]:
        """Labels of features, or empty strings."""
        collection, captions = self.recurring_page.collection, dict[str, str]()
        if not (user_data_folder() / STORE_FILE_NAME).exists():
            return ["" for _ in names]
        with closing(open_explanations()) as store:
            for site in {name.partition(".")[0] for name in names}:
                for number, explanation in store.captions(
                    collection.model if collection else "", site
                ).items():
                    captions[f"{site}.f{number}"] = explanation.text
        return [captions.get(name, "") for name in names]

    def _on_page_hovered(self, page: TracesPage, text: str) -> None:
        """Show a hover text, unless the page is behind another one."""
        if page is self.current_page:
            self._show_note(text)

    def _show_note(self, text: str) -> None:
        self.note_line.setText(text or self.current_page.summary_text())

    def _build(self) -> None:
        halves = QWidget(), QWidget()
        rows = [lay_out_row(parent=half, spacing=4) for half in halves]
        for number, page in enumerate(self.pages):
            button = QToolButton(text=page.title, checkable=True)
            button.clicked.connect(partial(self.show_page, page))
            self.page_buttons.addButton(button, number)
            rows[number * len(rows) // len(self.pages)].addWidget(button)
            self.page_stack.addWidget(page)
        self.page_buttons.button(0).setChecked(True)
        for row in rows:
            row.addStretch(1)
        top = FoldingRow(*halves, stretches=(0, 1), spacing=4, margins=(4, 6, 12, 0))
        foot = lay_out_row(
            (self.note_line, 1),
            self.similarity_page.column_circuit_button,
            self.copy_button,
            self.export_button,
            spacing=8,
            margins=(8, 0, 12, 8),
        )
        right = lay_out_column(top, (self.page_stack, 1), foot, spacing=4)
        lay_out_row(self.collect_form, (right, 1), parent=self, spacing=0)
