"""Saving plots and heat maps: as a figure, or as the table behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from circuitviz.draw.registry import FigurePage, figure_formats
from circuitviz.errors import InputError
from circuitviz.formats.csv_cells import format_csv
from circuitviz.formats.file_io import write_atomically
from circuitviz.shapes.drawing import Drawing
from circuitviz.shapes.plot_axes import PlotFigureOptions


class ExportablePlot(Protocol):
    """A plot or a heat map."""

    def drawing(self, figure: PlotFigureOptions) -> Drawing:
        """The picture, in the size and colours of the options."""
        ...

    def cells(self) -> Sequence[Sequence[Any]]:
        """The rows of the table behind it, its head first."""
        ...


def plot_to_sheet(
    plot: ExportablePlot, figure: PlotFigureOptions, name: str, about: Sequence[str] = ()
) -> FigurePage:
    """A plot's figure, ready for any format; ``about``: how to make it again, for the metadata."""
    return FigurePage(plot.drawing(figure), name, tuple(about), figure.dpi)


def plot_to_tsv(plot: ExportablePlot) -> str:
    """The table behind a plot as spreadsheets take it from the clipboard, its head first."""
    return format_csv(plot.cells(), "\t")


def save_plot(
    plot: ExportablePlot,
    path: Path,
    figure: PlotFigureOptions | None = None,
    about: Sequence[str] = (),
    name: str = "plot",
) -> None:
    """Write a figure, or the table as CSV, as the suffix says; whole or not at all. ``name``: its title.

    Raises InputError where the suffix is unknown or the place cannot be written.
    """
    prepare_plot_writer(plot, path, figure, about, name)()


def prepare_plot_writer(
    plot: ExportablePlot,
    path: Path,
    figure: PlotFigureOptions | None = None,
    about: Sequence[str] = (),
    name: str = "plot",
) -> Callable[[], None]:
    """A function that writes the plot on any thread; the plot itself is read now."""
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return partial(_write_table, path, plot.cells())
    known = {entry.value.suffix: entry.value for entry in figure_formats.entries()}
    if suffix not in known:
        raise InputError(
            f"'{path.name}' has no suffix that a plot can be written as; "
            f"{', '.join(sorted([*known, '.csv']))} would be right."
        )
    sheet = plot_to_sheet(plot, figure or PlotFigureOptions(), name, about)
    return lambda: write_atomically(path, known[suffix].write(sheet))


def _write_table(path: Path, cells: Sequence[Sequence[Any]]) -> None:
    write_atomically(path, format_csv(cells).encode(errors="backslashreplace"))
