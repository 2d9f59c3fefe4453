"""A state of a circuit of features, put to the real model: what is inside, what is out, what is changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from circuitviz.errors import InputError
from circuitviz.features import Intervention as Action
from circuitviz.features import PromptBench, load_dictionaries, predicted_change, run_prompt, work_out
from circuitviz.graph import Intervention
from circuitviz.models import load_model
from circuitviz.progress import finish
from circuitviz.resources import resource
from circuitviz.session import State, Trial, intervene, judge_by, measure_trial, toggle_ablation
from circuitviz.session.causal import bench_of
from circuitviz.session.prompted import open_prompt
from circuitviz.session.question import Question

PROMPT = "When Mary and John went to the store, John gave a drink to"
CORRUPTED = "When Mary and John went to the store, Anna gave a drink to"


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model("demo")


@pytest.fixture(scope="module")
def opened(model: Any) -> Any:
    question = Question(
        "demo", PROMPT, target="logit-diff", gate="absolute", nodes=60, corrupted=CORRUPTED,
        correct=(" Mary",), incorrect=(" John",),
    )  # fmt: skip
    return open_prompt(model, question, load_dictionaries([resource("demo", "dictionaries")], model))


@pytest.fixture(scope="module")
def state(opened: Any) -> State:
    answer = finish(opened.answer(opened.question))
    return State(answer.provenance, answer.scores, answer.circuit)


def features_of(state: State) -> list[str]:
    assert state.circuit is not None
    return [name for name in state.circuit.node_names if ".f" in name]


def test_an_untouched_circuit_is_judged_by_its_nodes(opened: Any, state: State) -> None:
    trial = Trial.of(state)
    assert trial is not None and (trial.ablation, trial.errors, trial.out) == ("corrupted", "kept", ())
    assert not [name for name in trial.nodes if name.startswith(("position", "logits")) or ".bias" in name]
    found = finish(measure_trial(opened, trial))
    other = run_prompt(opened.table.run.model, CORRUPTED)
    bench = PromptBench(opened.table, opened.target, {"corrupted": [other]})
    right = bench.judge(trial.nodes, "corrupted")
    assert found["faithfulness"] == {"value": pytest.approx(right.faithfulness), "low": None, "high": None}
    assert found["completeness"] == pytest.approx(right.completeness)
    assert found["target"] is None and found["setting"]["prompts"] == 1


def test_nodes_out_and_changed_are_measured_in_circuit_and_model(opened: Any, state: State) -> None:
    one, two, three = features_of(state)[3:30:9]
    state = toggle_ablation([one]).change(state)
    state = intervene([two], Intervention("scale", 0.5)).change(state)
    state = intervene([three], Intervention("set", 2.5)).change(state)
    trial = Trial.of(state)
    assert trial is not None and trial.out == (one,) and one not in trial.nodes and two in trial.nodes
    found = finish(measure_trial(opened, trial))
    table, target = opened.table, opened.target
    other = run_prompt(table.run.model, CORRUPTED)
    actions = [Action(one, "corrupted"), Action(two, "scale", 0.5), Action(three, "set", 2.5)]
    changes = work_out(table, actions, [other])
    assert found["target"]["predicted"] == pytest.approx(predicted_change(table, target, changes), abs=1e-5)
    assert found["target"]["frozen"] == pytest.approx(found["target"]["predicted"], abs=1e-5)
    bench = PromptBench(table, target, {"corrupted": [other]})
    assert found["target"]["free"] == pytest.approx(bench.free(changes) - target.value, abs=1e-5)
    circuit = bench.circuit(trial.nodes, "corrupted", changes=changes[1:])
    assert found["metric"]["circuit"] == pytest.approx(circuit, abs=1e-6)
    first = found["target"]["top_before"][0]
    assert first[0] == " Mary" and first[1] == pytest.approx(float(table.run.logits.softmax(-1).max()))


def test_an_error_taken_out_is_felt(opened: Any, state: State) -> None:
    assert state.circuit is not None
    error = next(name for name in state.circuit.node_names if ".error" in name)
    before = finish(measure_trial(opened, Trial.of(state)))
    after = finish(measure_trial(opened, Trial.of(toggle_ablation([error]).change(state))))
    assert after["metric"]["circuit"] != pytest.approx(before["metric"]["circuit"], abs=1e-6)
    assert after["target"]["free"] != 0


def test_a_node_whose_edges_are_all_out_is_out(state: State) -> None:
    assert state.circuit is not None
    name = features_of(state)[5]
    edges = [edge for edge in state.circuit.edge_names if edge.startswith(f"{name}->")]
    trial = Trial.of(toggle_ablation((), edges).change(state))
    assert trial is not None and trial.out == (name,) and name not in trial.nodes
    some = Trial.of(toggle_ablation((), edges[:-1]).change(state)) if edges[1:] else Trial.of(state)
    assert some is not None and not some.out


def test_other_values_outside_are_another_measurement(opened: Any, state: State) -> None:
    """Ablation and errors are part of the state: undone with it, and no number is taken for another's."""
    keys, values = {state.measured}, set()
    for ablation in ("zero", "mean", "corrupted"):
        for errors in ("kept", "dropped"):
            other = judge_by(ablation, errors).change(state)
            keys.add(other.measured)
            trial = Trial.of(other)
            assert trial is not None and (trial.ablation, trial.errors) == (ablation, errors)
            values.add(round(finish(measure_trial(opened, trial))["faithfulness"]["value"], 6))
    assert len(keys) == 6 and len(values) == 6
    assert judge_by("corrupted", "kept").change(state).hash == state.hash
    again = Question.of(judge_by("mean", "dropped").change(state).provenance)
    assert again is not None and (again.ablation, again.errors) == ("mean", "dropped")


def test_what_is_out_counts_in_the_key_where_edges_say_the_same(state: State) -> None:
    assert state.circuit is not None
    name = features_of(state)[5]
    edges = [edge for edge in state.circuit.edge_names if edge.startswith(f"{name}->")]
    by_node, by_edges = toggle_ablation([name]).change(state), toggle_ablation((), edges).change(state)
    assert by_node.live == by_edges.live and by_node.measured != by_edges.measured


def test_a_mean_without_a_text_is_over_the_prompts(opened: Any, state: State) -> None:
    bench = bench_of(opened)
    assert len(bench.references("mean")) >= 24  # passages of the demo's own text
    assert bench.ablations == ("zero", "mean", "corrupted")
    alone = replace(opened.question, corrupted="")
    opened.question, kept = alone, opened.question
    try:
        assert bench_of(opened).ablations == ("zero", "mean")
    finally:
        opened.question = kept


def test_a_circuit_of_heads_is_no_trial() -> None:
    assert Trial.of(State()) is None


def test_a_partner_of_another_length_is_refused_at_once(opened: Any, model: Any) -> None:
    short = replace(opened.question, corrupted="When Mary left")
    for attempt in (lambda: open_prompt(model, short, opened.dictionaries), lambda: opened.aim(short)):
        with pytest.raises(InputError, match="has 6 tokens and the prompt has 15"):
            attempt()
