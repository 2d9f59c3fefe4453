"""The settings: everything takes effect at once, and nothing needs a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from circuitviz.canvas.theme import COLOURS
from circuitviz.jobs import UseThreads
from circuitviz.panels.registry import inset_numbers

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

THEMES = {"system": "as the system", "light": "light", "dark": "dark"}
SIZES = (80, 90, 100, 110, 125, 150, 175, 200)
DEVICES = ("cpu", "cuda", "mps")


class SettingsDialog(QDialog):
    """Looks, machine, and what is remembered."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window_, self.settings = window, window.settings
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.theme, self.colours, self.size_ = QComboBox(), QComboBox(), QComboBox()
        self.device, self.threads = QComboBox(), QSpinBox(minimum=0, maximum=1024)
        self.count, self.clear = QLabel("", objectName="muted"), QPushButton("Clear")
        self._fill()
        self._build()
        self.theme.currentIndexChanged.connect(self._keep)
        self.colours.currentIndexChanged.connect(self._keep)
        self.size_.currentIndexChanged.connect(self._keep)
        self.device.currentIndexChanged.connect(self._keep_device)
        self.threads.editingFinished.connect(self._keep_threads)
        self.clear.clicked.connect(self._clear)

    def _fill(self) -> None:
        settings = self.settings
        for name, text in THEMES.items():
            self.theme.addItem(text, name)
        for name in COLOURS:
            self.colours.addItem(name, name)
        for percent in SIZES:
            self.size_.addItem("as the system" if percent == 100 else f"{percent} %", percent)
        for name in DEVICES:
            self.device.addItem(name, name)
        for box, value in (
            (self.theme, settings.theme),
            (self.colours, settings.colours),
            (self.size_, settings.text_size),
            (self.device, settings.device),
        ):
            box.setCurrentIndex(max(0, box.findData(value)))
        self.threads.setValue(settings.threads)
        self.threads.setSpecialValueText("all cores but one")
        self._count()

    def _build(self) -> None:
        self.device.setToolTip("where models run; cuda needs an NVIDIA card")
        self.theme.setAccessibleName("Theme")
        self.colours.setAccessibleName("Colours of edges")
        self.size_.setAccessibleName("Size of text")
        self.device.setAccessibleName("Device")
        self.threads.setAccessibleName("Threads")
        form = QFormLayout(horizontalSpacing=18, verticalSpacing=9)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows: tuple[tuple[str, QWidget | None], ...] = (
            ("Looks", None),
            ("Theme", self.theme),
            ("Edges that raise and lower", self.colours),
            ("Size of text", self.size_),
            ("Machine", None),
            ("Device", self.device),
            ("Threads", self.threads),
            ("Memory", None),
            ("Recent files", self._recent_row()),
        )
        for text, field in rows:
            if field is None:
                heading = QLabel(text, objectName="heading")
                heading.setContentsMargins(0, 0 if text == "Looks" else 10, 0, 0)
                form.addRow(heading)
            else:
                label = QLabel(text)
                label.setMinimumHeight(field.sizeHint().height())  # stands beside the field's middle
                form.addRow(label, field)
        note = QLabel(
            "Every pair of colours can be told apart without colour vision; negative scores are "
            "dashed besides. Pictures keep the colours of the export dialog.",
            objectName="muted",
            wordWrap=True,
        )
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 14)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(note)
        column.addWidget(buttons)
        self.setMinimumWidth(430)
        inset_numbers(self)

    def _recent_row(self) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.count, 1)
        row.addWidget(self.clear)
        return made

    def _keep(self) -> None:
        self.settings.theme = self.theme.currentData()
        self.settings.colours = self.colours.currentData()
        self.settings.text_size = self.size_.currentData()
        self.window_.looks.apply()

    def _keep_device(self) -> None:
        self.settings.device = self.device.currentData()
        self.window_.use_device(self.settings.device)

    def _keep_threads(self) -> None:
        if self.threads.value() != self.settings.threads:
            self.settings.threads = self.threads.value()
            self.window_.desk.ask(UseThreads(self.settings.threads))

    def _clear(self) -> None:
        self.settings.clear_recent()
        self._count()
        self.window_.start.show_recent([])

    def _count(self) -> None:
        number = len(self.settings.recent)
        self.clear.setEnabled(bool(number))
        self.count.setText(f"{number} remembered" if number else "none remembered")
