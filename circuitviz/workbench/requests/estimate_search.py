"""What the search of the form would cost, while its model is open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz import discovery
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class EstimateSearch(Query):
    """Time and memory of a search; None where another model is open, or the method does not say.

    A search that would be refused, for its task or for an option, is refused here with the same sentence.
    """

    title = "Could not estimate the search"
    priority = Priority.READING
    activity = "Estimating the search"
    needs_task = False

    search: DiscoverCircuit

    def compute_steps(self, engine: Engine) -> ProgressSteps[discovery.SearchCost | None]:
        """Steps of a pass over some of the prompts, unless that was made; the check goes on with it."""
        search = self.search
        if not engine.is_model(search.model, search.device, search.dtype):
            return None
        task = search.load_task(engine)
        setting = discovery.make_setting(engine.model, task, search.metric or None, search.ablation)
        task_pass = engine.shared.task_passes.find(setting)
        steps = discovery.estimate_search_steps(setting, search.method, task_pass, **search.options)
        return (yield from steps)
