"""The dialog that exports a plot or a heat map, or the table behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget

from circuitviz.draw.registry import FigurePage
from circuitviz.paint.plot_export import ExportablePlot, plot_to_sheet, prepare_plot_writer
from circuitviz.panels.figures.figure_dialog import FigureDialog
from circuitviz.panels.widgets.file_dialogs import ask_save_file
from circuitviz.shapes.figure_text import origin_lines
from circuitviz.shapes.plot_axes import PlotFigureOptions
from circuitviz.workspace.save_service import DoneCallback
from circuitviz.workspace.workspace import Workspace

PICTURE_FILE_FILTER = "Pictures (*.svg *.pdf *.png *.tex)"


class PlotDialog(FigureDialog):
    """Exports one plot.

    Attributes:
        plot: What is exported.
        stem: The stem of the suggested file name.
        print_command: The command line that prints the plotted numbers.
    """

    def __init__(
        self, parent: QWidget, workspace: Workspace, plot: ExportablePlot, stem: str, print_command: str
    ) -> None:
        self.plot = plot
        self.stem = stem
        self.print_command = print_command
        self.document = workspace.document
        super().__init__(
            parent, workspace, "Export a plot", PlotFigureOptions, self.document.view.get("plot")
        )
        self.command_field.setAccessibleName("Command line that prints these numbers")

    def provenance_lines(self) -> Sequence[str]:
        """How to compute the plotted numbers again, for the metadata."""
        return [*([self.print_command] if self.print_command else []), *origin_lines(self.document)]

    def make_sheet(self, figure: PlotFigureOptions, suffix: str) -> Callable[[], FigurePage]:
        """The plot on paper. It is drawn at once: only this thread may read its widget."""
        page = plot_to_sheet(self.plot, figure, self.stem, self.provenance_lines())
        return lambda: page

    def command_text(self, sheet: FigurePage) -> str:
        """The command line that prints the numbers."""
        return self.print_command

    def remember_options(self, figure: PlotFigureOptions) -> None:
        """The next plot begins with the same choices."""
        self.document.view["plot"] = asdict(figure)

    def write_figure(self, path: Path, figure: PlotFigureOptions, on_done: DoneCallback) -> None:
        """Have the figure written, or the table where the suffix is CSV's."""

        def begin() -> None:
            self.workspace.save_service.start_export(
                path,
                prepare_plot_writer(self.plot, path, figure, self.provenance_lines(), self.stem),
                on_done,
            )

        if not self.workspace.run_guarded(begin, title="Could not export the plot"):
            on_done(False)

    def ask_path(self, suffix: str) -> Path | None:
        """Ask where the figure goes."""
        return ask_save_file(
            self,
            "Save the figure",
            f"{self.stem}{suffix}",
            PICTURE_FILE_FILTER,
            "figures",
            self.workspace.user_settings,
        )

    def extra_buttons(self) -> Sequence[Sequence[QPushButton]]:
        """A button that exports the table."""
        table = QPushButton("Save as CSV…", toolTip="save the numbers of the plot as CSV")
        table.clicked.connect(self._export_table)
        return ((table,),)

    def _export_table(self) -> None:
        path = ask_save_file(
            self,
            "Save the table",
            f"{self.stem}.csv",
            "Table (*.csv)",
            "figures",
            self.workspace.user_settings,
        )
        if path is not None:
            self.save_to(path.with_suffix(".csv"))


def open_plot_dialog(
    parent: QWidget, workspace: Workspace, plot: ExportablePlot, stem: str, print_command: str = ""
) -> PlotDialog:
    """Open the dialog over ``parent``'s window; ``print_command`` prints what is plotted."""
    dialog = PlotDialog(parent.window(), workspace, plot, stem, print_command)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog
