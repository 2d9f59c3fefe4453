"""An origin is opened into an experiment whose numbers are those of the direct functions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import circuitviz as cv
from circuitviz import workbench
from circuitviz.document import Document, PromptOrigin, State, TaskOrigin, toggle_ablation
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.features import evaluate_prompt_circuit, load_dictionaries, node_table, run_prompt
from circuitviz.graph import Intervention
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.workbench import PromptExperiment, TaskExperiment
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.prompt_session import open_prompt
from circuitviz.workbench.record_origin import select_circuit
from circuitviz.workbench.requests.discover_prompt_circuit import OpenPromptDocumentModel
from circuitviz.workbench.requests.messages import ModelReady
from circuitviz.workbench.requests.open_document_model import OpenDocumentModel

PROMPTS, SEED = 10, 3
PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"
QUERY = AttributionQuery("demo", PROMPT, "a2.f719@16", nodes=60)


@pytest.fixture(scope="module")
def model() -> Any:
    return cv.load_model("demo")


@pytest.fixture(scope="module")
def task(model: Any) -> Any:
    return cv.load_task("ioi", model, prompts=PROMPTS, seed=SEED)


@pytest.fixture(scope="module")
def state(model: Any, task: Any) -> State:
    scores = cv.discover(model, task, "eap")
    return select_circuit(model, task, scores, "logit-diff", "corrupted", "greedy", 60, 0.0)


@pytest.fixture(scope="module")
def prompt_state(model: Any) -> State:
    session = open_prompt(model, QUERY, load_dictionaries([resource_path("demo", "dictionaries")], model))
    found = run_to_completion(session.find_circuit(QUERY))
    return State(found.origin, found.scores, found.circuit)


def test_a_task_origin_gives_the_numbers_of_the_direct_functions(model: Any, task: Any, state: State) -> None:
    experiment = workbench.open(state.origin, circuit=state.circuit)
    assert isinstance(experiment, TaskExperiment) and state.circuit is not None
    assert experiment.warnings == () and experiment.requirements == state.requirements
    assert experiment.task_hash == task.hash and experiment.claim_setting is experiment.setting
    assert experiment.evaluate(state.circuit).as_dict() == cv.evaluate(model, task, state.circuit).as_dict()
    read, direct = experiment.read("a2.h1", 2), cv.read_node(model, task, "a2.h1", 2)
    assert (read.direct_logit_attribution, read.top) == (direct.direct_logit_attribution, direct.top)
    assert (
        experiment.bench() is experiment.bench()
        and experiment.bench(is_quick=True).setting.task.hash != task.hash
    )


def test_another_model_task_or_setting_can_be_named(model: Any, task: Any, state: State) -> None:
    assert state.circuit is not None
    other = workbench.open(state.origin, model=model, task="gender", prompts=4, ablation="zero")
    assert isinstance(other, TaskExperiment) and other.model is model and other.requirements == ()
    gender = cv.load_task("gender", model, prompts=4)
    direct = cv.evaluate(model, gender, state.circuit, ablation="zero")
    assert other.evaluate(state.circuit).as_dict() == direct.as_dict()
    same = workbench.open(state.origin, model=model, metric="prob-diff")
    assert isinstance(same, TaskExperiment) and same.setting.metric == "prob-diff"
    with pytest.raises(cv.InputError, match="name the model"):
        workbench.open(None)
    with pytest.raises(cv.InputError, match="name the task"):
        workbench.open(None, model=model)


def test_what_differs_from_the_circuits_own_is_said_once(model: Any, state: State) -> None:
    assert isinstance(state.origin, TaskOrigin)
    other = replace(state.origin, weight_hash="0" * 64, task_hash="0" * 64)
    weights, prompts = workbench.open(other, model=model, circuit=state.circuit).warnings
    assert "other weights" in weights and "tokenised differently" in prompts


def test_a_prompt_origin_gives_the_numbers_of_the_direct_functions(model: Any, prompt_state: State) -> None:
    origin, circuit = prompt_state.origin, prompt_state.circuit
    assert isinstance(origin, PromptOrigin) and circuit is not None
    experiment = workbench.open(origin, model=model, circuit=circuit)
    assert isinstance(experiment, PromptExperiment) and experiment.model is model
    assert experiment.warnings == () and experiment.requirements == origin.requirements
    assert experiment.task_hash == origin.task_hash and experiment.claim_setting is None
    table = node_table(run_prompt(model, model.tokens.encode(QUERY.prompt)), experiment.dictionaries)
    inside = [name for name in circuit.node_names if not circuit.graph.node(name).kind.is_fixed]
    inside = [name for name in inside if name in circuit.graph.senders]
    direct = evaluate_prompt_circuit(table, experiment.session.target, inside, origin.ablation)
    assert experiment.evaluate(circuit).faithfulness.value == pytest.approx(direct.faithfulness, abs=1e-6)
    node = next(name for name in inside if ".f" in name)
    read = experiment.read(node)
    assert (
        read.activation == pytest.approx(float(table.activation[table.index(node)])) and read.promoted_tokens
    )
    other = workbench.open(replace(origin, task_hash="0" * 64), model=model)
    assert [text for text in other.warnings if "differ from those that this circuit" in text]


def test_the_worker_opens_the_same_and_says_the_same(state: State, prompt_state: State) -> None:
    engine = Engine()
    for before, request in ((state, OpenDocumentModel), (prompt_state, OpenPromptDocumentModel)):
        assert before.origin is not None
        origin = replace(before.origin, weight_hash="0" * 64, task_hash="0" * 64)
        *_, ready = engine.execute(request(origin, before.circuit))
        assert isinstance(ready, ModelReady)
        opened = workbench.open(origin, model=engine.model, circuit=before.circuit)
        assert ready.warning == " ".join(opened.warnings) and len(opened.warnings) == 2
    assert engine.experiment is not None and state.circuit is not None
    assert engine.can_measure(engine.experiment.requirements, state.circuit.graph)
    assert not engine.can_measure(state.requirements, state.circuit.graph)  # the hash of other prompts


def test_an_engine_with_nothing_open_says_so() -> None:
    engine = Engine()
    assert not engine.is_open and not engine.is_model_open and engine.open_requirements == ()
    for read in (
        lambda: engine.model,
        lambda: engine.task,
        lambda: engine.setting,
        engine.require_experiment,
    ):
        with pytest.raises(cv.InputError, match="No model is open"):
            read()


def test_a_file_opens_with_its_experiment(model: Any, task: Any, state: State, tmp_path: Path) -> None:
    assert state.circuit is not None
    document = Document(state)
    node = next(name for name in state.circuit.node_names if name.startswith("a"))
    document.apply_command(toggle_ablation([node]))
    path = tmp_path / "ioi.circuit"
    cv.save_document(document, path)
    opened = cv.open(path)
    assert opened.document.state.hash == document.state.hash and "experiment" not in vars(opened)
    live = document.state.live_circuit
    assert live is not None
    measured, whole = opened.evaluate().as_dict(), cv.evaluate(model, task, state.circuit).as_dict()
    assert measured == cv.evaluate(model, task, live).as_dict() != whole
    read = opened.read("a3.h1")
    assert hasattr(read, "top") and read.top == cv.read_node(model, task, "a3.h1").top
    assert opened.experiment is opened.experiment
    edge = state.circuit.edge_names[0]
    origin = state.origin
    assert origin is not None
    scores = cv.discover(model, task.subset([2]), origin.method, origin.metric, **origin.options)
    assert opened.read_edge(edge, 2).score == pytest.approx(
        scores.values[state.circuit.graph.edge(edge)], abs=1e-6
    )
    with pytest.raises(cv.InputError):
        opened.read("a3.h1", PROMPTS)


def test_a_file_of_features_opens_with_its_prompt(model: Any, prompt_state: State, tmp_path: Path) -> None:
    path = tmp_path / "features.circuit"
    cv.save_document(Document(prompt_state), path)
    opened = cv.open(path, model=model)
    assert isinstance(opened.experiment, PromptExperiment) and prompt_state.circuit is not None
    measured = opened.experiment.evaluate(prompt_state.circuit)
    assert opened.evaluate().faithfulness == measured.faithfulness
    node = next(name for name in prompt_state.circuit.node_names if ".f" in name)
    zeroed = opened.experiment.evaluate(prompt_state.circuit, {node: Intervention("zero")})
    assert zeroed.prompt is not None and zeroed.prompt.target is not None
    with pytest.raises(cv.InputError, match="one prompt"):
        opened.read(node, 1)
    with pytest.raises(cv.InputError, match="features"):
        opened.read_edge(prompt_state.circuit.edge_names[0])


def test_a_document_that_names_no_model_says_so(state: State) -> None:
    from circuitviz.workbench.opened_document import OpenedDocument

    with pytest.raises(cv.InputError, match="which model and task"):
        _ = OpenedDocument(Document(State(circuit=state.circuit))).experiment
