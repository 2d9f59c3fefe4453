"""Features panel: the open dictionaries, a list of their features, and the dashboard of one feature."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QLabel, QLineEdit, QSizePolicy, QWidget

from circuitviz.graph.names import parse_feature_name
from circuitviz.panels.features.dashboard_view import DashboardView
from circuitviz.panels.features.dictionary_fit import DictionaryFitLabel, describe_dictionaries
from circuitviz.panels.features.example_query import query_for_example
from circuitviz.panels.features.explanation_store import user_data_folder
from circuitviz.panels.features.feature_labels import FeatureLabels
from circuitviz.panels.features.feature_table import (
    FeatureListProxy,
    FeatureTableModel,
    make_feature_list_view,
)
from circuitviz.panels.features.file_menu import FileMenuButton
from circuitviz.panels.features.label_search import LabelSearch
from circuitviz.panels.panel_steps import has_features, model_step
from circuitviz.panels.registry import MissingStep, Panel, panels
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row, make_splitter
from circuitviz.workbench.requests.feature_dashboards import (
    DictionaryOverview,
    FeatureDashboard,
    OpenDictionaries,
    ReadFeatureDashboard,
)
from circuitviz.workbench.requests.import_explanations import ImportExplanations
from circuitviz.workbench.requests.messages import JobFailed
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workspace.workspace import Workspace

NO_LABELS_MESSAGE = (
    "None of this circuit's unlabelled features has a label of yours; label features on the dashboard."
)
DEMO_SOURCES: tuple[tuple[str, ...], Path | None] = ((), None)  # folders and text: those of the demo


@panels.register(
    "features",
    summary="features of SAEs and transcoders",
    title="Features",
    area="bottom",
    place="features",
    order=3,
)
class FeaturesPanel(Panel):
    """Opens the demo's dictionaries when first shown; other dictionaries are opened from its file menu."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.dictionary_overview: DictionaryOverview | None = None
        self.feature_labels = FeatureLabels(workspace, lambda: self._show_site(keep_row=True))
        self.dictionary_folders, self.text_path = DEMO_SOURCES
        self._open_request: OpenDictionaries | None = None
        self._previous_overview: tuple[DictionaryOverview | None, tuple[str, ...]] | None = (
            None  # what dictionaries are added to
        )
        self._pending_feature: tuple[str, int] | None = None
        self.dictionaries_label = QLabel("", objectName="muted")
        self.fit_label = DictionaryFitLabel()
        self.file_menu_button = FileMenuButton(workspace.user_settings)
        self.site_box = ComboBox(accessibleName="Dictionary")
        self.search_field = QLineEdit(placeholderText="Search labels", accessibleName="Search features")
        self.search_field.setClearButtonEnabled(True)
        self.table_model = FeatureTableModel()
        self.list_proxy = FeatureListProxy(self.table_model)
        self.label_search = LabelSearch(workspace, self.search_field, self.list_proxy, self.feature_labels)
        self.table_view = make_feature_list_view(self.list_proxy)
        self.dashboard_view = DashboardView(workspace)
        self._build()
        files = self.file_menu_button
        files.dictionaries_chosen.connect(self.replace_dictionaries)
        files.added_dictionaries_chosen.connect(self.add_dictionaries)
        files.text_chosen.connect(lambda path: self.open_folders(self.dictionary_folders, path))
        files.explanations_chosen.connect(self.import_explanations)
        files.labels_requested.connect(self.label_circuit_from_notebook)
        files.training_requested.connect(partial(workspace.panel_requested.emit, "training"))
        self.site_box.currentTextChanged.connect(lambda _name: self._show_site())
        self.table_view.selectionModel().currentRowChanged.connect(self._on_row_changed)
        self.dashboard_view.link_clicked.connect(self.open_link)
        self.dashboard_view.label_edited.connect(self._set_feature_label)
        self.dashboard_view.trace_requested.connect(self.trace_example)
        self.dashboard_view.traces_requested.connect(partial(workspace.panel_requested.emit, "traces"))
        workspace.model_ready.connect(lambda _ready: self._on_model_opened())
        workspace.selection_changed.connect(self._on_selection_changed)
        workspace.feature_changed.connect(self._on_feature_changed)
        workspace.state_changed.connect(self._refresh_dashboard)
        self._show_message("")

    def set_in_front(self, is_in_front: bool) -> None:
        """Open the default dictionaries when the panel is first shown."""
        super().set_in_front(is_in_front)
        self._open_default_dictionaries()
        self._refresh_dashboard()

    def is_applicable(self) -> bool:
        """Whether dictionaries are open, or ship for the model."""
        return has_features(self.workspace)

    def missing_step(self) -> MissingStep | None:
        """Features are of an open model and its dictionaries."""
        step = model_step(self.workspace, "Features")
        if step is not None or self.is_applicable():
            return step
        return MissingStep(
            "No dictionary is open. Features come from SAEs or transcoders that were trained on this model.",
            "Open dictionaries…",
            self.file_menu_button.open_dictionaries_action.trigger,
        )

    def open_folders(self, folders: Iterable[str | Path], text: Path | None) -> None:
        """Open folders of dictionaries and index a text.

        Args:
            folders: Folders of SAEs or transcoders; empty for the demo's own.
            text: Text file to index; None for the demo's text.
        """
        self.dictionary_folders, self.text_path = tuple(map(str, folders)), text
        self._open_request = OpenDictionaries(self.dictionary_folders, text, user_data_folder() / "indexes")
        self._previous_overview = None
        self._show_message("Opening dictionaries …")
        handle = self.workspace.submit_request(self._open_request)
        for signal in (handle.partial, handle.finished):
            signal.connect(self._on_dictionaries_opened)

    def replace_dictionaries(self, folder: str | Path) -> None:
        """Open a folder of dictionaries, or dictionaries of a name, instead of the open ones."""
        self.open_folders([folder], self.text_path)

    def add_dictionaries(self, folder: Path) -> None:
        """Open one more folder; the open dictionaries stay if that fails."""
        previous = (self.dictionary_overview, self.dictionary_folders)
        self.open_folders([*self.dictionary_folders, folder], self.text_path)
        self._previous_overview = previous

    def show_feature(self, site: str, feature: int) -> None:
        """Show a feature's dashboard and select its row; waits until its dictionary is open."""
        if self.dictionary_overview is None or feature >= self.dictionary_overview.sites.get(site, 0):
            self._pending_feature = (site, feature)
            return
        self._pending_feature = None
        self.site_box.setCurrentText(site)
        index = self.list_proxy.mapFromSource(self.table_model.index(feature, 0))
        if index.isValid() and self.table_view.currentIndex().row() != index.row():
            self.table_view.setCurrentIndex(index)  # asks, too
            self.table_view.scrollTo(index)
        else:
            self._read_dashboard(site, feature)

    def open_link(self, address: str) -> None:
        """Follow a dashboard link to another feature, or select a node on the canvas."""
        kind, _, name = address.partition(":")
        link_target = parse_feature_name(name)
        if kind == "select":
            self.workspace.select_nodes({name})
        elif link_target:
            self.search_field.clear()
            self.show_feature(link_target.site, link_target.feature)

    def trace_example(self, example: int) -> None:
        """Trace the feature's circuit in one of its examples."""
        model = self.dictionary_overview.model if self.dictionary_overview is not None else ""
        query = query_for_example(self.dashboard_view.dashboard, example, model, self.dictionary_folders)
        if query is not None:
            self.workspace.panel_requested.emit("feature-circuit")
            self.workspace.prompt_circuits.submit_query(query)

    def import_explanations(self, path: Path) -> None:
        """Import a file of explanations into the local explanation store."""
        site_kind = self.site_box.currentText()[:1] or None
        request = ImportExplanations(path, site_kind, self.feature_labels.store_path)
        self.workspace.submit_request(request).finished.connect(self._on_explanations_imported)

    def _read_dashboard(self, site: str, feature: int) -> None:
        handle = self.workspace.submit_request(ReadFeatureDashboard(site, feature))
        handle.finished.connect(self._on_dashboard_read)

    # replies

    def _on_dashboard_read(self, reply: QueryResult) -> None:
        if not reply.refusal:
            self._show_dashboard(reply.result)

    def _on_explanations_imported(self, reply: QueryResult) -> None:
        assert isinstance(reply.query, ImportExplanations)
        if reply.refusal:
            self.workspace.report_failure(JobFailed("Could not import the explanations", reply.refusal))
            return
        n_explanations, n_new, omission_note = reply.result
        more = f"{n_new:,} of them new" + (f"; {omission_note}" if omission_note else "")
        self.workspace.post_message(f"{n_explanations:,} explanations in {reply.query.path.name}, {more}")
        self._show_site(keep_row=True)

    def _on_dictionaries_opened(self, reply: QueryResult) -> None:
        if reply.query != self._open_request:
            return  # others are being opened since
        if reply.refusal and self._previous_overview is not None:
            (self.dictionary_overview, self.dictionary_folders), self._previous_overview = (
                self._previous_overview,
                None,
            )
            self._show_dictionary_summary()
            self.workspace.failure_reported.emit(JobFailed("Could not add the dictionaries", reply.refusal))
            return
        if reply.refusal:
            self.dictionary_overview, self._open_request = None, None
            self._show_message(reply.refusal)
            return
        previous_site, self.dictionary_overview = self.site_box.currentText(), reply.result
        self.workspace.dictionary_folders = self.dictionary_folders
        self.applicability_changed.emit()
        self._show_dictionary_summary(is_indexing=not reply.done)
        self.site_box.blockSignals(True)
        self.site_box.clear()
        self.site_box.addItems(list(reply.result.sites))
        self.site_box.setCurrentText(
            previous_site if previous_site in reply.result.sites else next(iter(reply.result.sites))
        )
        self.site_box.blockSignals(False)
        self._show_site(keep_row=True)
        if self._pending_feature is not None:
            self.show_feature(*self._pending_feature)

    def _show_dictionary_summary(self, is_indexing: bool = False) -> None:
        if self.dictionary_overview is not None:
            self._show_message(describe_dictionaries(self.dictionary_overview, is_indexing))

    def _show_dashboard(self, dashboard: FeatureDashboard | None) -> None:
        if dashboard is None or self.dictionary_overview is None:
            return self.dashboard_view.show_feature(None, {}, [], ())
        explanations = self.feature_labels.explanations_of(
            self.dictionary_overview.model, dashboard.site, dashboard.feature
        )
        circuit_nodes = self.feature_labels.circuit_nodes(dashboard.site, dashboard.feature)
        self.dashboard_view.show_feature(dashboard, self.table_model.captions, explanations, circuit_nodes)
        self.workspace.show_feature(dashboard.site, dashboard.feature)

    def _show_site(self, keep_row: bool = False) -> None:
        overview, site = self.dictionary_overview, self.site_box.currentText()
        self.fit_label.show_fit(overview, site)
        if overview is None or not site:
            self.table_model.show_site("", 0, (), {})
            return
        index = self.table_view.currentIndex()
        row = (
            self.list_proxy.mapToSource(index).row()
            if keep_row and index.isValid() and self.table_model.site == site
            else -1
        )
        if site != self.table_model.site:
            self.list_proxy.found_features = []  # they are of the other site
        captions = self.feature_labels.site_captions(overview.model, site)
        self.table_model.show_site(
            site, overview.sites[site], overview.features_by_site.get(site, ()), captions
        )
        self.label_search.search_model(overview.model)
        first = (
            self.list_proxy.mapFromSource(self.table_model.index(row, 0))
            if row >= 0
            else self.list_proxy.index(0, 0)
        )
        if first.isValid():
            self.table_view.setCurrentIndex(first)
            self.table_view.scrollTo(first)

    def _on_row_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if self.dictionary_overview is not None and current.isValid():
            self._read_dashboard(self.table_model.site, self.list_proxy.mapToSource(current).row())

    def _on_selection_changed(self) -> None:
        if len(self.workspace.selected_nodes) == 1 and (
            name := parse_feature_name(next(iter(self.workspace.selected_nodes)))
        ):
            self.workspace.show_feature(name.site, name.feature)

    def _on_feature_changed(self) -> None:
        dashboard, feature = self.dashboard_view.dashboard, self.workspace.shown_feature
        if feature is not None and (dashboard is None or (dashboard.site, dashboard.feature) != feature):
            self.show_feature(*feature)

    def _set_feature_label(self, text: str) -> None:
        dashboard = self.dashboard_view.dashboard
        if dashboard is None or self.dictionary_overview is None:
            return
        self.feature_labels.set_label(self.dictionary_overview.model, dashboard.site, dashboard.feature, text)

    def label_circuit_from_notebook(self) -> None:
        """Label the circuit's features with the labels that the user gave them in other circuits."""
        if self.dictionary_overview is not None:
            n_labelled = self.feature_labels.label_circuit(self.dictionary_overview.model)
            self.workspace.post_message(
                f"{n_labelled} nodes labelled with your feature labels" if n_labelled else NO_LABELS_MESSAGE
            )

    def _refresh_dashboard(self) -> None:
        if (
            (dashboard := self.dashboard_view.dashboard) is not None
            and self.is_in_view
            and self.dictionary_overview is not None
        ):
            circuit_nodes = self.feature_labels.circuit_nodes(dashboard.site, dashboard.feature)
            explanations = self.feature_labels.explanations_of(
                self.dictionary_overview.model, dashboard.site, dashboard.feature
            )
            if (circuit_nodes, explanations) != (
                self.dashboard_view.circuit_nodes,
                self.dashboard_view.explanations,
            ):
                self._show_dashboard(dashboard)

    def _on_model_opened(self) -> None:
        if (
            self.dictionary_overview is None
            or self.workspace.opened_model is None
            or self.workspace.opened_model.model != self.dictionary_overview.model
        ):
            self.dictionary_overview, self._open_request, (self.dictionary_folders, self.text_path) = (
                None,
                None,
                DEMO_SOURCES,
            )
            self._show_site()
            self._show_dashboard(None)
            self._show_message("")
            self._open_default_dictionaries()

    def _open_default_dictionaries(self) -> None:
        opened = self.workspace.opened_model
        if self.is_in_view and opened is not None and self._open_request is None:
            self._show_message("Open a folder of SAEs or transcoders that were trained on this model.")
            query = self.workspace.prompt_circuits.query
            if query is not None and query.dictionaries:
                self.open_folders(query.dictionaries, None)
            elif opened.model == "demo":
                self.open_folders((), None)

    def _show_message(self, text: str) -> None:
        self.dictionaries_label.setText(text or "No model is open yet.")
        self.dictionaries_label.setToolTip(self.dictionaries_label.text())
        self.fit_label.show_fit(self.dictionary_overview, self.site_box.currentText())
        has_dictionaries = self.dictionary_overview is not None
        for widget in (self.site_box, self.search_field, self.table_view):
            widget.setEnabled(has_dictionaries)
        has_model = self.workspace.opened_model is not None
        self.file_menu_button.enable_actions(has_model, has_dictionaries, bool(self.dictionary_folders))

    def _build(self) -> None:
        self.dictionaries_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        top = lay_out_row(
            (self.dictionaries_label, 1), self.file_menu_button, spacing=6, margins=(12, 0, 12, 0)
        )
        self.site_box.setMinimumWidth(72)
        choosing = lay_out_row(self.site_box, (self.search_field, 1), spacing=6)
        left = QWidget()
        lay_out_column(
            choosing, self.fit_label, (self.table_view, 1), parent=left, spacing=4, margins=(12, 0, 0, 0)
        )
        split = make_splitter(left, self.dashboard_view, sizes=(340, 460), stretched=1)
        lay_out_column(top, (split, 1), parent=self, spacing=6, margins=(0, 8, 0, 8))
