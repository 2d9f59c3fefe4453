"""The dialog that shows a figure as it will be printed, beside its options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, QTimer
from PySide6.QtGui import QFontDatabase, QGuiApplication, QImage
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
    QSpinBox,
    QWidget,
)
from shiboken6 import isValid

from circuitviz.draw.registry import FigurePage, figure_formats
from circuitviz.errors import InputError
from circuitviz.number_text import decimal_number
from circuitviz.options import Option, build_options, describe_options
from circuitviz.paint.png import render_bitmap
from circuitviz.panels.figures.sheet_preview import SheetPreview
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea, fix_scaled_width
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.option_form import OptionForm
from circuitviz.shapes.figure_options import POINTS_PER_MM, SHIPPED_FONT
from circuitviz.shapes.text_metrics import load_shipped_fonts
from circuitviz.workspace.save_service import DoneCallback

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace

OPTION_LABELS = {
    "view": "View",
    "preset": "Page",
    "width_mm": "Custom width",
    "height_mm": "Custom height",
    "font": "Font",
    "font_size": "Text size",
    "legend": "Legend",
    "caption": "Caption",
    "transparent": "Transparent",
    "dark": "Dark",
    "edge_colours": "Edge colours",
    "layout": "Head layout",
    "most_edges": "Max. edges",
    "least": "Min. |score|",
    "dpi": "PNG resolution",
}
REDRAW_DELAY_MS = 120  # ms of rest before the preview is drawn again
ButtonRows = Sequence[Sequence[QPushButton]]


class FigureDialog(QDialog):
    """Options at the left, the figure at the right; every button acts on the figure that is shown.

    Subclasses draw the figure in ``make_sheet`` and write it in ``write_figure``; ``options_type`` is the
    dataclass of its options. The save service draws and writes on pool threads.
    """

    def __init__(
        self, parent: QWidget, workspace: Workspace, title: str, options_type: type, initial: object
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.workspace, self.options_type = workspace, options_type
        load_shipped_fonts()
        self.preview, self.option_form, self.format_box = SheetPreview(), OptionForm(), ComboBox()
        self.size_label = QLabel(objectName="muted")
        self.problem_label = QLabel(objectName="warning", wordWrap=True)
        self.format_box.setAccessibleName("Format")
        self.command_field = QLineEdit(readOnly=True, accessibleName="Command line that draws this figure")
        for entry in figure_formats.entries():
            self.format_box.addItem(f"{entry.value.suffix[1:].upper()} – {entry.summary}", entry.value.suffix)
        self.format_box.setCurrentIndex(self.format_box.findData(".pdf"))
        self._fill_form(initial)
        self._lay_out()
        self._redraw_timer = QTimer(self, singleShot=True, interval=REDRAW_DELAY_MS)
        self._redraw_timer.timeout.connect(self.redraw_preview)
        self._busy_timer = QTimer(self, singleShot=True, interval=REDRAW_DELAY_MS)
        self._busy_timer.timeout.connect(lambda: self.size_label.setText("Drawing …"))
        self._writing_path: Path | None = None
        self.format_box.currentIndexChanged.connect(self.redraw_preview)
        self.resize(1080, 720)
        self.preview.resized.connect(self._redraw_timer.start)
        QTimer.singleShot(0, self, self.redraw_preview)  # shown first, drawn next

    # for subclasses

    def make_sheet(self, figure: Any, suffix: str) -> Callable[[], FigurePage]:
        """A function that makes the figure on a pool thread, from values that no longer change.

        It raises InputError where that cannot be drawn, and so may this.
        """
        raise NotImplementedError

    def write_figure(self, path: Path, figure: Any, on_done: DoneCallback) -> None:
        """Have the figure written; a failure is shown, and ``on_done`` is told whether it was written."""
        raise NotImplementedError

    def ask_path(self, suffix: str) -> Path | None:
        """Let the person choose a file."""
        raise NotImplementedError

    def remember_options(self, figure: Any) -> None:
        """Store the options for the next time."""

    def extra_buttons(self) -> ButtonRows:
        """Rows of further buttons, from the top; the last row gets 'Save…' at its end."""
        return ((),)

    def command_text(self, sheet: FigurePage) -> str:
        """The command that is shown below the figure."""
        return next((line for line in sheet.metadata_lines if line.startswith("circuitviz export")), "")

    # options and preview

    def current_figure(self) -> Any:
        """The options of the form; raises InputError where they contradict each other."""
        return build_options(self.options_type, self.option_form.values())

    def redraw_preview(self) -> None:
        """Draw the figure, or show why it cannot be drawn."""
        try:
            figure = self.current_figure()
            sheet = self.make_sheet(figure, self.format_box.currentData())
        except InputError as error:
            self._show_problem(error)
            return
        self._busy_timer.start()
        work = partial(render_sheet, sheet, *self.preview.available_pixels)
        self.workspace.save_service.run_latest(
            "figure", work, partial(self._show_rendered, figure), "Could not draw the figure"
        )

    def save_to(self, path: Path) -> None:
        """Write the figure; the suffix names the format. The dialog stays until it is written."""
        path = path if path.suffix else path.with_suffix(self.format_box.currentData())
        self._begin_writing(path)
        self.write_figure(path, self.current_figure(), self._end_writing)

    def _show_rendered(self, figure: Any, rendered: tuple[FigurePage, QImage] | InputError) -> None:
        if not isValid(self):  # it was closed meanwhile
            return
        if isinstance(rendered, InputError):
            self._show_problem(rendered)
            return
        sheet, image = rendered
        self._busy_timer.stop()
        self.remember_options(figure)
        self.preview.show_sheet(sheet, image)
        self.problem_label.hide()
        width_mm, height_mm = sheet.drawing.width / POINTS_PER_MM, sheet.drawing.height / POINTS_PER_MM
        size = f"{decimal_number(width_mm, 1)} × {decimal_number(height_mm, 1)} mm"
        self.size_label.setText(f"{size} on paper, text of {figure.font_size:g} pt")
        self.command_field.setText(self.command_text(sheet))
        self.command_field.setCursorPosition(0)
        self.save_button.setEnabled(True)

    def _show_problem(self, error: InputError) -> None:
        self._busy_timer.stop()
        self.preview.show_sheet(None)
        self.problem_label.setText(str(error))
        self.problem_label.show()
        self.size_label.setText("")
        self.command_field.setText("")
        self.save_button.setEnabled(self._writing_path is not None)

    def _begin_writing(self, path: Path) -> None:
        self._writing_path = path
        self.save_button.setText("Stop")
        self.save_button.setToolTip(f"Cancel writing {path.name}")
        self.state_label.setText(f"Writing {path.name} …")

    def _end_writing(self, is_written: bool) -> None:
        if not isValid(self):
            return
        self._writing_path = None
        self.save_button.setText("Save…")
        self.save_button.setToolTip("")
        self.state_label.setText("")
        if is_written:
            self.accept()

    def customise_option(self, entry: Option, value: object) -> Option:
        """An option as the form shows it, with the value that was used last."""
        choices = entry.choices
        if entry.name == "font":
            choices = tuple(dict.fromkeys([SHIPPED_FONT, str(value), *QFontDatabase.families()]))
        return replace(entry, default=value, choices=choices)

    def _fill_form(self, initial: object) -> None:
        try:
            start = build_options(self.options_type, initial if isinstance(initial, Mapping) else {})
        except InputError:  # a file may hold anything
            start = self.options_type()
        entries = describe_options(self.options_type)
        self.option_form.set_options(
            [self.customise_option(entry, getattr(start, entry.name)) for entry in entries]
        )
        rows = self.option_form.layout()
        assert isinstance(rows, QFormLayout)
        rows.setContentsMargins(0, 0, 0, 0)
        for name, field in self.option_form.fields.items():
            label = rows.labelForField(field)
            if isinstance(label, QLabel):
                label.setText(OPTION_LABELS.get(name, label.text()))
            self._connect_field(name, field)

    def _connect_field(self, name: str, field: QWidget) -> None:
        if isinstance(field, QComboBox):
            field.currentTextChanged.connect(lambda: self._redraw_timer.start())
        elif isinstance(field, QCheckBox):
            field.toggled.connect(lambda: self._redraw_timer.start())
        elif isinstance(field, QDoubleSpinBox | QSpinBox):
            field.valueChanged.connect(lambda: self._redraw_timer.start())
        if not isinstance(field, QDoubleSpinBox):
            return
        field.setDecimals(2 if name == "least" else 1)
        field.setSingleStep({"least": 0.05, "font_size": 0.5}.get(name, 1.0))
        if name.endswith("_mm"):
            field.setSuffix(" mm")
            field.setSpecialValueText("page width" if name == "width_mm" else "automatic")
        if name == "font_size":
            field.setSuffix(" pt")

    # layout

    def _lay_out(self) -> None:
        self.save_button = QPushButton("Save…", objectName="primary", default=True, enabled=False)
        self.state_label = QLabel(objectName="muted")
        self.save_button.clicked.connect(self._save_or_stop)
        self.command_field.setAccessibleName("Command line that draws this figure")
        copy = QPushButton("Copy command")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command_field.text()))
        choices = lay_out_column(
            QLabel("Format", objectName="heading"),
            self.format_box,
            QLabel("Figure", objectName="heading"),
            (VerticalScrollArea(self.option_form), 1),
            spacing=10,
        )
        rows = [list(row) for row in self.extra_buttons()]
        rows[-1].append(self.save_button)
        for buttons in rows:
            row = QHBoxLayout(spacing=8)
            for button in buttons:
                row.addWidget(button, 1)
            choices.addLayout(row)
        left = QWidget(objectName="panel")
        left.setLayout(choices)
        fix_scaled_width(left, 320)
        below = lay_out_row((self.command_field, 1), copy, spacing=8)
        status_row = lay_out_row((self.size_label, 1), self.state_label, spacing=8)
        right = lay_out_column(self.problem_label, (self.preview, 1), status_row, below, spacing=8)
        lay_out_row(left, (right, 1), parent=self, spacing=14, margins=(14, 14, 14, 14))

    def sizeHint(self) -> QSize:
        """Wide enough for choices and figure."""
        return QSize(1080, 720)

    def _save_or_stop(self) -> None:
        if self._writing_path is not None:
            self.workspace.save_service.cancel_exports()
        elif (path := self.ask_path(self.format_box.currentData())) is not None:
            self.save_to(path)


def render_sheet(
    make_sheet: Callable[[], FigurePage], width_px: float, height_px: float
) -> tuple[FigurePage, QImage] | InputError:
    """Make a figure page and its bitmap.

    Args:
        make_sheet: Makes the page.
        width_px: Pixels that the bitmap may take.
        height_px: Likewise.

    Returns:
        The page and its bitmap, or the error that says why there is none.
    """
    try:
        page = make_sheet()
        dots = min(width_px / page.drawing.width, height_px / page.drawing.height)
        return page, render_bitmap(page, max(dots, 0.1))
    except InputError as error:
        return error
