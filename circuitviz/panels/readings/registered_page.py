"""The page of a reading that is registered without Qt: its heat map, or its chart."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QStackedLayout

from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.readings.registry import ReadingPage
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.panels.widgets.option_form import OptionForm
from circuitviz.plots import HeatMapPlot, Plot
from circuitviz.shapes.heat_grid import HeatGrid
from circuitviz.workbench.requests.compute_reading import ComputeReading, ReadingChoice
from circuitviz.workbench.requests.query import Query
from circuitviz.workspace.workspace import Workspace


class RegisteredReadingPage(ReadingPage):
    """Shows a reading of ``circuitviz.lens.registry`` by its name."""

    def __init__(self, workspace: Workspace, name: str, choice: ReadingChoice) -> None:
        super().__init__(workspace)
        self.name, self.choice = name, choice
        self.option_form = OptionForm()
        self.option_form.set_options(choice.options)
        self.heat_map = HeatMap(choice.title, min_row_height=17.0)
        self.chart = ChartView(choice.title)
        self.controls.addWidget(self.option_form)
        self.controls.addStretch(1)
        self._views = QStackedLayout(self.content)
        self._views.setContentsMargins(12, 0, 0, 0)
        self._views.addWidget(self.heat_map)
        self._views.addWidget(self.chart)
        self.option_form.values_changed.connect(self.request_update)
        self.follow_heat_map(self.heat_map)
        self.follow_chart(self.chart)

    def current_query(self) -> Query | str:
        """The reading of the prompt, and of the selected node where it is of one."""
        node = self.selected_node()
        if self.choice.needs_node and node is None:
            return "Select a node on the canvas to read it."
        read = node.name if self.choice.needs_node and node is not None else ""
        return ComputeReading(self.name, read, self.workspace.prompt_index, self.option_form.values())

    def show_result(self) -> None:
        """Draw the plot that is here."""
        plot: Plot | None = self.result
        if isinstance(plot, HeatMapPlot):
            self.heat_map.show_grid(HeatGrid.from_plot(plot))
        elif plot is not None:
            self.chart.draw_result("plain", {"plot": plot})
        self._views.setCurrentWidget(self.heat_map if isinstance(plot, HeatMapPlot) else self.chart)

    def exportable_plots(self) -> Mapping[str, ExportablePlot]:
        """The heat map or the chart."""
        return {self.name: self.heat_map if isinstance(self.result, HeatMapPlot) else self.chart}

    def inspect_arguments(self) -> list[str]:
        """The reading with its node and the options shown."""
        words, node = [self.name], self.selected_node()
        if self.choice.needs_node:
            words += ["--node", node.name if node else ""]
        words += ["--prompt", str(self.workspace.prompt_index)]
        for option, value in self.option_form.values().items():
            words += [f"--{self.name}-{option.replace('_', '-')}", str(value)]
        return words
