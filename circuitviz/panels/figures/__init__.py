"""The dialog that exports circuits, plots and heat maps as figures."""

from circuitviz.panels.figures.export_button import ExportButton
from circuitviz.panels.figures.figure_dialog import FigureDialog
from circuitviz.panels.figures.plot_dialog import PlotDialog, open_plot_dialog
from circuitviz.panels.figures.sheet_preview import SheetPreview

__all__ = ["ExportButton", "FigureDialog", "PlotDialog", "SheetPreview", "open_plot_dialog"]
