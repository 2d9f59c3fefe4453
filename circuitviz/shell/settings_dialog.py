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

from circuitviz.panels.registry import adjust_form_fields
from circuitviz.scene.theme import SIGN_COLOURS
from circuitviz.workbench.requests.torch_threads import SetTorchThreads

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow

THEME_TEXTS = {"system": "as the system", "light": "light", "dark": "dark"}
TEXT_SIZES_PERCENT = (80, 90, 100, 110, 125, 150, 175, 200)
DEVICE_NAMES = ("cpu", "cuda", "mps")


class SettingsDialog(QDialog):
    """Looks, machine, and what is remembered."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.main_window, self.settings = window, window.settings
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.theme_box, self.colours_box, self.text_size_box = QComboBox(), QComboBox(), QComboBox()
        self.device_box, self.threads_field = QComboBox(), QSpinBox(minimum=0, maximum=1024)
        self.recent_count_label, self.clear_button = QLabel("", objectName="muted"), QPushButton("Clear")
        self._fill_fields()
        self._create_layout()
        self.theme_box.currentIndexChanged.connect(self._store_appearance)
        self.colours_box.currentIndexChanged.connect(self._store_appearance)
        self.text_size_box.currentIndexChanged.connect(self._store_appearance)
        self.device_box.currentIndexChanged.connect(self._store_device)
        self.threads_field.editingFinished.connect(self._store_threads)
        self.clear_button.clicked.connect(self._clear_recent)

    def _fill_fields(self) -> None:
        settings = self.settings
        for name, text in THEME_TEXTS.items():
            self.theme_box.addItem(text, name)
        for name in SIGN_COLOURS:
            self.colours_box.addItem(name, name)
        for percent in TEXT_SIZES_PERCENT:
            self.text_size_box.addItem("as the system" if percent == 100 else f"{percent} %", percent)
        for name in DEVICE_NAMES:
            self.device_box.addItem(name, name)
        for box, value in (
            (self.theme_box, settings.theme),
            (self.colours_box, settings.edge_colours),
            (self.text_size_box, settings.text_size),
            (self.device_box, settings.device),
        ):
            box.setCurrentIndex(max(0, box.findData(value)))
        self.threads_field.setValue(settings.n_threads)
        self.threads_field.setSpecialValueText("all cores but one")
        self._show_recent_count()

    def _create_layout(self) -> None:
        self.device_box.setToolTip("where models run; cuda needs an NVIDIA card")
        self.theme_box.setAccessibleName("Theme")
        self.colours_box.setAccessibleName("Colours of edges")
        self.text_size_box.setAccessibleName("Size of text")
        self.device_box.setAccessibleName("Device")
        self.threads_field.setAccessibleName("Threads")
        form = QFormLayout(horizontalSpacing=18, verticalSpacing=9)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows: tuple[tuple[str, QWidget | None], ...] = (
            ("Looks", None),
            ("Theme", self.theme_box),
            ("Edges that raise and lower", self.colours_box),
            ("Size of text", self.text_size_box),
            ("Machine", None),
            ("Device", self.device_box),
            ("Threads", self.threads_field),
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
        adjust_form_fields(self)

    def _recent_row(self) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.recent_count_label, 1)
        row.addWidget(self.clear_button)
        return made

    def _store_appearance(self) -> None:
        self.settings.theme = self.theme_box.currentData()
        self.settings.edge_colours = self.colours_box.currentData()
        self.settings.text_size = self.text_size_box.currentData()
        self.main_window.theme_controller.apply_settings()

    def _store_device(self) -> None:
        self.settings.device = self.device_box.currentData()
        self.main_window.set_device(self.settings.device)

    def _store_threads(self) -> None:
        if self.threads_field.value() != self.settings.n_threads:
            self.settings.n_threads = self.threads_field.value()
            self.main_window.workspace.submit_request(SetTorchThreads(self.settings.n_threads))

    def _clear_recent(self) -> None:
        self.settings.clear_recent_files()
        self._show_recent_count()
        self.main_window.start_page.show_recent_files([])

    def _show_recent_count(self) -> None:
        number = len(self.settings.recent_files)
        self.clear_button.setEnabled(bool(number))
        self.recent_count_label.setText(f"{number} remembered" if number else "none remembered")
