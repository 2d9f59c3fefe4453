"""What the search of the form will cost, said beside its button before it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QLabel

from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.estimate_search import EstimateSearch
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

if TYPE_CHECKING:
    from circuitviz.discovery import SearchCost

ESTIMATE_DELAY_MS = 400  # after the last change of the form


class SearchEstimate(QLabel):
    """Time and memory of a search, or why it cannot run; follows the form and the model that is open.

    Args:
        workspace: Runs the estimate, on the model that is open in it.
        find_request: The search that the form asks for.
    """

    def __init__(self, workspace: Workspace, find_request: Callable[[], DiscoverCircuit]) -> None:
        super().__init__(wordWrap=True)
        self.setAccessibleName("Estimate")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._workspace, self._find_request = workspace, find_request
        self._job = LatestJob(workspace, self)
        self._timer = QTimer(self, singleShot=True, interval=ESTIMATE_DELAY_MS)
        self._timer.timeout.connect(self._request_estimate)
        self._job.received.connect(self._show_result)
        for signal in (workspace.model_ready, workspace.search_finished, workspace.document_opened):
            signal.connect(self.request_later)  # a new document drops what was asked before

    def request_later(self, *_given: object) -> None:
        """Estimate again once the form has been left alone for a moment; what stands here was for another."""
        self._show("")
        self._timer.start()

    def _request_estimate(self) -> None:
        opened, search = self._workspace.opened_model, self._find_request()
        if opened is None or opened.model != search.model:
            self._show("Estimate: once the model is open")
        elif search.method:
            self._job.submit(EstimateSearch(search))

    def _show_result(self, reply: QueryResult) -> None:
        cost: SearchCost | None = reply.result
        if reply.refusal:
            self._show(reply.refusal, is_warning=True)
        elif cost is not None:  # else another model is open, or the method does not say
            hint = _LONG_SEARCH_HINT if cost.is_long else _ESTIMATE_HINT
            self._show(f"Estimate: {cost.text}", hint, cost.is_long)

    def _show(self, text: str, hint: str = "", is_warning: bool = False) -> None:
        self.setText(text)
        self.setToolTip(hint)
        self.setObjectName("warning" if is_warning else "muted")
        self.style().polish(self)


_ESTIMATE_HINT = (
    "time of the search and memory of the application meanwhile, from a forward pass measured now"
)
_LONG_SEARCH_HINT = (
    "This search runs the model for every edge or node. EAP-IG estimates all edges in a few passes; fewer "
    "prompts, or only some receivers, make exact patching shorter."
)
