"""The prompt that questions are asked of is opened once; a threshold is no run of the model."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

import circuitviz.features.prompt_run as run_module
from circuitviz.document.attribution_query import ATTRIBUTION_GRAPH, AttributionQuery
from circuitviz.errors import InputError
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.discover_prompt_circuit import (
    DiscoverPromptCircuit,
    MoveThreshold,
    OpenPromptDocumentModel,
    PromptSearchResult,
    ReadFractionCurve,
)
from circuitviz.workbench.requests.feature_dashboards import ReadFeatureDashboard
from circuitviz.workbench.requests.messages import ModelReady
from circuitviz.workbench.requests.query import QueryResult

PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"
ASKED = AttributionQuery("demo", PROMPT, "a2.f719@16", nodes=60)


@pytest.fixture(scope="module")
def engine() -> Engine:
    """An engine on which the question was asked once."""
    made = Engine()
    list(made.execute(DiscoverPromptCircuit(ASKED)))
    return made


def asked(engine: Engine, question: AttributionQuery) -> PromptSearchResult:
    *_, last = engine.execute(DiscoverPromptCircuit(question))
    assert isinstance(last, PromptSearchResult) and not last.is_threshold_move
    return last


def test_the_first_question_opens_model_and_prompt() -> None:
    replies = list(Engine().execute(DiscoverPromptCircuit(ASKED)))
    (ready,) = [reply for reply in replies if isinstance(reply, ModelReady)]
    assert (ready.model, ready.task, ready.prompts) == ("demo", "prompt", (PROMPT,))
    last = replies[-1]
    assert isinstance(last, PromptSearchResult)
    question = last.origin.query
    assert question.tau == last.scores.info["tau"] > 0 and question.nodes == 60
    ledger = last.scores.info["ledger"]
    assert sum(ledger.values()) == pytest.approx(last.scores.info["activations"]["a2.f719@16"], rel=1e-5)


def test_thresholds_are_moves_without_the_model(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = asked(engine, ASKED)
    value, high = first.scores.info["activations"]["a2.f719@16"], first.scores.info["highest"]
    monkeypatch.setattr(run_module, "run_prompt", None)
    sizes, before = [], engine.prompt_session
    for tau in np.geomspace(high / 400, high * 0.9, 7).tolist():
        (moved,) = engine.execute(MoveThreshold(ASKED, tau))
        assert (
            isinstance(moved, PromptSearchResult)
            and moved.is_threshold_move
            and engine.prompt_session is before
        )
        assert sum(moved.scores.info["ledger"].values()) == pytest.approx(value, rel=1e-5)
        question = moved.origin.query
        assert (question.tau, question.nodes) == (tau, None)
        sizes.append(len(moved.circuit.graph.nodes))
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 2 * sizes[-1]
    with pytest.raises(InputError, match="one below"):
        list(engine.execute(MoveThreshold(ASKED, high * 1.01)))


def test_another_target_of_the_prompt_takes_its_rows(engine: Engine) -> None:
    table = engine.prompt_session.table
    other = asked(engine, replace(ASKED, target=" Ian"))
    assert engine.prompt_session.table is table and other.scores.info["target"].startswith("logit.")
    graph = asked(engine, replace(ASKED, target="", method=ATTRIBUTION_GRAPH, rows=50))
    assert graph.scores.info["replacement_score"] > 0 and engine.prompt_session.table is table
    began = time.perf_counter()
    fewer = asked(engine, replace(ASKED, target="", method=ATTRIBUTION_GRAPH, rows=50, node_share=0.3))
    assert len(fewer.circuit.graph.nodes) < len(graph.circuit.graph.nodes)
    assert time.perf_counter() - began < 10, "the rows are there"
    for attention, has_heads in (("heads", True), ("transparent", False)):
        mixed = asked(engine, replace(ASKED, sites=("a2", "m3"), attention=attention))
        kinds = {node.kind.value for node in mixed.circuit.graph.nodes}
        assert engine.prompt_session.table is not table and "feature" in kinds
        assert ("head" in kinds) is has_heads


def test_a_document_brings_its_prompt(engine: Engine) -> None:
    found = asked(engine, ASKED)
    other = Engine()
    (ready,) = [
        r
        for r in other.execute(OpenPromptDocumentModel(found.origin, found.circuit))
        if isinstance(r, ModelReady)
    ]
    assert not ready.warning and other.prompt_session.target.value == pytest.approx(
        found.scores.info["activations"]["a2.f719@16"]
    )
    changed = replace(found.origin, task_hash="0" * 64)
    *_, ready = other.execute(OpenPromptDocumentModel(changed, found.circuit))
    assert isinstance(ready, ModelReady) and "differ from those" in ready.warning


def test_the_curve_is_of_what_thresholds_keep(engine: Engine) -> None:
    asked(engine, ASKED)
    *_, seen = engine.execute(ReadFractionCurve(ASKED))
    assert isinstance(seen, QueryResult) and len(seen.result) > 10
    for point in seen.result[:: len(seen.result) // 3]:
        (moved,) = engine.execute(MoveThreshold(ASKED, point.tau))
        assert isinstance(moved, PromptSearchResult)
        assert moved.scores.info["fraction"] == pytest.approx(point.fraction)
        assert len(moved.circuit.graph.nodes) - 1 == point.n_nodes


def test_readings_of_tasks_say_what_is_open_instead(engine: Engine) -> None:
    with pytest.raises(InputError, match="single prompt"):
        engine.require_open()
    with pytest.raises(InputError, match="No model"):
        Engine().require_open(needs_task=False)
    (seen,) = [
        reply for reply in engine.execute(ReadFeatureDashboard("m3", 0)) if isinstance(reply, QueryResult)
    ]
    assert "No dictionary of m3" in seen.refusal  # no shelf is open, but the model is
