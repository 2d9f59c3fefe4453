"""The dialog that exports circuits, plots and heat maps as figures."""

from circuitviz.panels.figures.figure_dialog import FigureDialog
from circuitviz.panels.figures.plot_dialog import PlotDialog, choose_plot_to_export, open_plot_dialog
from circuitviz.panels.figures.sheet_preview import SheetPreview

__all__ = ["FigureDialog", "PlotDialog", "SheetPreview", "choose_plot_to_export", "open_plot_dialog"]
