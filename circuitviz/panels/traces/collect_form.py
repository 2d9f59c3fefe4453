"""Form of a trace collection: the feature, the source of examples, and how many."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QWidget,
)

from circuitviz.errors import InputError
from circuitviz.graph.names import parse_feature_name
from circuitviz.graph.traces import EXAMPLE_CHOICES
from circuitviz.panels.features.explanation_store import STORE_FILE_NAME, user_data_folder
from circuitviz.panels.widgets.fields import adjust_form_fields, choice_box, let_shrink, make_form
from circuitviz.panels.widgets.file_dialogs import ask_open_file
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea, fix_scaled_width
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.number_fields import IntegerField
from circuitviz.panels.widgets.path_faults import text_file_fault
from circuitviz.workbench.requests.check_input import CheckInput
from circuitviz.workbench.requests.collect_traces import (
    DASHBOARD_FILE,
    EXAMPLE_SOURCES,
    NEURONPEDIA,
    TEXT_FILE,
    CollectTraces,
)
from circuitviz.workspace.plain_text import escape_mnemonics
from circuitviz.workspace.user_settings import UserSettings

FILE_FILTERS = {TEXT_FILE: "Plain text (*.txt *.md)", DASHBOARD_FILE: "Dashboards (*.json *.jsonl *.gz)"}

FEATURE_ADVICE = "choose one in Features or on the canvas, or type a name like m3.f12."
NO_FEATURE = "'{}' names no feature; " + FEATURE_ADVICE


class CollectForm(QWidget):
    """Edits a collection request and chooses the collection that is shown.

    Signals: ``collect_requested()``, ``cancel_requested()``, ``collection_chosen()``, and
    ``removal_requested()`` of the shown collection; ``changed()``: another feature, source or file.

    Args:
        fault_line: Says what is wrong with the form.
    """

    collect_requested = Signal()
    cancel_requested = Signal()
    collection_chosen = Signal()
    removal_requested = Signal()
    changed = Signal()

    def __init__(self, fault_line: QLabel, settings: UserSettings) -> None:
        super().__init__()
        self._settings = settings
        self.fault_line = fault_line
        self.examples_path: Path | None = None
        self.feature_field = QLineEdit(placeholderText="m3.f12", accessibleName="Feature")
        self.source_box = choice_box("Source of examples", *EXAMPLE_SOURCES)
        self.file_button = QPushButton("Choose…", accessibleName="File of examples")
        self.address_field = QLineEdit(
            placeholderText="MODEL/5-SET/123", accessibleName="Address on Neuronpedia"
        )
        self.address_field.setToolTip(
            "as gpt2-small/5-tres-dc/123; its server is asked when you press Collect, and the answer is kept"
        )
        self.max_examples_field = IntegerField(
            minimum=2, maximum=500, value=30, accessibleName="Number of examples"
        )
        self.selection_box = choice_box("Which examples", *EXAMPLE_CHOICES)
        self.selection_box.setToolTip("evenly spread from strongest to weakest, or the strongest only")
        self.nodes_per_circuit_field = IntegerField(minimum=10, maximum=2000, value=200, singleStep=50)
        self.nodes_per_circuit_field.setAccessibleName("Nodes of a circuit")
        self.nodes_per_circuit_field.setToolTip("approximate number of nodes in the circuit of each example")
        self.collection_box = ComboBox(accessibleName="Trace collections")
        let_shrink(self.collection_box)
        self.remove_button = QToolButton(text="✕", toolTip="remove this collection")
        self.remove_button.setAccessibleName("Remove this collection")
        self.message_label = QLabel("", objectName="muted", wordWrap=True)
        self.collect_button = QPushButton("Collect", objectName="primary")
        self.cancel_button = QPushButton("Cancel", toolTip="finished traces are kept")
        fix_scaled_width(self, 252)
        self._build()
        self.source_box.currentTextChanged.connect(lambda _text: self._on_source_changed())
        self.file_button.clicked.connect(self._choose_file)
        self.address_field.textChanged.connect(lambda _text: self.changed.emit())
        self.address_field.returnPressed.connect(self.collect_button.click)
        self.feature_field.returnPressed.connect(self.collect_button.click)
        self.feature_field.textChanged.connect(lambda _text: self.changed.emit())
        self.collect_button.clicked.connect(self.collect_requested)
        self.cancel_button.clicked.connect(self.cancel_requested)
        self.collection_box.activated.connect(lambda _i: self.collection_chosen.emit())
        self.remove_button.clicked.connect(lambda: self.removal_requested.emit())
        self._on_source_changed()

    def set_feature(self, feature: str) -> None:
        """Set the feature, unless the user is typing one."""
        if not self.feature_field.hasFocus():
            self.feature_field.setText(feature)

    def find_check(self) -> CheckInput | str | None:
        """What to ask about the fields; a text on what is wrong already; None where some are empty yet."""
        text = self.feature_field.text().strip()
        if text and parse_feature_name(text) is None:
            return NO_FEATURE.format(text)
        needs_file = self.source_box.currentText() in FILE_FILTERS
        if (
            needs_file
            and self.examples_path is not None
            and (fault := text_file_fault(str(self.examples_path)))
        ):
            return fault
        is_filled = bool(text) and (self.examples_path is not None or not needs_file)
        if self.source_box.currentText() == NEURONPEDIA:
            is_filled = is_filled and bool(self.address_field.text().strip())
        return CheckInput(self.build_request()) if is_filled else None

    def set_running(self, is_running: bool) -> None:
        """Switch between the states idle and collecting."""
        self.collect_button.setEnabled(not is_running)
        self.cancel_button.setEnabled(is_running)

    def set_collections(self, names: list[str], enabled: bool) -> None:
        """Offer collections by name; the last one is shown where the previous choice is gone."""
        if [self.collection_box.itemText(i) for i in range(self.collection_box.count())] != names:
            previous = self.collection_box.currentText()
            self.collection_box.clear()
            self.collection_box.addItems(names)
            self.collection_box.setCurrentText(previous if previous in names else (names or [""])[-1])
        for widget in (self.collection_box, self.remove_button):
            widget.setEnabled(enabled and bool(names))

    def show_message(self, text: str) -> None:
        """Show progress or an error."""
        self.message_label.setText(text)

    def build_request(self) -> CollectTraces:
        """The request that the fields describe.

        Raises:
            InputError: No valid feature is named, or the source needs a file.
        """
        text = self.feature_field.text().strip()
        feature = parse_feature_name(text)
        if feature is None:
            raise InputError(NO_FEATURE.format(text) if text else f"No feature is chosen; {FEATURE_ADVICE}")
        source = self.source_box.currentText()
        if source in FILE_FILTERS and self.examples_path is None:
            raise InputError(f"Examples from a {source} need a file; choose one.")
        path = self.examples_path if source in FILE_FILTERS else None
        return CollectTraces(
            feature.site,
            feature.feature,
            source,
            path,
            self.max_examples_field.value(),
            self.selection_box.currentText(),
            self.nodes_per_circuit_field.value(),
            self.address_field.text().strip() if source == NEURONPEDIA else "",
            user_data_folder() / STORE_FILE_NAME if source == NEURONPEDIA else None,
        )

    def set_examples_path(self, path: Path) -> None:
        """Use a file as the source of examples."""
        self.examples_path = path
        caption = path.name if len(path.name) < 22 else f"{path.name[:9]}…{path.name[-9:]}"
        self.file_button.setText(escape_mnemonics(caption))
        self.file_button.setToolTip(str(path))
        self.changed.emit()

    def _on_source_changed(self) -> None:
        needs_file = self.source_box.currentText() in FILE_FILTERS
        self.form_layout.setRowVisible(self.file_button, needs_file)
        self.form_layout.setRowVisible(self.address_field, self.source_box.currentText() == NEURONPEDIA)
        if needs_file:
            self.examples_path = None
            self.file_button.setText("Choose…")
        self.changed.emit()

    def _choose_file(self) -> None:
        kinds = FILE_FILTERS[self.source_box.currentText()]
        path = ask_open_file(
            self, "Examples of the feature", f"{kinds};;All files (*)", "examples", self._settings
        )
        if path is not None:
            self.set_examples_path(path)

    def _build(self) -> None:
        self.form_layout = make_form()
        self.form_layout.setHorizontalSpacing(8)
        for title, field in (
            ("Feature", self.feature_field),
            ("From", self.source_box),
            ("File", self.file_button),
            ("Address", self.address_field),
            ("Examples", self.max_examples_field),
            ("Which", self.selection_box),
            ("Nodes", self.nodes_per_circuit_field),
        ):
            self.form_layout.addRow(title, field)
        buttons = lay_out_row((self.collect_button, 1), self.cancel_button)
        chooser = lay_out_row((self.collection_box, 1), self.remove_button, spacing=4)
        content = QWidget()
        lay_out_column(
            self.form_layout, self.fault_line, self.message_label, 1, parent=content, spacing=8,
            margins=(0, 0, 4, 0),
        )  # fmt: skip
        lay_out_column(
            (VerticalScrollArea(content), 1),
            QLabel("Shown", objectName="muted"),
            chooser,
            buttons,
            parent=self,
            spacing=8,
            margins=(2, 8, 12, 8),
        )
        adjust_form_fields(self)
