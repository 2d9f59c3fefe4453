"""A plot or a heat map becomes a figure, or the table behind it a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget

from circuitviz.panels.desk import Desk
from circuitviz.panels.figures.dialog import FigureDialog
from circuitviz.panels.saving import Plotted, saving, sheet_of_plot
from circuitviz.panels.writer import Told
from circuitviz.pictures import Sheet
from circuitviz.pictures.compose import origin
from circuitviz.pictures.plots import PlotFigure

PICTURES = "Pictures (*.svg *.pdf *.png *.tex)"


class PlotDialog(FigureDialog):
    """``name`` is the file's stem; ``command`` prints the numbers that are plotted."""

    def __init__(self, parent: QWidget, desk: Desk, plot: Plotted, name: str, command: str) -> None:
        self.plot, self.name, self.prints, self.document = plot, name, command, desk.document
        super().__init__(parent, desk, "Export a plot", PlotFigure, self.document.view.get("plot"))
        self.command.setAccessibleName("The command that prints these numbers")

    def about(self) -> Sequence[str]:
        """How to come to the numbers again."""
        return [*([self.prints] if self.prints else []), *origin(self.document)]

    def sheet(self, figure: PlotFigure, suffix: str) -> Callable[[], Sheet]:
        """The plot on paper: few shapes, but of a widget, which other threads may not ask."""
        made = sheet_of_plot(self.plot, figure, self.name, self.about())
        return lambda: made

    def said(self, sheet: Sheet) -> str:
        """What prints the numbers."""
        return self.prints

    def keep(self, figure: PlotFigure) -> None:
        """The next plot begins with the same choices."""
        self.document.view["plot"] = asdict(figure)

    def write(self, path: Path, figure: PlotFigure, told: Told) -> None:
        """Have the figure written, or the table where the suffix is CSV's."""

        def begin() -> None:
            self.desk.writer.export(path, saving(self.plot, path, figure, self.about(), self.name), told)

        if not self.desk.guarded(begin):
            told(False)

    def place(self, suffix: str) -> Path | None:
        """Ask where the figure goes."""
        path, _ = QFileDialog.getSaveFileName(self, "Save the figure", f"{self.name}{suffix}", PICTURES)
        return Path(path) if path else None

    def buttons(self) -> Sequence[Sequence[QPushButton]]:
        """The table instead."""
        table = QPushButton("Table instead…", toolTip="the numbers behind the picture as CSV")
        table.clicked.connect(self._table)
        return ((table,),)

    def _table(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the table", f"{self.name}.csv", "Table (*.csv)")
        if path:
            self.save_to(Path(path).with_suffix(".csv"))


def export_plot(parent: QWidget, desk: Desk, plot: Plotted, name: str, command: str = "") -> PlotDialog:
    """Open the dialog over ``parent``'s window; ``command`` prints what is plotted."""
    dialog = PlotDialog(parent.window(), desk, plot, name, command)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog


def export_one_of(
    parent: QWidget, desk: Desk, button: QPushButton, plots: Mapping[str, Plotted], command: str = ""
) -> None:
    """Open the dialog for one of several plots, by name; a menu at ``button`` asks for which."""
    if len(plots) == 1:
        ((name, plot),) = plots.items()
        export_plot(parent, desk, plot, name, command)
        return
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    for name, plot in plots.items():
        open_it = partial(export_plot, parent, desk, plot, name, command)
        menu.addAction(name).triggered.connect(lambda _on, open_it=open_it: open_it())
    menu.popup(button.mapToGlobal(QPoint(0, -menu.sizeHint().height())))
