"""Every plot and heat map is saved the same way: a figure by its suffix, or the table behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from circuitviz.errors import InputError
from circuitviz.formats.cells import csv_text
from circuitviz.formats.disk import write_whole
from circuitviz.pictures import Sheet, pictures
from circuitviz.pictures.drawing import Drawing
from circuitviz.pictures.plots import PlotFigure


class Plotted(Protocol):
    """What can be put on paper."""

    def drawing(self, figure: PlotFigure) -> Drawing:
        """The picture, as large and in the colours that are asked for."""
        ...

    def cells(self) -> Sequence[Sequence[Any]]:
        """The rows of the table behind it, its head first."""
        ...


def sheet_of_plot(plot: Plotted, figure: PlotFigure, name: str, about: Sequence[str] = ()) -> Sheet:
    """A plot's figure, ready for any format; ``about``: how to make it again, for the metadata."""
    return Sheet(plot.drawing(figure), name, tuple(about), figure.dpi)


def tab_separated(plot: Plotted) -> str:
    """The table behind a plot as spreadsheets take it from the clipboard, its head first."""
    return csv_text(plot.cells(), "\t")


def save_plot(
    plot: Plotted,
    path: Path,
    figure: PlotFigure | None = None,
    about: Sequence[str] = (),
    name: str = "plot",
) -> None:
    """Write a figure, or the table as CSV, as the suffix says; whole or not at all. ``name``: its title.

    Raises InputError where the suffix is unknown or the place cannot be written.
    """
    saving(plot, path, figure, about, name)()


def saving(
    plot: Plotted,
    path: Path,
    figure: PlotFigure | None = None,
    about: Sequence[str] = (),
    name: str = "plot",
) -> Callable[[], None]:
    """What writes it, in any thread: all that it needs of the plot is taken now."""
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return partial(_write_table, path, plot.cells())
    known = {entry.value.suffix: entry.value for entry in pictures.entries()}
    if suffix not in known:
        raise InputError(
            f"'{path.name}' has no suffix that a plot can be written as; "
            f"{', '.join(sorted([*known, '.csv']))} would be right."
        )
    sheet = sheet_of_plot(plot, figure or PlotFigure(), name, about)
    return lambda: write_whole(path, known[suffix].write(sheet))


def _write_table(path: Path, cells: Sequence[Sequence[Any]]) -> None:
    write_whole(path, csv_text(cells).encode(errors="backslashreplace"))
