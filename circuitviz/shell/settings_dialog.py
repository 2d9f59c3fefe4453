"""The settings: everything takes effect at once, and nothing needs a restart."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from circuitviz.dtypes import (
    DEVICE_CHOICES,
    DTYPE_CHOICES,
    DTYPE_TOOL_TIP,
    OFFLOAD_CHOICES,
    OFFLOAD_TOOL_TIP,
    set_default_offload,
)
from circuitviz.panels.widgets.fields import adjust_form_fields
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.number_fields import IntegerField
from circuitviz.scene.theme import EDGE_COLOURS
from circuitviz.shell.settings import LOG_LEVELS, Settings

THEME_TEXTS = {"system": "as the system", "light": "light", "dark": "dark"}
TEXT_SIZES_PERCENT = (80, 90, 100, 110, 125, 150, 175, 200)


class SettingsDialog(QDialog):
    """Appearance, machine, and what is remembered; every change is stored and told at once."""

    appearance_changed = Signal()
    device_changed = Signal(str)
    dtype_changed = Signal(str)
    threads_changed = Signal(int)
    log_level_changed = Signal(str)

    def __init__(self, parent: QWidget, settings: Settings) -> None:
        super().__init__(parent)
        self.settings = settings
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.theme_box, self.colours_box, self.text_size_box = ComboBox(), ComboBox(), ComboBox()
        self.device_box, self.dtype_box, self.offload_box = ComboBox(), ComboBox(), ComboBox()
        self.threads_field = IntegerField(minimum=0, maximum=1024)
        self.log_level_box = ComboBox()
        self.recent_count_label, self.clear_button = QLabel("", objectName="muted"), QPushButton("Clear")
        self._fill_fields()
        self._create_layout()
        self.theme_box.currentIndexChanged.connect(self._store_appearance)
        self.colours_box.currentIndexChanged.connect(self._store_appearance)
        self.text_size_box.currentIndexChanged.connect(self._store_appearance)
        self.device_box.currentIndexChanged.connect(self._store_device)
        self.dtype_box.currentIndexChanged.connect(self._store_dtype)
        self.offload_box.currentIndexChanged.connect(self._store_offload)
        self.threads_field.editingFinished.connect(self._store_threads)
        self.log_level_box.currentIndexChanged.connect(self._store_log_level)
        self.clear_button.clicked.connect(self._clear_recent)

    def _fill_fields(self) -> None:
        settings = self.settings
        for name, text in THEME_TEXTS.items():
            self.theme_box.addItem(text, name)
        for name in EDGE_COLOURS:
            self.colours_box.addItem(name, name)
        for percent in TEXT_SIZES_PERCENT:
            self.text_size_box.addItem("as the system" if percent == 100 else f"{percent} %", percent)
        for name in DEVICE_CHOICES:
            self.device_box.addItem(name, name)
        for name in DTYPE_CHOICES:
            self.dtype_box.addItem(name, name)
        for name in OFFLOAD_CHOICES:
            self.offload_box.addItem(name, name)
        for name in LOG_LEVELS:
            self.log_level_box.addItem(name, name)
        for box, value in (
            (self.theme_box, settings.theme),
            (self.colours_box, settings.edge_colours),
            (self.text_size_box, settings.text_size),
            (self.device_box, settings.device),
            (self.dtype_box, settings.dtype),
            (self.offload_box, settings.offload),
            (self.log_level_box, settings.log_level),
        ):
            box.setCurrentIndex(max(0, box.findData(value)))
        self.threads_field.setValue(settings.n_threads)
        self.threads_field.setSpecialValueText("all cores but one")
        self._show_recent_count()

    def _create_layout(self) -> None:
        self.device_box.setToolTip("where models run; cuda needs an NVIDIA card")
        self.dtype_box.setToolTip(DTYPE_TOOL_TIP)
        self.offload_box.setToolTip(f"{OFFLOAD_TOOL_TIP}; for those that are opened from now on")
        self.offload_box.setAccessibleName("Offload dictionaries")
        self.theme_box.setAccessibleName("Theme")
        self.colours_box.setAccessibleName("Colours of edges")
        self.colours_box.setToolTip("a pair for edges that raise and lower the metric, or one for each input")
        self.text_size_box.setAccessibleName("Size of text")
        self.device_box.setAccessibleName("Device")
        self.dtype_box.setAccessibleName("Precision")
        self.threads_field.setAccessibleName("Threads")
        self.log_level_box.setAccessibleName("Log level")
        self.log_level_box.setToolTip("how much of what jobs do goes to standard error")
        form = QFormLayout(horizontalSpacing=18, verticalSpacing=9)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows: tuple[tuple[str, QWidget | None], ...] = (
            ("Appearance", None),
            ("Theme", self.theme_box),
            ("Colours of edges", self.colours_box),
            ("Size of text", self.text_size_box),
            ("Machine", None),
            ("Device", self.device_box),
            ("Precision", self.dtype_box),
            ("Offload dictionaries", self.offload_box),
            ("Threads", self.threads_field),
            ("Log", self.log_level_box),
            ("Memory", None),
            ("Recent files", self._recent_row()),
        )
        note = QLabel(
            "Every pair of colours can be told apart without colour vision; negative scores are "
            "dashed besides. A new figure has these colours, too.",
            objectName="muted",
            wordWrap=True,
        )
        for text, field in rows:
            if field is None:
                heading = QLabel(text, objectName="heading")
                heading.setContentsMargins(0, 0 if text == "Appearance" else 10, 0, 0)
                form.addRow(heading)
            else:
                label = QLabel(text)
                label.setMinimumHeight(field.sizeHint().height())  # stands beside the field's middle
                form.addRow(label, field)
            if field is self.colours_box:
                form.addRow(note)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 14)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(buttons)
        self.setMinimumWidth(430)
        adjust_form_fields(self)

    def _recent_row(self) -> QWidget:
        recent = QWidget()
        row = QHBoxLayout(recent)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.recent_count_label, 1)
        row.addWidget(self.clear_button)
        return recent

    def _store_appearance(self) -> None:
        self.settings.theme = self.theme_box.currentData()
        self.settings.edge_colours = self.colours_box.currentData()
        self.settings.text_size = self.text_size_box.currentData()
        self.appearance_changed.emit()

    def _store_device(self) -> None:
        self.settings.device = self.device_box.currentData()
        self.device_changed.emit(self.settings.device)

    def _store_dtype(self) -> None:
        self.settings.dtype = self.dtype_box.currentData()
        self.dtype_changed.emit(self.settings.dtype)

    def _store_offload(self) -> None:
        self.settings.offload = self.offload_box.currentData()
        set_default_offload(self.settings.offload)

    def _store_threads(self) -> None:
        if self.threads_field.value() != self.settings.n_threads:
            self.settings.n_threads = self.threads_field.value()
            self.threads_changed.emit(self.settings.n_threads)

    def _store_log_level(self) -> None:
        self.settings.log_level = self.log_level_box.currentData()
        self.log_level_changed.emit(self.settings.log_level)

    def _clear_recent(self) -> None:
        self.settings.clear_recent_files()
        self._show_recent_count()

    def _show_recent_count(self) -> None:
        number = len(self.settings.recent_files)
        self.clear_button.setEnabled(bool(number))
        self.recent_count_label.setText(f"{number} remembered" if number else "none remembered")
