"""The base class of reading pages: each requests its reading only while it is visible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedLayout, QWidget

from circuitviz.errors import InputError
from circuitviz.graph import Node
from circuitviz.graph.names import split_span
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.registry import is_part_in_view
from circuitviz.panels.widgets.chart_view import ChartView
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.panels.widgets.layouts import lay_out_column
from circuitviz.registry import Registry
from circuitviz.workbench.requests.query import Query, QueryResult
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

TASKS_ONLY_HINT = (
    "This reading needs a task circuit of heads and MLPs. The open circuit is a prompt circuit: the "
    "Inspector reads its nodes, and Features shows their activating examples."
)


class ReadingPage(QWidget):
    """Requests what it shows, follows node and prompt, and says why it shows nothing.

    A page says what it wants (``current_query``), shows what comes (``show_result``) and names its pictures.
    ``hover_text_changed(text)``: what is under the pointer, for the line below.
    """

    hover_text_changed = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.result: Any = None
        self._requested_query: Query | None = None
        self._shown_query: Query | None = None
        self._was_cancelled = False
        self._job = LatestJob(workspace, self)
        self.controls = QHBoxLayout(spacing=8)
        self.controls.setContentsMargins(12, 2, 12, 4)
        self.content = QWidget()
        self.hint = QLabel("", objectName="muted", alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self.stack = QStackedLayout()
        self.stack.addWidget(self.hint)
        self.stack.addWidget(self.content)
        lay_out_column(self.controls, (self.stack, 1), parent=self, spacing=0)
        workspace.selection_changed.connect(self.request_update)
        workspace.prompt_changed.connect(self.request_update)
        workspace.model_ready.connect(lambda _ready: self.reset())
        workspace.document_opened.connect(self.reset)
        self._job.received.connect(self._on_read)
        self._job.failed.connect(self._on_stopped)
        self._job.cancelled.connect(self._on_stopped)

    # for subclasses

    def current_query(self) -> Query | str:
        """The query to run, or a sentence that says what has to be selected first."""
        raise NotImplementedError

    def show_result(self) -> None:
        """Show ``result``, in the page."""
        raise NotImplementedError

    def exportable_plots(self) -> Mapping[str, ExportablePlot]:
        """Plots that can be exported, by file stem."""
        raise NotImplementedError

    def inspect_arguments(self) -> list[str]:
        """Arguments of ``circuitviz inspect FILE --reading`` that print the same numbers."""
        raise NotImplementedError

    # requests

    def reset(self) -> None:
        """Drop all results: another model or other prompts are open."""
        self.result = self._requested_query = self._shown_query = None
        self.request_update()

    def request_update(self) -> None:
        """Submit the current query, unless its result is shown already or the page is hidden."""
        if not is_part_in_view(self):
            return
        self.mark_selection()
        query: Query | str = (
            self.current_query() if self.workspace.opened_model else "Available when the model is open."
        )
        is_prompt_circuit = self.workspace.document.state.is_prompt_circuit
        if isinstance(query, Query) and query.needs_task and is_prompt_circuit:
            query = TASKS_ONLY_HINT
        if isinstance(query, str):
            self._requested_query = None
            self._show_hint(query)
            return
        if query == self._shown_query and self.result is not None:
            self._requested_query = query
            self.stack.setCurrentWidget(self.content)
        elif query != self._requested_query:
            self._requested_query, self._was_cancelled = query, False
            if self.result is None:
                self._show_hint("Reading …")
            self._job.submit(query)

    def mark_selection(self) -> None:
        """Mark the selection in what is shown."""
        for map_ in self.findChildren(HeatMap):
            map_.mark_nodes(self.workspace.selected_nodes, map_.highlighted_row)

    def follow_heat_map(self, heat_map: HeatMap, selects_nodes: bool = True) -> None:
        """Describe the cell under the pointer; a click selects its node where ``selects_nodes``."""
        heat_map.cell_hovered.connect(
            lambda *cell: self.hover_text_changed.emit(heat_map.grid.cell_description(*cell))
        )
        if selects_nodes:
            heat_map.cell_chosen.connect(lambda *cell: self.select_node(heat_map.grid.node_of_cell(*cell)))

    def follow_chart(self, chart: ChartView, selects_nodes: bool = True) -> None:
        """Describe what is under the pointer; a click selects its node where ``selects_nodes``."""
        chart.hover_text_changed.connect(self.hover_text_changed)
        if selects_nodes:
            chart.nodes_clicked.connect(lambda nodes: self.select_node(nodes[0]))

    def selected_node(self) -> Node | None:
        """The one node that is selected; of a circuit by span its component, read at all positions."""
        state = self.workspace.state
        if len(self.workspace.selected_nodes) != 1 or state.circuit is None:
            return None
        try:
            node = state.circuit.graph.node(next(iter(self.workspace.selected_nodes)))
            return replace(node, name=split_span(node.name)[0])
        except InputError:  # a group, or a node of another circuit
            return None

    def select_node(self, node: str) -> None:
        """Select a node on the canvas; an empty name selects nothing new."""
        if node:
            self.workspace.select_nodes({node})

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up when the page is shown."""
        super().showEvent(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Submit the current query again, also after a cancellation."""
        if self._was_cancelled:
            self._requested_query = None
        self.request_update()

    def _on_read(self, reply: QueryResult) -> None:
        if reply.query != self._requested_query:
            return
        if reply.refusal:
            self.result, self._shown_query = None, reply.query  # answered: it was not cancelled
            self._show_hint(reply.refusal)
            return
        self.result, self._shown_query = reply.result, reply.query if reply.done else None
        self.stack.setCurrentWidget(self.content)
        self.hover_text_changed.emit("")
        self.show_result()
        self.mark_selection()

    def _on_stopped(self) -> None:
        self._was_cancelled = self._requested_query is not None and self._requested_query != self._shown_query
        if self._was_cancelled and self.result is None:
            self._show_hint("Cancelled. Show this page again to restart.")

    def _show_hint(self, text: str) -> None:
        self.hint.setText(text)
        self.stack.setCurrentWidget(self.hint)


ONE_PROMPT, ALL_PROMPTS = "This prompt", "Mean over all prompts"


reading_pages: Registry[Callable[[Workspace], ReadingPage]] = Registry(
    "page of readings", "circuitviz.panels.readings", "circuitviz.reading_pages"
)
"""Pages with widgets of their own, registered with ``title`` and ``order``.

A reading whose heat map or chart is enough needs none: it is registered in ``circuitviz.lens.registry``.
"""

__all__ = ["ReadingPage", "ExportablePlot", "reading_pages"]
