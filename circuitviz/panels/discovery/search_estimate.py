"""What the search of the form will cost, or why it cannot run, said beside its button before it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from circuitviz.panels.widgets.form_check import FormCheck
from circuitviz.panels.widgets.path_faults import model_fault
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.estimate_search import EstimateSearch
from circuitviz.workspace.workspace import Workspace

if TYPE_CHECKING:
    from circuitviz.discovery import SearchCost


class SearchEstimate(FormCheck):
    """Time and memory of a search, or why it cannot run; follows the form and the model that is open.

    Args:
        workspace: Runs the estimate, on the model that is open in it.
        find_request: The search that the form asks for.
        find_task_fault: Why the task of the form cannot be, as far as that is known without a model.
    """

    def __init__(
        self,
        workspace: Workspace,
        find_request: Callable[[], DiscoverCircuit],
        find_task_fault: Callable[[], str],
    ) -> None:
        super().__init__(workspace, self._find_estimate)
        self.setAccessibleName("Estimate")
        self._workspace, self._find_request = workspace, find_request
        self._find_task_fault = find_task_fault

    def _find_estimate(self) -> EstimateSearch | str | None:
        opened, search = self._workspace.opened_model, self._find_request()
        is_open = opened is not None and opened.model == search.model
        if fault := self._find_task_fault() or ("" if is_open else model_fault(search.model)):
            return fault
        if not is_open:
            self.show_line("Estimate: once the model is open")
            return None
        return EstimateSearch(search) if search.method else None

    def show_result(self, result: object) -> None:
        """Show the cost; None where another model is open, or the method does not say."""
        cost: SearchCost | None = result  # type: ignore[assignment]
        if cost is not None:
            hint = _LONG_SEARCH_HINT if cost.is_long else _ESTIMATE_HINT
            self.show_line(f"Estimate: {cost.text}", hint, cost.is_long)


_ESTIMATE_HINT = (
    "time of the search and memory of the application meanwhile, from a forward pass measured now"
)
_LONG_SEARCH_HINT = (
    "This search runs the model for every edge or node. EAP-IG estimates all edges in a few passes; fewer "
    "prompts, or only some receivers, make exact patching shorter."
)
