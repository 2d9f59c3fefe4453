"""What the search of the form will cost, or why it cannot run, said beside its button before it runs."""

from __future__ import annotations

from collections.abc import Callable

from circuitviz.panels.widgets.form_check import FormCheck
from circuitviz.panels.widgets.path_faults import model_fault
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.estimate_search import EstimateSearch, SearchEstimated
from circuitviz.workspace.workspace import Workspace


class SearchEstimate(FormCheck):
    """Time and memory of a search, or why it cannot run; follows the form and the model that is open.

    Args:
        workspace: Runs the estimate, where the model is open.
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
        self._find_request = find_request
        self._find_task_fault = find_task_fault

    def _find_estimate(self) -> EstimateSearch | str | None:
        search = self._find_request()
        if fault := self._find_task_fault() or model_fault(search.model):
            return fault
        return EstimateSearch(search) if search.method else None

    def show_result(self, result: object) -> None:
        """Show the cost, where the model is open and the method says it."""
        assert isinstance(result, SearchEstimated)
        cost = result.cost
        if not result.is_model_open:
            self.show_line("Estimate: once the model is open")
        elif cost is not None:
            hint = _LONG_SEARCH_HINT if cost.is_long else _ESTIMATE_HINT
            self.show_line(f"Estimate: {cost.text}", hint, cost.is_long)


_ESTIMATE_HINT = (
    "time of the search and memory of the application meanwhile, from a forward pass measured now"
)
_LONG_SEARCH_HINT = (
    "This search runs the model for every edge or node. EAP-IG estimates all edges in a few passes; fewer "
    "prompts, or only some receivers, make exact patching shorter."
)
