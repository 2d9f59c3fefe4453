"""A model writes on, on the worker: plain and steered texts, token by token as they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz import features
from circuitviz.graph import SteeringQuery, SteeringResult
from circuitviz.progress import ProgressSteps
from circuitviz.workbench.requests.priority import Priority
from circuitviz.workbench.requests.query import Query
from circuitviz.workbench.steer import steer_steps, steered_sites

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class SteerModel(Query):
    """Write on after a prompt with the open model; partial texts come with every token."""

    title = "Could not steer the model"
    activity = "Writing"
    priority = Priority.STEER
    needs_task = False

    steering_query: SteeringQuery

    def check_input(self, engine: Engine) -> None:
        """InputError where a node does not exist or the prompt is too long, if no pass is needed to know."""
        query = self.steering_query
        opened = _open_dictionaries(engine)
        if steered_sites(query).issubset(opened) and not query.directions:
            features.check_steering(engine.model, query, opened)

    def compute_steps(self, engine: Engine) -> ProgressSteps[SteeringResult]:
        """The texts so far after each token, then whole."""
        return (yield from steer_steps(self.steering_query, engine.model, _open_dictionaries(engine)))


def _open_dictionaries(engine: Engine) -> Mapping[str, features.Dictionary]:
    """The dictionaries that are open for the engine's model, by site: those of Features before a prompt's."""
    session, store = engine.prompt_session, engine.dictionary_store
    opened = {} if session is None else {one.site.name: one for one in session.dictionaries}
    if store is not None and store.model is engine.model:
        opened |= store.dictionaries
    return opened
