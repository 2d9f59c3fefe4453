"""A state of a circuit of features, put to the real model: what is inside, what is out, what is changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from circuitviz.document import PromptOrigin, State, set_evaluation_setting, set_intervention, toggle_ablation
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.errors import InputError
from circuitviz.features import (
    PromptBench,
    load_dictionaries,
    predicted_change,
    resolve_interventions,
    run_prompt,
)
from circuitviz.graph import Evaluation, Intervention
from circuitviz.models import load_model
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.workbench.prompt_evaluation import (
    PromptEvaluationRequest,
    evaluate_prompt_request,
    open_bench,
)
from circuitviz.workbench.prompt_session import open_prompt

PROMPT = "When Mary and John went to the store, John gave a drink to"
CORRUPTED = "When Mary and John went to the store, Anna gave a drink to"


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model("demo")


@pytest.fixture(scope="module")
def opened(model: Any) -> Any:
    question = AttributionQuery(
        "demo", PROMPT, target="logit-diff", gate="absolute", nodes=60, corrupted=CORRUPTED,
        correct=(" Mary",), incorrect=(" John",),
    )  # fmt: skip
    return open_prompt(model, question, load_dictionaries([resource_path("demo", "dictionaries")], model))


@pytest.fixture(scope="module")
def state(opened: Any) -> State:
    answer = run_to_completion(opened.find_circuit(opened.query))
    return State(answer.origin, answer.scores, answer.circuit)


def features_of(state: State) -> list[str]:
    assert state.circuit is not None
    return [name for name in state.circuit.node_names if ".f" in name]


def test_an_untouched_circuit_is_judged_by_its_nodes(opened: Any, state: State) -> None:
    trial = PromptEvaluationRequest.from_state(state)
    assert trial is not None and (trial.ablation, trial.errors, trial.ablated) == ("corrupted", "kept", ())
    assert not [name for name in trial.nodes if name.startswith(("position", "logits")) or ".bias" in name]
    found = run_to_completion(evaluate_prompt_request(opened, trial))
    other = run_prompt(opened.table.run.model, CORRUPTED)
    bench = PromptBench(opened.table, opened.target, {"corrupted": [other]})
    right = bench.evaluate(trial.nodes, "corrupted")
    assert found.faithfulness.value == pytest.approx(right.faithfulness) and found.faithfulness.low is None
    assert found.prompt.completeness == pytest.approx(right.completeness)
    assert found.prompt.target is None and found.prompts == 1
    assert Evaluation.from_dict(json.loads(json.dumps(found.as_dict()))) == found


def test_nodes_out_and_changed_are_measured_in_circuit_and_model(opened: Any, state: State) -> None:
    one, two, three = features_of(state)[3:30:9]
    state = toggle_ablation([one]).transform(state)
    state = set_intervention([two], Intervention("scale", 0.5)).transform(state)
    state = set_intervention([three], Intervention("set", 2.5)).transform(state)
    trial = PromptEvaluationRequest.from_state(state)
    assert trial is not None and trial.ablated == (one,) and one not in trial.nodes and two in trial.nodes
    found = run_to_completion(evaluate_prompt_request(opened, trial))
    table, target = opened.table, opened.target
    other = run_prompt(table.run.model, CORRUPTED)
    actions = {
        one: Intervention("corrupted"),
        two: Intervention("scale", 0.5),
        three: Intervention("set", 2.5),
    }
    changes = resolve_interventions(table, actions, [other])
    assert found.prompt.target.predicted == pytest.approx(predicted_change(table, target, changes), abs=1e-5)
    assert found.prompt.target.frozen == pytest.approx(found.prompt.target.predicted, abs=1e-5)
    bench = PromptBench(table, target, {"corrupted": [other]})
    assert found.prompt.target.free == pytest.approx(bench.changed_value(changes) - target.value, abs=1e-5)
    circuit = bench.circuit_value(trial.nodes, "corrupted", changes=changes[1:])
    assert Evaluation.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    assert found.circuit == pytest.approx(circuit, abs=1e-6)
    first = found.prompt.target.top_before[0]
    assert first[0] == " Mary" and first[1] == pytest.approx(float(table.run.logits.softmax(-1).max()))


def test_an_error_taken_out_is_felt(opened: Any, state: State) -> None:
    assert state.circuit is not None
    # before the corrupted token an error's value on the corrupted prompt is its own
    error = next(name for name in state.circuit.node_names if ".error@14" in name)
    before = run_to_completion(evaluate_prompt_request(opened, PromptEvaluationRequest.from_state(state)))
    after = run_to_completion(
        evaluate_prompt_request(
            opened, PromptEvaluationRequest.from_state(toggle_ablation([error]).transform(state))
        )
    )
    assert after.circuit != pytest.approx(before.circuit, abs=1e-6)
    assert after.prompt.target.free != 0


def test_a_node_whose_edges_are_all_out_is_out(state: State) -> None:
    assert state.circuit is not None
    name = features_of(state)[5]
    edges = [edge for edge in state.circuit.edge_names if edge.startswith(f"{name}->")]
    trial = PromptEvaluationRequest.from_state(toggle_ablation((), edges).transform(state))
    assert trial is not None and trial.ablated == (name,) and name not in trial.nodes
    some = (
        PromptEvaluationRequest.from_state(toggle_ablation((), edges[:-1]).transform(state))
        if edges[1:]
        else PromptEvaluationRequest.from_state(state)
    )
    assert some is not None and not some.ablated


def test_other_values_outside_are_another_measurement(opened: Any, state: State) -> None:
    """Ablation and errors are part of the state: undone with it, and no number is taken for another's."""
    keys, values = {state.measurement_key}, set()
    for ablation in ("zero", "mean", "corrupted"):
        for errors in ("kept", "dropped"):
            other = set_evaluation_setting(ablation, errors).transform(state)
            keys.add(other.measurement_key)
            trial = PromptEvaluationRequest.from_state(other)
            assert trial is not None and (trial.ablation, trial.errors) == (ablation, errors)
            values.add(round(run_to_completion(evaluate_prompt_request(opened, trial)).faithfulness.value, 6))
    assert len(keys) == 6 and len(values) == 6
    assert set_evaluation_setting("corrupted", "kept").transform(state).hash == state.hash
    again = set_evaluation_setting("mean", "dropped").transform(state).origin
    assert isinstance(again, PromptOrigin) and (again.ablation, again.query.errors) == ("mean", "dropped")


def test_what_is_out_counts_in_the_key_where_edges_say_the_same(state: State) -> None:
    assert state.circuit is not None
    name = features_of(state)[5]
    edges = [edge for edge in state.circuit.edge_names if edge.startswith(f"{name}->")]
    by_node, by_edges = toggle_ablation([name]).transform(state), toggle_ablation((), edges).transform(state)
    assert (
        by_node.live_circuit == by_edges.live_circuit and by_node.measurement_key != by_edges.measurement_key
    )


def test_a_mean_without_a_text_is_over_the_prompts(opened: Any, state: State) -> None:
    bench = open_bench(opened)
    assert len(bench.reference_runs("mean")) >= 24  # passages of the demo's own text
    assert bench.ablations == ("zero", "mean", "corrupted")
    alone = replace(opened.query, corrupted="")
    opened.query, kept = alone, opened.query
    try:
        assert open_bench(opened).ablations == ("zero", "mean")
    finally:
        opened.query = kept


def test_a_circuit_of_heads_is_no_trial() -> None:
    assert PromptEvaluationRequest.from_state(State()) is None


def test_a_partner_of_another_length_is_refused_at_once(opened: Any, model: Any) -> None:
    short = replace(opened.query, corrupted="When Mary left")
    for attempt in (lambda: open_prompt(model, short, opened.dictionaries), lambda: opened.set_target(short)):
        with pytest.raises(InputError, match="has 6 tokens and the prompt has 15"):
            attempt()
