"""Searches panel: the searches that run and wait, in their order, and those that have ended."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.font_scaling import VerticalScrollArea, fix_scaled_width
from circuitviz.panels.widgets.layouts import lay_out_column
from circuitviz.panels.widgets.time_left import TimeLeftEstimate
from circuitviz.workspace.search_queue import QueuedSearch, SearchStatus
from circuitviz.workspace.workspace import Workspace

PROGRESS_STEPS = 1000
PROGRESS_WIDTH_PX, STATUS_WIDTH_PX, PAUSE_WIDTH_PX = 140, 150, 54
MAX_ENDED_SEARCHES = 30
EMPTY_TEXT = "No search runs or waits. Each search that is started while another one runs waits here for it."


@panels.register(
    "searches",
    summary="searches that run and wait",
    title="Searches",
    area="bottom",
    place="searches",
    order=10,
    needs_circuit=False,
)
class SearchesPanel(Panel):
    """A row for each search; offered once one had to wait for another.

    Attributes:
        rows: By search, from the one that runs to those that have ended.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.rows: dict[QueuedSearch, SearchRow] = {}
        self._ended: list[QueuedSearch] = []  # the latest first
        self._was_needed = False
        self.empty_label = QLabel(EMPTY_TEXT, objectName="muted", wordWrap=True)
        content = QWidget()
        self._column = QVBoxLayout(content, spacing=2)
        self._column.setContentsMargins(10, 8, 10, 8)
        self._column.addWidget(self.empty_label)
        self._column.addStretch(1)
        lay_out_column((VerticalScrollArea(content), 1), parent=self)
        queue = workspace.search_queue
        queue.changed.connect(self.refresh)
        queue.progressed.connect(self._show_progress)
        queue.ended.connect(self._on_ended)
        workspace.tabs.changed.connect(self._follow_tabs)

    def is_applicable(self) -> bool:
        """Whether a search waits, is paused, or was one of several."""
        return self._was_needed

    def refresh(self) -> None:
        """Show the searches in the order in which they run."""
        queue = self.workspace.search_queue
        open_tabs = self.workspace.tabs.tabs
        shown = [search for search in (*queue.searches, *self._ended) if search.tab in open_tabs]
        for search in shown:
            if search not in self.rows:
                self.rows[search] = SearchRow(search, self.workspace)
        for search in [search for search in self.rows if search not in shown]:
            row = self.rows.pop(search)
            row.hide()
            row.deleteLater()
        for index, search in enumerate(shown):
            if self._column.indexOf(self.rows[search]) != index:
                self._column.insertWidget(index, self.rows[search])
            self.rows[search].refresh(can_move_up=0 < index < len(queue.searches))
        self.empty_label.setVisible(not shown)
        is_needed = any(search.status is not SearchStatus.RUNNING for search in queue.searches)
        if is_needed and not self._was_needed:
            self._was_needed = True
            self.applicability_changed.emit()

    def _show_progress(self, search: QueuedSearch) -> None:
        if search in self.rows:
            self.rows[search].refresh_progress()

    def _on_ended(self, search: QueuedSearch) -> None:
        if search.has_result and search.tab in self.workspace.tabs.tabs:
            self._ended = [search, *self._ended][:MAX_ENDED_SEARCHES]

    def _follow_tabs(self) -> None:
        """A search is listed as long as its tab can be shown, and one that has ended its circuit."""
        tabs = self.workspace.tabs.tabs
        kept = [search for search in self._ended if search.has_result and search.tab in tabs]
        if kept != self._ended or any(search.tab not in tabs for search in self.rows):
            self._ended = kept
            self.refresh()


class SearchRow(QWidget):
    """One search: what it is of, how far it is, and what can be done with it."""

    def __init__(self, search: QueuedSearch, workspace: Workspace) -> None:
        super().__init__()
        self._search, self._workspace = search, workspace
        self._time_left = TimeLeftEstimate()
        queue = workspace.search_queue
        self.name_label = QLabel(f"{search.name}, {search.method}")
        self.progress_bar = QProgressBar(textVisible=False, maximum=PROGRESS_STEPS)
        self.progress_bar.setAccessibleName(f"Progress of {search.name}")
        fix_scaled_width(self.progress_bar, PROGRESS_WIDTH_PX)
        self.status_label = QLabel("", objectName="muted")
        fix_scaled_width(self.status_label, STATUS_WIDTH_PX)
        self.pause_button = QPushButton("Pause", objectName="link")
        fix_scaled_width(self.pause_button, PAUSE_WIDTH_PX)
        self.up_button = QPushButton("Move up", objectName="link", toolTip="Run it before the one above")
        self.cancel_button = QPushButton(
            "Cancel", objectName="link", toolTip="End it; what it has found so far goes to its tab"
        )
        self.show_button = QPushButton("Show tab", objectName="link", toolTip="Bring its tab to the front")
        row = QHBoxLayout(self, spacing=12)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.name_label)
        row.addStretch(1)
        buttons = (self.pause_button, self.up_button, self.cancel_button, self.show_button)
        for widget in (self.progress_bar, self.status_label, *buttons):
            row.addWidget(widget)
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)  # so that columns stay where they are
            widget.setSizePolicy(policy)
        self.pause_button.clicked.connect(self._toggle_pause)
        self.up_button.clicked.connect(lambda: queue.move_up(search))
        self.cancel_button.clicked.connect(lambda: queue.cancel(search))
        self.show_button.clicked.connect(lambda: workspace.tab_controller.show(search.tab))

    def refresh(self, can_move_up: bool) -> None:
        """Show the search's status; ``can_move_up``: another one runs or waits before it."""
        status = self._search.status
        has_ended, is_paused = status is SearchStatus.ENDED, status is SearchStatus.PAUSED
        self.pause_button.setText("Resume" if is_paused else "Pause")
        self.pause_button.setToolTip(
            "Go on where it was, once no other search runs" if is_paused else "Stop it after its present step"
        )
        for button in (self.pause_button, self.cancel_button, self.progress_bar):
            button.setVisible(not has_ended)
        self.up_button.setVisible(not has_ended)
        self.up_button.setEnabled(can_move_up)
        self.refresh_progress()

    def refresh_progress(self) -> None:
        """Show how far the search is."""
        text = self._status_text()
        self.status_label.setText(text)
        self.status_label.setToolTip(text)
        progress = self._search.progress
        self.progress_bar.setValue(0 if progress is None else round(progress.fraction * PROGRESS_STEPS))

    def _status_text(self) -> str:
        search, progress = self._search, self._search.progress
        if search.status is SearchStatus.ENDED:
            circuit = search.tab.user_document.state.circuit
            return "ended" if circuit is None else f"found {circuit.n_edges:,} edges"
        if search.status is SearchStatus.RUNNING:
            if progress is None:
                return "starting"
            left = self._time_left.describe(progress)
            return f"{progress.fraction:.0%}" + (f", {left}" if left else "")
        self._time_left.restart()
        return search.status.value + (f" at {progress.fraction:.0%}" if progress is not None else "")

    def _toggle_pause(self) -> None:
        queue = self._workspace.search_queue
        is_paused = self._search.status is SearchStatus.PAUSED
        (queue.resume if is_paused else queue.pause)(self._search)
