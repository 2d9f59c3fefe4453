"""The figure as it will be printed, beside everything that can be chosen of it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QColor, QFontDatabase, QGuiApplication, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from circuitviz.errors import InputError
from circuitviz.layout import layouts
from circuitviz.options import Option, build, describe
from circuitviz.panels.option_form import OptionForm
from circuitviz.pictures import Figure, Sheet, pictures, sheet_of
from circuitviz.pictures.figure import POINTS_PER_MM, SHIPPED_FONT
from circuitviz.pictures.png import bitmap

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

NAMES = {
    "view": "View",
    "preset": "Page",
    "width_mm": "Own width",
    "font": "Font",
    "font_size": "Text size",
    "legend": "Legend",
    "caption": "Caption",
    "transparent": "No ground",
    "dark": "Dark",
    "layout": "Head layout",
    "most_edges": "Most edges",
    "least": "Weakest arrow",
    "dpi": "PNG resolution",
}
PATIENCE = 120  # ms of rest before the preview is drawn again


class Preview(QWidget):
    """A sheet scaled to the room there is, on a desk darker than the paper."""

    def __init__(self) -> None:
        super().__init__()
        self.sheet: Sheet | None = None
        self.setMinimumSize(360, 360)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Preview of the figure")
        self._made = QPixmap()

    def show_sheet(self, sheet: Sheet | None) -> None:
        """Show another sheet, or nothing."""
        self.sheet = sheet
        self._render()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit again."""
        self._render()

    def _render(self) -> None:
        self._made = QPixmap()
        if self.sheet is not None:
            drawing, ratio = self.sheet.drawing, self.devicePixelRatioF()
            dots = min((self.width() - 32) / drawing.width, (self.height() - 32) / drawing.height)
            self._made = QPixmap.fromImage(bitmap(self.sheet, max(dots, 0.1) * ratio))
            self._made.setDevicePixelRatio(ratio)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Desk, paper, figure; a figure without ground lies on squares."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#8a919c"))
        if self._made.isNull() or self.sheet is None:
            return
        size = self._made.deviceIndependentSize().toSize()
        left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        if not self.sheet.drawing.ground:
            painter.setClipRect(left, top, size.width(), size.height())
            painter.fillRect(left, top, size.width(), size.height(), QColor("#ffffff"))
            for x in range(left, left + size.width(), 16):
                for y in range(top, top + size.height(), 16):
                    shade = QColor("#e4e6ea")
                    painter.fillRect(x, y, 8, 8, shade)
                    painter.fillRect(x + 8, y + 8, 8, 8, shade)
        painter.drawPixmap(left, top, self._made)


class ExportDialog(QDialog):
    """Choices at the left, the figure at the right; every button acts on what is seen."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setWindowTitle("Export a figure")
        self.window_, self.document = window, window.desk.document
        self.preview, self.form, self.format = Preview(), OptionForm(), QComboBox()
        self.size_, self.problem = QLabel(objectName="muted"), QLabel(objectName="warning", wordWrap=True)
        self.command = QLineEdit(readOnly=True)
        self.command.setAccessibleName("The command that makes this figure")
        for entry in pictures.entries():
            self.format.addItem(f"{entry.value.suffix[1:].upper()} – {entry.summary}", entry.value.suffix)
        self.format.setCurrentIndex(self.format.findData(".pdf"))
        self._fill()
        self._lay_out()
        self._rest = QTimer(self, singleShot=True, interval=PATIENCE)
        self._rest.timeout.connect(self.draw)
        self.format.currentIndexChanged.connect(self.draw)
        self.resize(1080, 720)
        QTimer.singleShot(0, self, self.draw)  # shown first, drawn next: two short waits are not felt

    # what is chosen

    def figure(self) -> Figure:
        """What the form says; InputError where it cannot be."""
        chosen: Figure = build(Figure, self.form.values())
        return chosen

    def draw(self) -> None:
        """Draw what is chosen; what cannot be drawn is said in its place."""
        suffix = self.format.currentData()
        source = self.document.path.stem if self.document.path else "circuit"
        try:
            figure = self.figure()
            sheet = sheet_of(self.document, figure, f"{source}{suffix}")
        except InputError as error:
            self.preview.show_sheet(None)
            self.problem.setText(str(error))
            self.size_.setText("")
            self.command.setText("")
        else:
            self.document.view["figure"] = asdict(figure)
            self.preview.show_sheet(sheet)
            self.problem.setText("")
            wide, high = sheet.drawing.width / POINTS_PER_MM, sheet.drawing.height / POINTS_PER_MM
            self.size_.setText(f"{wide:.1f} × {high:.1f} mm on paper, text of {figure.font_size:g} pt")
            self.command.setText(next(line for line in sheet.about if line.startswith("circuitviz export")))
            self.command.setCursorPosition(0)
        self.save.setEnabled(self.preview.sheet is not None)
        self.problem.setVisible(bool(self.problem.text()))

    def save_to(self, path: Path) -> bool:
        """Write the figure; the suffix names the format."""
        path = path if path.suffix else path.with_suffix(self.format.currentData())
        done = self.window_.files.export_to(path, self.figure())
        if done:
            self.accept()
        return done

    def _fill(self) -> None:
        kept = self.document.view.get("figure", {"layout": self.window_.layout_name})
        try:
            start = build(Figure, kept)
        except (InputError, AttributeError, TypeError):  # a file may hold anything
            start = Figure()
        self.form.set_options([self._option(entry, getattr(start, entry.name)) for entry in describe(Figure)])
        rows = self.form.layout()
        assert isinstance(rows, QFormLayout)
        rows.setContentsMargins(0, 0, 0, 0)
        for name, field in self.form.fields.items():
            label = rows.labelForField(field)
            if isinstance(label, QLabel):
                label.setText(NAMES.get(name, label.text()))
            self._watch(name, field)

    def _option(self, entry: Option, value: object) -> Option:
        choices = entry.choices
        if entry.name == "layout":
            choices = tuple(layouts.names())
        if entry.name == "font":
            choices = tuple(dict.fromkeys([SHIPPED_FONT, str(value), *QFontDatabase.families()]))
        return replace(entry, default=value, choices=choices)

    def _watch(self, name: str, field: QWidget) -> None:
        if isinstance(field, QComboBox):
            field.currentTextChanged.connect(lambda: self._rest.start())
        elif isinstance(field, QCheckBox):
            field.toggled.connect(lambda: self._rest.start())
        elif isinstance(field, QDoubleSpinBox | QSpinBox):
            field.valueChanged.connect(lambda: self._rest.start())
        if isinstance(field, QDoubleSpinBox):
            field.setDecimals(2 if name == "least" else 1)
            field.setSingleStep(0.05 if name == "least" else 1.0)
        if name == "width_mm" and isinstance(field, QDoubleSpinBox):
            field.setSuffix(" mm")
            field.setSpecialValueText("as the page")
        if name == "font_size" and isinstance(field, QDoubleSpinBox):
            field.setSuffix(" pt")
            field.setSingleStep(0.5)

    # how it looks

    def _lay_out(self) -> None:
        self.save = QPushButton("Save…", objectName="primary", default=True)
        self.save.clicked.connect(self._ask)
        other = QPushButton("Data instead…")
        other.setToolTip("Edges and nodes as CSV, GraphML, DOT or EAP-IG JSON")
        other.clicked.connect(self._other)
        methods, entries = QPushButton("Copy methods text"), QPushButton("Copy BibTeX")
        methods.clicked.connect(self.window_.files.copy_methods)
        entries.clicked.connect(self.window_.files.copy_bibtex)
        copy = QPushButton("Copy command")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command.text()))
        choices = QVBoxLayout(spacing=10)
        choices.addWidget(QLabel("Format", objectName="heading"))
        choices.addWidget(self.format)
        choices.addWidget(QLabel("Figure", objectName="heading"))
        scroll = QScrollArea(widgetResizable=True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.form)
        choices.addWidget(scroll, 1)
        for pair in ((methods, entries), (other, self.save)):
            row = QHBoxLayout(spacing=8)
            for button in pair:
                row.addWidget(button, 1)
            choices.addLayout(row)
        left = QWidget(objectName="panel")
        left.setLayout(choices)
        left.setFixedWidth(320)
        below = QHBoxLayout(spacing=8)
        below.addWidget(self.command, 1)
        below.addWidget(copy)
        right = QVBoxLayout(spacing=8)
        right.addWidget(self.problem)
        right.addWidget(self.preview, 1)
        right.addWidget(self.size_)
        right.addLayout(below)
        whole = QHBoxLayout(self, spacing=14)
        whole.setContentsMargins(14, 14, 14, 14)
        whole.addWidget(left)
        whole.addLayout(right, 1)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Wide enough for choices and figure."""
        return QSize(1080, 720)

    def _ask(self) -> None:
        path = self.window_.files.ask_figure_place(self.format.currentData())
        if path is not None:
            self.save_to(path)

    def _other(self) -> None:
        if self.window_.files.ask_data():
            self.accept()
