"""What the window is told of the worker's replies, beside whoever asked: models, results, failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.workbench.requests.compute_measure import MeasureResult
from circuitviz.workbench.requests.discover_circuit import SearchResult, TaskChecked, UnusableRowsFound
from circuitviz.workbench.requests.discover_prompt_circuit import PromptSearchResult
from circuitviz.workbench.requests.load_catalog import Catalog
from circuitviz.workbench.requests.messages import (
    JobFailed,
    ModelReady,
    ModelReleased,
    ProgressReported,
    Reply,
    WorkerIdle,
)
from circuitviz.workbench.requests.switch_basis import BasisSwitched
from circuitviz.workspace.search_queue import QueuedSearch
from circuitviz.workspace.tabs import DocumentTab

if TYPE_CHECKING:
    from circuitviz.workspace.workspace import Workspace


class ReplyRouter(QObject):
    """Takes replies to the parts of a workspace that they concern, and emits its signals."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        workspace.search_queue.replied.connect(lambda search, reply: self.route(search.tab, reply, search))
        workspace.worker.replied.connect(self._on_worker_idle)

    def route(self, tab: DocumentTab, reply: Reply, search: QueuedSearch | None = None) -> None:
        """Emit what concerns more than the one who asked; the handle of a job has every reply.

        Args:
            tab: The tab that asked.
            reply: The worker's reply.
            search: The search that it belongs to, if it does.
        """
        workspace = self._workspace
        match reply:
            case ProgressReported():
                workspace.progress_reported.emit(reply)
            case Catalog():
                workspace.catalog_received.emit(reply)
                for name, error in reply.import_errors.items():
                    workspace.post_message(f"{name} is disabled: {error}")
            case ModelReady():
                self._on_model_ready(tab, reply)
            case TaskChecked() if tab is workspace.tabs.front:
                workspace.task_checked.emit(reply.check)
                if reply.check.warning:
                    workspace.post_message(reply.check.warning)
            case BasisSwitched():
                workspace.prompt_circuits.on_basis_switched(reply)
            case SearchResult() if search is not None:
                workspace.search_controller.on_result(search, reply)
            case PromptSearchResult() if search is not None:
                workspace.search_controller.on_answer(search, reply)
            case ModelReleased():
                self._on_model_released(tab, reply)
            case JobFailed():
                workspace.state_changed.emit()
                workspace.notifier.report_failure(reply)
            case MeasureResult():
                workspace.document.store_measure(reply.measure, reply.record)
                workspace.measure_stored.emit(reply.measure)
            case UnusableRowsFound():
                workspace.unusable_rows_found.emit(reply)

    def _on_worker_idle(self, reply: Reply) -> None:
        if isinstance(reply, WorkerIdle):
            self._workspace.worker_idle.emit()

    def _on_model_ready(self, tab: DocumentTab, opened: ModelReady) -> None:
        workspace = self._workspace
        if tab is not workspace.tabs.front:
            tab.opened_model = opened
            workspace.prompt_circuits.record_model(opened)
            return
        workspace.model_status.opened = opened
        workspace.set_prompt_index(min(workspace.prompt_index, len(opened.prompts) - 1))
        if opened.warning:
            workspace.post_message(opened.warning)
        workspace.model_status.set_ready(opened)
        workspace.live_faithfulness.on_model_ready()

    def _on_model_released(self, tab: DocumentTab, released: ModelReleased) -> None:
        """Tabs whose model had to make room open it again when they come to the front."""
        workspace = self._workspace
        for other in workspace.tabs.tabs:
            if other.number in released.tabs:
                other.opened_model, other.opened_requirements = None, ()
        if workspace.tabs.front.number in released.tabs:
            workspace.model_status.close()
            workspace.state_changed.emit()
        if released.is_lost:
            return  # the failure that follows says so
        workspace.model_released.emit(
            f"The model {released.model} was released from memory to make room for that of {tab.name}. It is "
            "loaded again when its tab comes to the front."
        )
