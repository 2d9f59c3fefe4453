"""The figure as it will be printed, beside everything that can be chosen of it."""

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
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from circuitviz.errors import InputError
from circuitviz.options import Option, build, describe
from circuitviz.panels.figures.preview import Preview
from circuitviz.panels.option_form import OptionForm
from circuitviz.panels.room import Column, keep_wide
from circuitviz.panels.writer import Told
from circuitviz.pictures import Sheet, load_shipped, pictures
from circuitviz.pictures.figure import POINTS_PER_MM, SHIPPED_FONT
from circuitviz.pictures.png import bitmap

if TYPE_CHECKING:
    from circuitviz.panels.desk import Desk

NAMES = {
    "view": "View",
    "preset": "Page",
    "width_mm": "Own width",
    "height_mm": "Own height",
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
Buttons = Sequence[Sequence[QPushButton]]


class FigureDialog(QDialog):
    """Choices at the left, the figure at the right; every button acts on what is seen.

    What is drawn says ``sheet`` and writes ``write``; ``kind`` is the dataclass of its options. Drawing and
    writing are done by the desk's writer, off the window's thread.
    """

    def __init__(self, parent: QWidget, desk: Desk, title: str, kind: type, start: object) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.desk, self.kind = desk, kind
        load_shipped()
        self.preview, self.form, self.format = Preview(), OptionForm(), QComboBox()
        self.size_, self.problem = QLabel(objectName="muted"), QLabel(objectName="warning", wordWrap=True)
        self.format.setAccessibleName("Format")
        self.command = QLineEdit(readOnly=True, accessibleName="Command line that draws it again")
        for entry in pictures.entries():
            self.format.addItem(f"{entry.value.suffix[1:].upper()} – {entry.summary}", entry.value.suffix)
        self.format.setCurrentIndex(self.format.findData(".pdf"))
        self._fill(start)
        self._lay_out()
        self._rest = QTimer(self, singleShot=True, interval=PATIENCE)
        self._rest.timeout.connect(self.draw)
        self._long = QTimer(self, singleShot=True, interval=PATIENCE)
        self._long.timeout.connect(lambda: self.size_.setText("Drawing …"))
        self._writing: Path | None = None
        self.format.currentIndexChanged.connect(self.draw)
        self.resize(1080, 720)
        self.preview.resized.connect(self._rest.start)
        QTimer.singleShot(0, self, self.draw)  # shown first, drawn next

    # what is drawn

    def sheet(self, figure: Any, suffix: str) -> Callable[[], Sheet]:
        """What makes the figure for a file of a suffix, in another thread: of what nobody changes any more.

        It raises InputError where that cannot be drawn, and so may this.
        """
        raise NotImplementedError

    def write(self, path: Path, figure: Any, told: Told) -> None:
        """Have the figure written; ``told`` hears whether it was. A failure is shown."""
        raise NotImplementedError

    def place(self, suffix: str) -> Path | None:
        """Ask where the figure goes."""
        raise NotImplementedError

    def keep(self, figure: Any) -> None:
        """Remember what was chosen last."""

    def buttons(self) -> Buttons:
        """Rows of further buttons, from the top; the last row gets 'Save…' at its end."""
        return ((),)

    def said(self, sheet: Sheet) -> str:
        """The command that is shown below the figure."""
        return next((line for line in sheet.about if line.startswith("circuitviz export")), "")

    # what is chosen

    def figure(self) -> Any:
        """What the form says; InputError where it cannot be."""
        return build(self.kind, self.form.values())

    def draw(self) -> None:
        """Draw what is chosen; what cannot be drawn is said in its place."""
        try:
            figure = self.figure()
            sheet = self.sheet(figure, self.format.currentData())
        except InputError as error:
            self._refuse(error)
            return
        self._long.start()
        work = partial(drawn, sheet, *self.preview.room)
        self.desk.writer.make("figure", work, partial(self._show, figure))

    def save_to(self, path: Path) -> None:
        """Write the figure; the suffix names the format. The dialog stays until it is written."""
        path = path if path.suffix else path.with_suffix(self.format.currentData())
        self._begin(path)
        self.write(path, self.figure(), self._end)

    def _show(self, figure: Any, made: tuple[Sheet, QImage] | InputError) -> None:
        if not isValid(self):  # it was closed meanwhile
            return
        if isinstance(made, InputError):
            self._refuse(made)
            return
        sheet, image = made
        self._long.stop()
        self.keep(figure)
        self.preview.show_sheet(sheet, image)
        self.problem.hide()
        wide, high = sheet.drawing.width / POINTS_PER_MM, sheet.drawing.height / POINTS_PER_MM
        self.size_.setText(f"{wide:.1f} × {high:.1f} mm on paper, text of {figure.font_size:g} pt")
        self.command.setText(self.said(sheet))
        self.command.setCursorPosition(0)
        self.save.setEnabled(True)

    def _refuse(self, error: InputError) -> None:
        self._long.stop()
        self.preview.show_sheet(None)
        self.problem.setText(str(error))
        self.problem.show()
        self.size_.setText("")
        self.command.setText("")
        self.save.setEnabled(self._writing is not None)

    def _begin(self, path: Path) -> None:
        self._writing = path
        self.save.setText("Stop")
        self.save.setToolTip(f"Do not write {path.name}")
        self.state.setText(f"Writing {path.name} …")

    def _end(self, done: bool) -> None:
        if not isValid(self):
            return
        self._writing = None
        self.save.setText("Save…")
        self.save.setToolTip("")
        self.state.setText("")
        if done:
            self.accept()

    def option(self, entry: Option, value: object) -> Option:
        """An option as the form shows it, with what was chosen last."""
        choices = entry.choices
        if entry.name == "font":
            choices = tuple(dict.fromkeys([SHIPPED_FONT, str(value), *QFontDatabase.families()]))
        return replace(entry, default=value, choices=choices)

    def _fill(self, kept: object) -> None:
        try:
            start = build(self.kind, kept if isinstance(kept, Mapping) else {})
        except InputError:  # a file may hold anything
            start = self.kind()
        entries = describe(self.kind)
        self.form.set_options([self.option(entry, getattr(start, entry.name)) for entry in entries])
        rows = self.form.layout()
        assert isinstance(rows, QFormLayout)
        rows.setContentsMargins(0, 0, 0, 0)
        for name, field in self.form.fields.items():
            label = rows.labelForField(field)
            if isinstance(label, QLabel):
                label.setText(NAMES.get(name, label.text()))
            self._watch(name, field)

    def _watch(self, name: str, field: QWidget) -> None:
        if isinstance(field, QComboBox):
            field.currentTextChanged.connect(lambda: self._rest.start())
        elif isinstance(field, QCheckBox):
            field.toggled.connect(lambda: self._rest.start())
        elif isinstance(field, QDoubleSpinBox | QSpinBox):
            field.valueChanged.connect(lambda: self._rest.start())
        if not isinstance(field, QDoubleSpinBox):
            return
        field.setDecimals(2 if name == "least" else 1)
        field.setSingleStep({"least": 0.05, "font_size": 0.5}.get(name, 1.0))
        if name.endswith("_mm"):
            field.setSuffix(" mm")
            field.setSpecialValueText("as the page" if name == "width_mm" else "what suits")
        if name == "font_size":
            field.setSuffix(" pt")

    # how it looks

    def _lay_out(self) -> None:
        self.save = QPushButton("Save…", objectName="primary", default=True, enabled=False)
        self.state = QLabel(objectName="muted")
        self.save.clicked.connect(self._ask)
        self.command.setAccessibleName("The command that makes this figure")
        copy = QPushButton("Copy command")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command.text()))
        choices = QVBoxLayout(spacing=10)
        choices.addWidget(QLabel("Format", objectName="heading"))
        choices.addWidget(self.format)
        choices.addWidget(QLabel("Figure", objectName="heading"))
        choices.addWidget(Column(self.form), 1)
        rows = [list(row) for row in self.buttons()]
        rows[-1].append(self.save)
        for buttons in rows:
            row = QHBoxLayout(spacing=8)
            for button in buttons:
                row.addWidget(button, 1)
            choices.addLayout(row)
        left = QWidget(objectName="panel")
        left.setLayout(choices)
        keep_wide(left, 320)
        below = QHBoxLayout(spacing=8)
        below.addWidget(self.command, 1)
        below.addWidget(copy)
        right = QVBoxLayout(spacing=8)
        right.addWidget(self.problem)
        right.addWidget(self.preview, 1)
        told = QHBoxLayout(spacing=8)
        told.addWidget(self.size_, 1)
        told.addWidget(self.state)
        right.addLayout(told)
        right.addLayout(below)
        whole = QHBoxLayout(self, spacing=14)
        whole.setContentsMargins(14, 14, 14, 14)
        whole.addWidget(left)
        whole.addLayout(right, 1)

    def sizeHint(self) -> QSize:
        """Wide enough for choices and figure."""
        return QSize(1080, 720)

    def _ask(self) -> None:
        if self._writing is not None:
            self.desk.writer.cancel()
        elif (path := self.place(self.format.currentData())) is not None:
            self.save_to(path)


def drawn(sheet: Callable[[], Sheet], wide: float, high: float) -> tuple[Sheet, QImage] | InputError:
    """A sheet, and its bitmap for so many dots of room; or why there is none."""
    try:
        made = sheet()
        dots = min(wide / made.drawing.width, high / made.drawing.height)
        return made, bitmap(made, max(dots, 0.1))
    except InputError as error:
        return error
