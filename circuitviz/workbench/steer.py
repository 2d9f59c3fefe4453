"""Steering for scripts, the command line and the worker, which opens what a query names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from circuitviz import features, models
from circuitviz.document import PromptOrigin, State
from circuitviz.graph.names import parse_feature_name
from circuitviz.graph.steering import SteeringQuery, SteeringResult
from circuitviz.progress import ProgressSteps, run_to_completion


def steer(query: SteeringQuery, model: models.Model | None = None) -> SteeringResult:
    """Write on after a prompt, plain and with changed nodes; arguments and errors are `steer_steps`'s."""
    return run_to_completion(steer_steps(query, model))


def steer_steps(
    query: SteeringQuery,
    model: models.Model | None = None,
    dictionaries: Mapping[str, features.Dictionary] | None = None,
) -> ProgressSteps[SteeringResult]:
    """Write on after a prompt, plain and with changed nodes, as a generator of progress with partial results.

    Args:
        query: What is changed, where, and how tokens are chosen.
        model: The model, where it is open; that of the query is opened by default.
        dictionaries: Dictionaries that are open, by site; only those of the features that are steered are
            opened by default.

    Raises:
        InputError: The model, a dictionary or a node cannot be opened, or the prompt is too long.
    """
    if model is None:
        model = yield from models.load_model_steps(query.model, dtype=query.dtype)
    sites = steered_sites(query)
    if dictionaries is None:
        dictionaries = {}
    if not sites.issubset(dictionaries):
        paths = features.paths_or_shipped(query.dictionaries, model)
        opened = yield from features.load_dictionaries_steps(paths, model)
        dictionaries = {dictionary.site.name: dictionary for dictionary in opened}
    query = replace(query, model=model.name, dtype=model.dtype)
    return (yield from features.steer_steps(model, query, dictionaries))


def steered_sites(query: SteeringQuery) -> set[str]:
    """Return the sites of a query's features."""
    return {feature.site for name in query.changes if (feature := parse_feature_name(name)) is not None}


def steering_defaults(state: State) -> dict[str, Any]:
    """Return the fields of a query that a circuit gives: model, dictionaries and (first) prompt."""
    origin = state.origin
    if origin is None:
        return {}
    defaults = {"model": origin.model, "dtype": origin.dtype, "dictionaries": origin.dictionaries}
    if isinstance(origin, PromptOrigin):
        return {**defaults, "prompt": origin.query.prompt}
    return {**defaults, "prompt": next((pair[0] for pair in origin.pairs), "")}
