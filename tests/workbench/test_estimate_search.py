"""The form's estimate refuses the searches that would be refused, in the same words."""

from __future__ import annotations

from typing import Any

import pytest

from circuitviz.errors import InputError
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.estimate_search import EstimateSearch, SearchEstimated
from circuitviz.workbench.requests.query import QueryResult


@pytest.fixture(scope="module")
def engine() -> Engine:
    made = Engine()
    list(made.open_model("demo", "cpu", "auto"))
    return made


def make_search(method: str, metric: str, options: dict[str, Any], by_span: bool) -> DiscoverCircuit:
    return DiscoverCircuit(
        "demo", "ioi", None, 4, 0, method, options, metric, "corrupted", "greedy", 200, by_span=by_span
    )


def ask(engine: Engine, search: DiscoverCircuit) -> QueryResult:
    *_, reply = engine.execute(EstimateSearch(search))
    assert isinstance(reply, QueryResult)
    return reply


@pytest.mark.parametrize(
    ("method", "metric", "options", "by_span", "reason"),
    [
        ("path-patching", "", {}, True, "'path-patching' does not score edges by span"),
        ("eap", "accuracy", {}, False, "'eap' needs a gradient"),
        ("eap", "kl", {}, False, "no gradient of 'kl' at the clean prompts"),
        ("ensemble", "kl", {}, False, "'eap' has no gradient of 'kl' at the clean"),
        ("ensemble", "kl", {"members": "eap-ig,gim"}, False, "'gim' has no gradient of 'kl' at the clean"),
    ],
)
def test_what_a_search_refuses_its_estimate_refuses(
    engine: Engine, method: str, metric: str, options: dict[str, Any], by_span: bool, reason: str
) -> None:
    search = make_search(method, metric, options, by_span)
    refusal = ask(engine, search).refusal
    assert reason in refusal
    with pytest.raises(InputError) as raised:
        list(Engine().execute(search))
    assert str(raised.value) == refusal


@pytest.mark.parametrize(("method", "metric", "by_span"), [("eap-ig", "kl", True), ("exact", "kl", False)])
def test_what_a_search_takes_is_estimated(engine: Engine, method: str, metric: str, by_span: bool) -> None:
    found = ask(engine, make_search(method, metric, {}, by_span)).result
    assert isinstance(found, SearchEstimated) and found.cost is not None
