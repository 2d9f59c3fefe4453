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
from circuitviz.graph.names import feature_name
from circuitviz.graph.traces import CHOICES
from circuitviz.jobs.traces import DASHBOARD, SOURCES, TEXT, CollectTraces
from circuitviz.panels.plain import as_caption
from circuitviz.panels.registry import inset_numbers
from circuitviz.panels.room import keep_wide

KINDS = {TEXT: "Plain text (*.txt *.md)", DASHBOARD: "Dashboards (*.json *.jsonl *.gz)"}


class CollectForm(QWidget):
    """What to collect, and which of what is kept is shown. The feature follows what is looked at.

    ``collected()``: start; ``stopped()``: end what runs; ``chosen()``: show others of what is kept;
    ``forgotten()``: let go of what is shown.
    """

    collected = Signal()
    stopped = Signal()
    chosen = Signal()
    forgotten = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.path: Path | None = None
        self.feature = QLineEdit(placeholderText="m3.f12", accessibleName="Feature")
        self.source = QComboBox(accessibleName="Where examples come from")
        self.source.addItems(list(SOURCES))
        self.file = QPushButton("Choose…", accessibleName="File of examples")
        self.most = QSpinBox(minimum=2, maximum=500, value=30, accessibleName="Number of examples")
        self.choose = QComboBox(accessibleName="Which examples")
        self.choose.addItems(list(CHOICES))
        self.choose.setToolTip("spread evenly from the strongest to the weakest, or the strongest alone")
        self.nodes = QSpinBox(minimum=10, maximum=2000, value=200, singleStep=50)
        self.nodes.setAccessibleName("Nodes of a circuit")
        self.nodes.setToolTip("about how many nodes the circuit of an example has")
        self.which = QComboBox(accessibleName="Traces that are kept")
        self.which.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.which.setMinimumContentsLength(8)
        self.forget = QToolButton(text="✕", toolTip="forget the traces that are shown")
        self.forget.setAccessibleName("Forget the traces that are shown")
        self.about = QLabel("", objectName="muted", wordWrap=True)
        self.start = QPushButton("Collect", objectName="primary")
        self.stop = QPushButton("Cancel", toolTip="what is traced already is kept")
        keep_wide(self, 236)
        self._build()
        self.source.currentTextChanged.connect(lambda _text: self._source_chosen())
        self.file.clicked.connect(self._browse)
        self.feature.returnPressed.connect(self.start.click)
        self.start.clicked.connect(self.collected)
        self.stop.clicked.connect(self.stopped)
        self.which.activated.connect(lambda _i: self.chosen.emit())
        self.forget.clicked.connect(lambda: self.forgotten.emit())
        self._source_chosen()

    def aim(self, feature: str) -> None:
        """The feature that is looked at, unless somebody is typing another."""
        if not self.feature.hasFocus():
            self.feature.setText(feature)

    def run(self, running: bool) -> None:
        """Whether something is being collected."""
        self.start.setEnabled(not running)
        self.stop.setEnabled(running)

    def offer(self, names: list[str], enabled: bool) -> None:
        """Offer what is kept, by name; the last one is shown where the one before is gone."""
        if [self.which.itemText(i) for i in range(self.which.count())] != names:
            before = self.which.currentText()
            self.which.clear()
            self.which.addItems(names)
            self.which.setCurrentText(before if before in names else (names or [""])[-1])
        for widget in (self.which, self.forget):
            widget.setEnabled(enabled and bool(names))

    def say(self, text: str) -> None:
        """How far it is, or what was wrong."""
        self.about.setText(text)

    def request(self) -> CollectTraces:
        """What is asked for; InputError where the fields do not say it."""
        named = self.feature.text().strip()
        found = feature_name(named)
        if found is None:
            raise InputError(
                (f"'{named}' names no feature" if named else "No feature is chosen")
                + "; choose one in Features or on the canvas, or type a name like m3.f12."
            )
        source = self.source.currentText()
        if source in KINDS and self.path is None:
            raise InputError(f"Examples from a {source} need a file; choose one.")
        path = self.path if source in KINDS else None
        return CollectTraces(
            found.site,
            found.feature,
            source,
            path,
            self.most.value(),
            self.choose.currentText(),
            self.nodes.value(),
        )

    def take(self, path: Path) -> None:
        """Take examples from this file."""
        self.path = path
        shown = path.name if len(path.name) < 22 else f"{path.name[:9]}…{path.name[-9:]}"
        self.file.setText(as_caption(shown))
        self.file.setToolTip(str(path))

    def _source_chosen(self) -> None:
        wanted = self.source.currentText() in KINDS
        self.form.setRowVisible(self.file, wanted)
        if wanted:
            self.path = None
            self.file.setText("Choose…")

    def _browse(self) -> None:
        kinds = KINDS[self.source.currentText()]
        path, _ = QFileDialog.getOpenFileName(self, "Examples of the feature", "", f"{kinds};;All files (*)")
        if path:
            self.take(Path(path))

    def _build(self) -> None:
        self.form = QFormLayout(verticalSpacing=8, horizontalSpacing=8)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for title, field in (
            ("Feature", self.feature),
            ("From", self.source),
            ("File", self.file),
            ("Examples", self.most),
            ("Which", self.choose),
            ("Nodes", self.nodes),
        ):
            self.form.addRow(title, field)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start, 1)
        buttons.addWidget(self.stop)
        whole = QVBoxLayout(self, spacing=8)
        whole.setContentsMargins(12, 8, 12, 8)
        shown = QHBoxLayout(spacing=4)
        shown.addWidget(self.which, 1)
        shown.addWidget(self.forget)
        whole.addLayout(self.form)
        whole.addWidget(self.about)
        whole.addStretch(1)
        whole.addWidget(QLabel("Shown", objectName="muted"))
        whole.addLayout(shown)
        whole.addLayout(buttons)
        inset_numbers(self)
