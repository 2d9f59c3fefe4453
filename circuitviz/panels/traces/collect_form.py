"""What to collect: a feature, where its examples come from, how many."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from circuitviz.errors import InputError
from circuitviz.graph.names import parse_feature_name
from circuitviz.graph.traces import EXAMPLE_CHOICES
from circuitviz.panels.registry import adjust_form_fields
from circuitviz.panels.widgets.font_scaling import fix_scaled_width
from circuitviz.workbench.requests.collect_traces import (
    DASHBOARD_FILE,
    EXAMPLE_SOURCES,
    TEXT_FILE,
    CollectTraces,
)
from circuitviz.workspace.plain_text import escape_mnemonics

FILE_FILTERS = {TEXT_FILE: "Plain text (*.txt *.md)", DASHBOARD_FILE: "Dashboards (*.json *.jsonl *.gz)"}


class CollectForm(QWidget):
    """What to collect, and which of what is kept is shown. The feature follows what is looked at.

    ``collect_requested()``: start; ``cancel_requested()``: end what runs; ``collection_chosen()``: show others of what is kept;
    ``removal_requested()``: let go of what is shown.
    """

    collect_requested = Signal()
    cancel_requested = Signal()
    collection_chosen = Signal()
    removal_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.examples_path: Path | None = None
        self.feature_field = QLineEdit(placeholderText="m3.f12", accessibleName="Feature")
        self.source_box = QComboBox(accessibleName="Where examples come from")
        self.source_box.addItems(list(EXAMPLE_SOURCES))
        self.file_button = QPushButton("Choose…", accessibleName="File of examples")
        self.max_examples_field = QSpinBox(
            minimum=2, maximum=500, value=30, accessibleName="Number of examples"
        )
        self.selection_box = QComboBox(accessibleName="Which examples")
        self.selection_box.addItems(list(EXAMPLE_CHOICES))
        self.selection_box.setToolTip(
            "spread evenly from the strongest to the weakest, or the strongest alone"
        )
        self.nodes_per_circuit_field = QSpinBox(minimum=10, maximum=2000, value=200, singleStep=50)
        self.nodes_per_circuit_field.setAccessibleName("Nodes of a circuit")
        self.nodes_per_circuit_field.setToolTip("about how many nodes the circuit of an example has")
        self.collection_box = QComboBox(accessibleName="Traces that are kept")
        self.collection_box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.collection_box.setMinimumContentsLength(8)
        self.remove_button = QToolButton(text="✕", toolTip="forget the traces that are shown")
        self.remove_button.setAccessibleName("Forget the traces that are shown")
        self.message_label = QLabel("", objectName="muted", wordWrap=True)
        self.collect_button = QPushButton("Collect", objectName="primary")
        self.cancel_button = QPushButton("Cancel", toolTip="what is traced already is kept")
        fix_scaled_width(self, 236)
        self._build()
        self.source_box.currentTextChanged.connect(lambda _text: self._on_source_changed())
        self.file_button.clicked.connect(self._choose_file)
        self.feature_field.returnPressed.connect(self.collect_button.click)
        self.collect_button.clicked.connect(self.collect_requested)
        self.cancel_button.clicked.connect(self.cancel_requested)
        self.collection_box.activated.connect(lambda _i: self.collection_chosen.emit())
        self.remove_button.clicked.connect(lambda: self.removal_requested.emit())
        self._on_source_changed()

    def set_feature(self, feature: str) -> None:
        """The feature that is looked at, unless somebody is typing another."""
        if not self.feature_field.hasFocus():
            self.feature_field.setText(feature)

    def set_running(self, is_running: bool) -> None:
        """Whether something is being collected."""
        self.collect_button.setEnabled(not is_running)
        self.cancel_button.setEnabled(is_running)

    def set_collections(self, names: list[str], enabled: bool) -> None:
        """Offer what is kept, by name; the last one is shown where the one before is gone."""
        if [self.collection_box.itemText(i) for i in range(self.collection_box.count())] != names:
            before = self.collection_box.currentText()
            self.collection_box.clear()
            self.collection_box.addItems(names)
            self.collection_box.setCurrentText(before if before in names else (names or [""])[-1])
        for widget in (self.collection_box, self.remove_button):
            widget.setEnabled(enabled and bool(names))

    def show_message(self, text: str) -> None:
        """How far it is, or what was wrong."""
        self.message_label.setText(text)

    def build_request(self) -> CollectTraces:
        """What is asked for; InputError where the fields do not say it."""
        named = self.feature_field.text().strip()
        found = parse_feature_name(named)
        if found is None:
            raise InputError(
                (f"'{named}' names no feature" if named else "No feature is chosen")
                + "; choose one in Features or on the canvas, or type a name like m3.f12."
            )
        source = self.source_box.currentText()
        if source in FILE_FILTERS and self.examples_path is None:
            raise InputError(f"Examples from a {source} need a file; choose one.")
        path = self.examples_path if source in FILE_FILTERS else None
        return CollectTraces(
            found.site,
            found.feature,
            source,
            path,
            self.max_examples_field.value(),
            self.selection_box.currentText(),
            self.nodes_per_circuit_field.value(),
        )

    def set_examples_path(self, path: Path) -> None:
        """Take examples from this file."""
        self.examples_path = path
        shown = path.name if len(path.name) < 22 else f"{path.name[:9]}…{path.name[-9:]}"
        self.file_button.setText(escape_mnemonics(shown))
        self.file_button.setToolTip(str(path))

    def _on_source_changed(self) -> None:
        wanted = self.source_box.currentText() in FILE_FILTERS
        self.form_layout.setRowVisible(self.file_button, wanted)
        if wanted:
            self.examples_path = None
            self.file_button.setText("Choose…")

    def _choose_file(self) -> None:
        kinds = FILE_FILTERS[self.source_box.currentText()]
        path, _ = QFileDialog.getOpenFileName(self, "Examples of the feature", "", f"{kinds};;All files (*)")
        if path:
            self.set_examples_path(Path(path))

    def _build(self) -> None:
        self.form_layout = QFormLayout(verticalSpacing=8, horizontalSpacing=8)
        self.form_layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for title, field in (
            ("Feature", self.feature_field),
            ("From", self.source_box),
            ("File", self.file_button),
            ("Examples", self.max_examples_field),
            ("Which", self.selection_box),
            ("Nodes", self.nodes_per_circuit_field),
        ):
            self.form_layout.addRow(title, field)
        buttons = QHBoxLayout()
        buttons.addWidget(self.collect_button, 1)
        buttons.addWidget(self.cancel_button)
        whole = QVBoxLayout(self, spacing=8)
        whole.setContentsMargins(12, 8, 12, 8)
        shown = QHBoxLayout(spacing=4)
        shown.addWidget(self.collection_box, 1)
        shown.addWidget(self.remove_button)
        whole.addLayout(self.form_layout)
        whole.addWidget(self.message_label)
        whole.addStretch(1)
        whole.addWidget(QLabel("Shown", objectName="muted"))
        whole.addLayout(shown)
        whole.addLayout(buttons)
        adjust_form_fields(self)
