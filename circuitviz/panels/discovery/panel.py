"""Discovery panel: model, task, method with its options, and how many edges to keep.

The form stands apart from the open document. It takes over what a document was made with when one is opened,
unless a person has changed the form since it was last filled or searched with; 'As in this circuit' does so
at any time.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, QTimer
from PySide6.QtWidgets import (
    QLabel,
    QMessageBox,
    QPushButton,
    QWidget,
)

from circuitviz.document import TaskOrigin
from circuitviz.dtypes import (
    AUTO_DTYPE,
    DEVICE_CHOICES,
    DEVICE_TOOL_TIP,
    DTYPE_CHOICES,
    DTYPE_TOOL_TIP,
    FULL_DTYPE,
)
from circuitviz.panels.discovery.form_hints import (
    ABLATION_HINT,
    EDGES_HINT,
    METRIC_HINT,
    MODEL_HINT,
    PROMPTS_HINT,
    REUSE_HINT,
    SEED_HINT,
    SELECTION_HINT,
    SELECTION_RULES,
    SPANS_HINT,
)
from circuitviz.panels.discovery.search_estimate import SearchEstimate
from circuitviz.panels.discovery.task_field import TaskField
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.fields import adjust_form_fields, browse_button, let_shrink, make_form
from circuitviz.panels.widgets.file_dialogs import ask_folder
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea, align_form_labels
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.number_fields import IntegerField
from circuitviz.panels.widgets.option_form import OptionForm
from circuitviz.workbench.requests.attach_model import AttachModel
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, UnusableRowsFound
from circuitviz.workbench.requests.load_catalog import Catalog
from circuitviz.workbench.requests.messages import ModelReady, Request
from circuitviz.workspace.imported_circuit_controller import ImportedCircuitController
from circuitviz.workspace.workspace import Workspace

DEFAULT_METRIC, MAX_EDGES = "task's default", 10_000_000


@panels.register("discovery", summary="find a circuit", title="New search", area="left", order=0)
class DiscoveryPanel(Panel):
    """The search form; choices come from registries, options from their dataclasses."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.catalog = Catalog()
        self.model_box = ComboBox(editable=True)
        self.model_box.setToolTip(MODEL_HINT)
        self.task_field = TaskField(workspace.user_settings)
        self.task_box, self.task_warning = self.task_field.box, self.task_field.warning_label
        self.prompts_field = IntegerField(minimum=1, maximum=100_000, value=64, toolTip=PROMPTS_HINT)
        self.seed_field = IntegerField(minimum=0, maximum=2**31 - 1, toolTip=SEED_HINT)
        self.device_box = ComboBox(toolTip=DEVICE_TOOL_TIP)
        self.device_box.addItems(DEVICE_CHOICES)
        self.dtype_box = ComboBox(toolTip=DTYPE_TOOL_TIP)
        self.dtype_box.addItems(DTYPE_CHOICES)
        self.method_box = ComboBox()
        self.method_hint = QLabel("", objectName="muted", wordWrap=True, accessibleName="About the method")
        self.metric_box = ComboBox(toolTip=METRIC_HINT)
        self.ablation_box = ComboBox(toolTip=ABLATION_HINT)
        self.selection_rule_box = ComboBox(toolTip=SELECTION_HINT)
        self.selection_rule_box.addItem("method's default", "")
        for name, tip in SELECTION_RULES.items():
            self.selection_rule_box.addItem(name, name)
            self.selection_rule_box.setItemData(
                self.selection_rule_box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole
            )
        self.edges_field = IntegerField(minimum=1, maximum=MAX_EDGES, value=100, toolTip=EDGES_HINT)
        self.reuse_button = QPushButton("As in this circuit", toolTip=REUSE_HINT)
        self.attach_controller = ImportedCircuitController(workspace, self)
        self.skip_dialog: QMessageBox | None = None
        self.run_button = QPushButton("Find circuit", objectName="primary")
        self.cancel_button = QPushButton("Cancel")
        self.option_form = OptionForm()
        self.positions_box = ComboBox(toolTip=SPANS_HINT)
        self.positions_box.addItem("whole prompt", False)
        self.positions_box.addItem("by span", True)
        self.estimate_label = SearchEstimate(workspace, self.find_request, self._find_task_fault)
        self._n_model_edges = MAX_EDGES
        self._request_shown: DiscoverCircuit | None = None  # what the form was last filled with
        self._build()
        self.model_box.currentTextChanged.connect(self._on_model_chosen)
        self.method_box.currentTextChanged.connect(self._show_options)
        self.positions_box.currentIndexChanged.connect(self._limit_edges)
        self.model_box.currentTextChanged.connect(lambda _text: self.task_field.warn(""))
        self.run_button.clicked.connect(self.start_search)
        self.cancel_button.clicked.connect(workspace.cancel_search)
        self.cancel_button.clicked.connect(self.run_button.setFocus)  # it is disabled: where to go on
        self.reuse_button.clicked.connect(self.show_document_search)
        workspace.progress_reported.connect(lambda _progress: self.cancel_button.setEnabled(True))
        workspace.worker_idle.connect(lambda: self.cancel_button.setEnabled(False))
        workspace.model_ready.connect(self._on_model_ready)
        workspace.unusable_rows_found.connect(self._ask_to_skip)
        workspace.task_checked.connect(lambda check: self.task_field.warn(check.warning))
        workspace.catalog_received.connect(self.set_catalog)
        self.set_catalog(self.catalog)
        self._follow_search_form()
        self._follow_changes()
        self.cancel_button.setEnabled(False)

    def _follow_changes(self) -> None:
        """Estimate the search whenever the form changes; take over what an opened circuit was found with."""
        for box in (self.model_box, self.device_box, self.dtype_box, self.method_box, self.metric_box,
                    self.ablation_box):  # fmt: skip
            box.currentTextChanged.connect(self.estimate_label.request_later)
        self.task_field.changed.connect(self.estimate_label.request_later)
        for field in (self.prompts_field, self.seed_field):
            field.valueChanged.connect(self.estimate_label.request_later)
        self.option_form.values_changed.connect(self.estimate_label.request_later)
        self.workspace.document_shown.connect(self._on_document_shown)
        self.workspace.state_changed.connect(self._update_reuse_button)
        self._request_shown = self.find_request()
        self._update_reuse_button()

    def _find_document_origin(self) -> TaskOrigin | None:
        """The search that the open circuit came from; None where it did not come from one on a task."""
        origin = self.workspace.state.origin
        return origin if isinstance(origin, TaskOrigin) and origin.method in self.catalog.methods else None

    def _update_reuse_button(self) -> None:
        self.reuse_button.setEnabled(self._find_document_origin() is not None)

    def _on_document_shown(self) -> None:
        if self.find_request() == self._request_shown:
            self.show_document_search()

    def show_document_search(self) -> None:
        """Fill the form with the search that the open circuit came from."""
        if (origin := self._find_document_origin()) is not None:
            search = DiscoverCircuit.from_origin(origin, self.device_box.currentText())
            self.show_request(replace(search, pairs=self.task_field.find_circuit_pairs(origin)))

    def show_request(self, search: DiscoverCircuit) -> None:
        """Fill the form with a search."""
        self.model_box.setEditText(search.model)
        self.task_box.setEditText(search.task)
        self.task_field.show_circuit_pairs(search.pairs)
        self.prompts_field.setValue(search.n_prompts)
        self.seed_field.setValue(search.seed)
        # full precision is what most models are opened in: the next model is to get what suits it
        self.dtype_box.setCurrentText(AUTO_DTYPE if search.dtype == FULL_DTYPE else search.dtype)
        self.method_box.setCurrentText(search.method)
        self.option_form.set_values(search.options)
        self.positions_box.setCurrentIndex(self.positions_box.findData(search.by_span))
        is_default_metric = search.metric == self.catalog.task_metrics.get(search.task, "")
        self.metric_box.setCurrentText(DEFAULT_METRIC if is_default_metric else search.metric)
        self.ablation_box.setCurrentText(search.ablation)
        is_default_rule = search.select == self.catalog.method_selections.get(search.method, "")
        rule = self.selection_rule_box.findData("" if is_default_rule else search.select)
        self.selection_rule_box.setCurrentIndex(max(0, rule))  # a threshold has no entry
        self.edges_field.setMaximum(max(self.edges_field.maximum(), search.n_edges))
        self.edges_field.setValue(search.n_edges)
        self._request_shown = self.find_request()

    def _follow_search_form(self) -> None:
        """Show what commands and dropped files put into the search form, and put in what is typed here."""
        form = self.workspace.search_form
        self.model_box.currentTextChanged.connect(lambda text: form.set(model=text))
        self.model_box.currentTextChanged.connect(self._show_whole_model_name)
        self.task_field.changed.connect(self._on_task_changed)
        self.task_field.own_prompts_requested.connect(
            lambda: self.workspace.panel_requested.emit("prompt_editor")
        )
        self.device_box.currentTextChanged.connect(lambda text: form.set(device=text))
        self.dtype_box.currentTextChanged.connect(lambda text: form.set(dtype=text))
        self.prompts_field.valueChanged.connect(lambda n_prompts: form.set(n_prompts=n_prompts))
        form.changed.connect(self._show_search_form)
        form.task_list_changed.connect(self._on_task_list_changed)
        form.search_requested.connect(lambda is_example: self.start_search(is_example=is_example))
        form.model_folder_requested.connect(self.browse_model)
        form.task_file_requested.connect(self.task_field.browse)

    def _show_search_form(self) -> None:
        form = self.workspace.search_form
        if self.model_box.currentText() != form.model:
            self.model_box.setEditText(form.model)
        self.task_field.set_task(form.task)
        self.device_box.setCurrentText(form.device)
        self.dtype_box.setCurrentText(form.dtype)
        self.prompts_field.setValue(form.n_prompts)

    def _on_task_changed(self) -> None:
        self.prompts_field.setEnabled(self.task_field.pairs is None)
        self.task_field.warn("")
        self.workspace.search_form.set(task=self.task_field.task)

    def _on_task_list_changed(self) -> None:
        self.task_field.show_circuit_pairs(None)
        self._list_tasks()

    def _list_tasks(self) -> None:
        catalog = self.catalog
        self.task_field.set_choices(
            catalog.tasks, dict(catalog.task_summaries), self.workspace.search_form.task
        )

    def set_catalog(self, catalog: Catalog) -> None:
        """Fill the boxes with what is available; the current choice is kept."""
        self.catalog = catalog
        names = list(catalog.methods)
        for box, items in (
            (self.model_box, list(catalog.models)),
            (self.method_box, names),
            (self.metric_box, [DEFAULT_METRIC, *catalog.metrics]),
            (self.ablation_box, list(catalog.ablations)),
        ):
            current_text = box.currentText()
            with QSignalBlocker(box):  # an emptied box is no choice of the person's
                box.clear()
                box.addItems(items)
                if (index := box.findText(current_text)) >= 0:
                    box.setCurrentIndex(index)
                elif current_text and box.isEditable():
                    box.setCurrentIndex(-1)  # or a change of the item's data puts its text here
                    box.setEditText(current_text)
        for row, name in enumerate(names):
            self.method_box.setItemData(row, catalog.methods[name][0], Qt.ItemDataRole.ToolTipRole)
        self._list_tasks()
        self.estimate_label.request_later()
        is_untouched = self._request_shown is None or self.find_request() == self._request_shown
        self._show_options(self.method_box.currentText())
        if is_untouched:  # a file that was opened before the catalog came
            self._request_shown = self.find_request()
            self._on_document_shown()

    def _find_task_fault(self) -> str:
        return self.task_field.find_fault() if self.catalog.metrics else ""  # once the tasks are listed

    def find_request(self) -> DiscoverCircuit:
        """The search request of the form."""
        metric = self.metric_box.currentText()
        return DiscoverCircuit(
            model=self.model_box.currentText().strip(),
            task=self.task_field.task,
            pairs=self.task_field.pairs,
            n_prompts=self.prompts_field.value(),
            seed=self.seed_field.value(),
            method=self.method_box.currentText(),
            options=self.option_form.values(),
            metric=metric if metric in self.catalog.metrics else "",
            ablation=self.ablation_box.currentText(),
            select=self.selection_rule_box.currentData(),
            n_edges=self.edges_field.value(),
            device=self.device_box.currentText(),
            dtype=self.dtype_box.currentText(),
            by_span=self.positions_box.currentData() and self.positions_box.isEnabled(),
        )

    def start_search(self, _checked: bool = False, *, is_example: bool = False) -> None:
        """Start the search of the form; ``is_example``: a click brings its result again at any time."""
        workspace = self.workspace
        workspace.device, workspace.dtype = self.device_box.currentText(), self.dtype_box.currentText()
        self._submit_search(self.find_request(), is_example)

    def attach_circuit(self) -> None:
        """Measure the open circuit, which another tool found, on the model and task of the form."""
        self.workspace.device = self.device_box.currentText()
        self.workspace.dtype = self.dtype_box.currentText()
        self.workspace.run_guarded(
            self.attach_controller.attach_to_search, self.find_request(), title=AttachModel.title
        )

    def _submit_search(self, request: DiscoverCircuit, is_example: bool = False) -> None:
        self.workspace.start_discovery(request, is_example)
        self._request_shown = self.find_request()
        self.task_field.warn("")
        self.cancel_button.setEnabled(True)

    def _build(self) -> None:
        form = self._form = make_form()
        form.addRow(
            "Model",
            lay_out_row(
                (self.model_box, 1), browse_button("Open a model folder", self.browse_model), spacing=4
            ),
        )
        form.addRow("Task", self.task_field)
        form.addRow(self.task_warning)
        form.addRow(self.task_field.source_label)
        form.addRow("Prompts", self.prompts_field)
        form.addRow("Seed", self.seed_field)
        form.addRow("Device", self.device_box)
        form.addRow("Precision", self.dtype_box)
        form.addRow("Method", self.method_box)
        form.addRow(self.method_hint)
        form.addRow(self.option_form)
        form.addRow("Positions", self.positions_box)
        form.addRow("Metric", self.metric_box)
        form.addRow("Ablation", self.ablation_box)
        form.addRow("Choose", self.selection_rule_box)
        form.addRow("Edges", self.edges_field)
        form.addRow(self.reuse_button)
        content = QWidget()
        content.setLayout(form)
        form.setContentsMargins(10, 10, 10, 10)
        scroll = VerticalScrollArea(content, min_width_px=250)
        buttons = lay_out_row((self.run_button, 1), self.cancel_button)
        footer = lay_out_column(self.estimate_label, buttons, margins=(10, 4, 10, 12))
        lay_out_column((scroll, 1), footer, parent=self)
        for widget, name in ((self.model_box, "Model"), (self.method_box, "Method")):
            widget.setAccessibleName(name)
        adjust_form_fields(self)
        let_shrink(self.model_box, self.method_box, self.metric_box, self.selection_rule_box)

    def _show_whole_model_name(self, model: str) -> None:
        tip = f"{model}: {MODEL_HINT}" if model else MODEL_HINT
        self.model_box.setToolTip(tip)

    def _on_model_chosen(self, model: str) -> None:
        """Choose the task of a compiled model, which has only the task of its name."""
        if model in self.catalog.models and model in self.catalog.tasks:
            self.task_box.setCurrentText(model)

    def _show_options(self, method: str) -> None:
        summary, options = self.catalog.methods.get(method, ("", ()))
        use = self.catalog.method_uses.get(method, "")
        self.method_hint.setText(f"{summary}. {use}." if use else summary)
        self.method_hint.setVisible(bool(summary))
        self.method_box.setToolTip(f"'{method}' on the command line and in files. {summary}")
        self.option_form.set_options(options)
        self.positions_box.setEnabled(method in self.catalog.span_methods)
        self._limit_edges()
        self._align_forms()

    def _align_forms(self) -> None:
        align_form_labels(self._form, self.option_form.form_layout)

    def changeEvent(self, event: QEvent) -> None:
        """Align the form again after a change of the font."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            QTimer.singleShot(0, self, self._align_forms)  # once the labels have the font

    def browse_model(self) -> None:
        """Choose a model folder."""
        if folder := ask_folder(self, "Open a model folder", "models", self.workspace.user_settings):
            self.model_box.setEditText(str(folder))

    def _ask_to_skip(self, reply: UnusableRowsFound) -> None:
        """Ask whether to search with the rows of a task file that can be used."""
        box = self.skip_dialog = QMessageBox(QMessageBox.Icon.Question, "circuitviz", "", parent=self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setText(
            f"{reply.file_name}: {reply.usable_rows_text}\n\n"
            f"First pair that cannot be used: {reply.first_error}"
        )
        use = box.addButton("Use the usable pairs", QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(use)
        use.clicked.connect(lambda: self._search_again(reply.retry))
        box.open()

    def _search_again(self, request: Request) -> None:
        if isinstance(request, DiscoverCircuit):
            self._submit_search(request)
        else:
            self.workspace.submit_request(request)

    def _on_model_ready(self, opened: ModelReady) -> None:
        self._n_model_edges = opened.n_edges
        self._limit_edges()

    def _limit_edges(self) -> None:
        """At most as many edges as the model has; how many more there are at spans, the task says."""
        by_span = self.find_request().by_span
        self.edges_field.setMaximum(MAX_EDGES if by_span else self._n_model_edges)
