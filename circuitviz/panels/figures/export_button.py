"""The button that exports a plot of a panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu, QPushButton

from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.figures.plot_dialog import open_plot_dialog
from circuitviz.workspace.workspace import Workspace


class ExportButton(QPushButton):
    """Opens the export dialog for what a panel shows; where that is several plots, a menu asks for which.

    Args:
        workspace: The panel's workspace.
        list_plots: The plots that are shown, by file stem.
        build_command: The command line that prints the plotted numbers.
    """

    def __init__(
        self,
        workspace: Workspace,
        list_plots: Callable[[], Mapping[str, ExportablePlot]],
        build_command: Callable[[], str] = str,
    ) -> None:
        super().__init__("Export…")
        self.setToolTip("export the plot as SVG, PDF or PNG, or its numbers as CSV")
        self._workspace, self._list_plots, self._build_command = workspace, list_plots, build_command
        self.clicked.connect(self._choose_plot)

    def _choose_plot(self) -> None:
        plots = self._list_plots()
        if len(plots) == 1:
            self._open_dialog(*next(iter(plots.items())))
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for stem, plot in plots.items():
            menu.addAction(stem, partial(self._open_dialog, stem, plot))
        menu.popup(self.mapToGlobal(QPoint(0, -menu.sizeHint().height())))

    def _open_dialog(self, stem: str, plot: ExportablePlot) -> None:
        open_plot_dialog(self, self._workspace, plot, stem, self._build_command())
