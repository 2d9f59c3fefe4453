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
class SearchEstimated:
    """What a search will cost: ``cost`` is None where its model is not open, or the method does not say."""

    is_model_open: bool
    cost: discovery.SearchCost | None = None


@dataclass(frozen=True)
class EstimateSearch(Query):
    """Time and memory of a search whose model is open, for whichever tab, or for own prompts.

    A search that would be refused, for its task or for an option, is refused here with the same sentence.
    """

    title = "Could not estimate the search"
    priority = Priority.READING
    activity = "Estimating the search"
    needs_model = False

    search: DiscoverCircuit

    def compute_steps(self, engine: Engine) -> ProgressSteps[SearchEstimated]:
        """Steps of a pass over some of the prompts, unless that was made; the check goes on with it."""
        search = self.search
        model = engine.find_model(search.model, search.device, search.dtype)
        if model is None:
            return SearchEstimated(is_model_open=False)
        task = search.load_task(model)
        setting = discovery.make_setting(model, task, search.metric or None, search.ablation, search.by_span)
        task_pass = engine.shared.task_passes.find(setting)
        steps = discovery.estimate_search_steps(setting, search.method, task_pass, **search.options)
        return SearchEstimated(True, (yield from steps))
