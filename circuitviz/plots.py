"""What a plot shows, as plain data that any layer may make: bars, lines, a heat map or a table.

A measure or a reading in a file of its own describes its plot with these classes and needs neither Qt nor
colours; ``shapes.charts.plain_chart`` draws them for the window and for figure files.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from circuitviz.notebook_methods import NotebookObject
from circuitviz.registry import Registry

logger = logging.getLogger(__name__)

TableRows = list[list[Any]]
"""A header and rows, as CSV has them."""


@dataclass(frozen=True)
class BarPlot(NotebookObject):
    """A horizontal bar for each name, in the order given.

    Attributes:
        names: What the bars are of.
        values: Their lengths.
        axis_label: What a value is, with its unit.
        low: Lower ends of intervals; none by default.
        high: Upper ends of intervals.
        nodes: For each bar, the node that a click selects; none by default.
    """

    names: Sequence[str]
    values: Sequence[float]
    axis_label: str
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    nodes: Sequence[str] = ()

    def table(self) -> TableRows:
        """A row for each bar."""
        if not self.low:
            return [["name", "value"], *([*row] for row in zip(self.names, self.values, strict=True))]
        ends = zip(self.names, self.values, self.low, self.high, strict=True)
        return [["name", "value", "low", "high"], *([*row] for row in ends)]


@dataclass(frozen=True)
class LinePlot(NotebookObject):
    """Lines over common places.

    Attributes:
        x: The places.
        lines: By name, a value for each place.
        x_label: What x is, with its unit.
        y_label: What the values are, with their unit.
    """

    x: Sequence[float]
    lines: Mapping[str, Sequence[float]]
    x_label: str
    y_label: str

    def table(self) -> TableRows:
        """A row for each place, a column for each line."""
        columns = zip(self.x, *self.lines.values(), strict=True)
        return [[self.x_label, *self.lines], *([*row] for row in columns)]


@dataclass(frozen=True)
class HeatMapPlot(NotebookObject):
    """A number for each row and column, shown as a colour.

    Attributes:
        rows: Names of the rows.
        columns: Names of the columns; they may repeat.
        values: Numbers [row][column]; None where there is no cell.
        unit: What a number is.
        nodes: For each row, the node that a click selects; none by default.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float | None]]
    unit: str
    nodes: Sequence[str] = ()

    def table(self) -> TableRows:
        """A row for each cell; ``position`` counts the columns from 0."""
        return [
            ["row", "position", "column", "value"],
            *(
                [name, position, self.columns[position], value]
                for name, row in zip(self.rows, self.values, strict=True)
                for position, value in enumerate(row)
                if value is not None
            ),
        ]


@dataclass(frozen=True)
class TablePlot(NotebookObject):
    """A table of numbers and texts.

    Attributes:
        columns: Names of the columns; the first names the rows.
        rows: Cells [row][column].
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def table(self) -> TableRows:
        """The header and the rows."""
        return [list(self.columns), *map(list, self.rows)]


Plot = BarPlot | LinePlot | HeatMapPlot | TablePlot

measure_plots: Registry[Callable[[dict[str, Any]], Plot]] = Registry(
    "plot of a measure", (), "circuitviz.measure_plots"
)
"""By a measure's name, the plot of its result (what its ``as_dict`` returns). A measure without one has
``default_plot``. It is a registry of its own because plots are drawn where torch is not imported yet."""


def plot_of_measure(measure: str, result: dict[str, Any]) -> Plot:
    """The plot of a measure's result: its own or, where it has none or its own fails, ``default_plot``.

    Args:
        measure: The measure's registered name.
        result: What its ``as_dict`` returned.
    """
    if measure in measure_plots.names():
        try:
            return measure_plots.get(measure).value(result)
        except Exception:  # a file may hold a result of another version of a third party's measure
            logger.warning("could not plot the result of %s as it describes", measure, exc_info=True)
    return default_plot(result)


def default_plot(result: Mapping[str, Any]) -> Plot:
    """The plot of a result of which only its values are known.

    The first list of records becomes a table with a row for each record; without one, the first mapping from
    several names to numbers becomes bars; without one, all values stand in a table of names and values.

    >>> default_plot({"mean": 0.5, "heads": {"a0.h0": 1.0, "a0.h1": 0.0}})
    BarPlot(names=['a0.h0', 'a0.h1'], values=[1.0, 0.0], axis_label='heads', low=(), high=(), nodes=())
    >>> default_plot({"share": 0.25, "edges": {"circuit": 5}}).table()
    [['name', 'value'], ['share', 0.25], ['edges.circuit', 5]]
    """
    for value in result.values():
        if isinstance(value, list | tuple) and value and all(isinstance(row, Mapping) for row in value):
            records = [_flatten(row) for row in value]
            columns = list(dict.fromkeys(name for record in records for name in record))
            return TablePlot(columns, [[record.get(name, "") for name in columns] for record in records])
    for name, value in result.items():
        if isinstance(value, Mapping) and len(value) > 1 and not {"low", "high"} <= set(value):
            numbers = [v for v in value.values() if isinstance(v, int | float) and not isinstance(v, bool)]
            if len(numbers) == len(value):
                return BarPlot(list(value), numbers, name)
    return TablePlot(["name", "value"], [[*row] for row in _flatten(result).items()])


def _flatten(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dots in the names; lists as text."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = " ".join(map(str, value)) if isinstance(value, list | tuple) else value
    return flat
