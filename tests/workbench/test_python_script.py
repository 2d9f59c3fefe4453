"""Copy as Python: the script finds the same circuit with the same changes, labels and faithfulness."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import circuitviz as cv
from circuitviz.document import (
    Document,
    Evidence,
    Label,
    State,
    TaskOrigin,
    group_nodes,
    set_label,
    toggle_ablation,
)
from circuitviz.document import set_intervention as set_intervention_command
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.document.note_commands import set_notes
from circuitviz.document.origin import PromptOrigin
from circuitviz.errors import InputError
from circuitviz.formats import import_document, save_document
from circuitviz.graph import Circuit, Intervention
from circuitviz.workbench.made_document import make_document, make_imported_document
from circuitviz.workbench.python_script import keywords, literal, python_script
from circuitviz.workbench.record_origin import select_circuit

PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"


def _run(script: str) -> dict[str, Any]:
    """Run a script; it uses nothing but the public names."""
    tree = ast.parse(script)
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imported] == ["import circuitviz as cv"]
    used = {
        n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == "cv"
    }
    assert used <= set(cv.__all__)
    names: dict[str, Any] = {}
    exec(compile(script, "copied", "exec"), names)
    return names


def _same(first: State, second: State) -> None:
    """Equal but for the machine and the time of the search."""
    assert first.circuit is not None and second.circuit is not None
    assert first.circuit.edge_names == second.circuit.edge_names
    assert isinstance(first.origin, TaskOrigin) and isinstance(second.origin, TaskOrigin)
    kept = {"seconds": 0.0, "created": ""}
    assert replace(first.origin, **kept) == replace(second.origin, **kept)
    for part in ("ablated_nodes", "ablated_edges", "interventions", "labels", "notes"):
        assert getattr(first, part) == getattr(second, part), part
    assert {n: g.nodes for n, g in first.groups.items()} == {n: g.nodes for n, g in second.groups.items()}
    assert first.measurement_key == second.measurement_key


def _found(method: str, select: str, amount: float, task: Any, model: Any, **options: Any) -> Document:
    scores = cv.discover(model, task, method, "logit-diff", "corrupted", **options)
    return Document(select_circuit(model, task, scores, "logit-diff", "corrupted", select, amount, 1.5))


@pytest.fixture(scope="module")
def demo_model() -> Any:
    return cv.load_model("demo")


@pytest.mark.parametrize(
    ("method", "select", "amount", "options"),
    [
        ("eap-ig", "greedy", 60, {"steps": 3, "rule": "midpoint"}),
        ("eap", "top", 80, {}),
        ("eap", "threshold", 0.02, {}),
        ("acdc", "own", 0, {"tau": 0.03}),
        ("information-flow-routes", "greedy", 50, {}),
    ],
)
def test_the_script_finds_the_same_circuit_with_all_that_was_done(
    demo_model: Any, method: str, select: str, amount: float, options: Mapping[str, Any]
) -> None:
    task = cv.load_task("ioi", demo_model, prompts=6, seed=3)
    document = _found(method, select, amount, task, demo_model, **options)
    state = document.state
    heads = [name for name in state.circuit.node_names if ".h" in name]
    for change in (
        group_nodes('Late "heads"', frozenset(heads[-2:])),
        set_intervention_command([heads[0]], Intervention("scale", 0.25, (-1,))),
        toggle_ablation({heads[-1]}, {state.circuit.edge_names[0]}),
        set_label(heads[1], Label("Name Mover", "#123456", "why\nnot '''", 0.8, "A. B.")),
        set_label(state.circuit.edge_names[1], Label("carries the \\ name")),
        set_notes('# Notes\n"quoted" – ünïcode'),
    ):
        document.apply_command(change)
    names = _run(python_script(document))
    _same(names["document"].state, document.state)
    ours = cv.open(document, model=demo_model).evaluate()
    assert names["evaluation"].faithfulness == ours.faithfulness
    assert names["evaluation"].faithfulness.value is not None


def test_steering_is_repeated(demo_model: Any) -> None:
    task = cv.load_task("ioi", demo_model, prompts=4, seed=0)
    document = _found("eap", "greedy", 20, task, demo_model)
    changes = {"resid2": Intervention("add", 1.0), "a1.h2": Intervention("scale", 2.0, (0, -1))}
    sampled = cv.SteeringQuery("demo", 'Then "Ian" said', changes, (0.0, -3.5), "all",
                               {"resid2": (" Mary", " John's")}, 3, 0.8, 5)  # fmt: skip
    for query in (
        sampled,
        cv.SteeringQuery("demo", "Then Ian", {"m2.f12": Intervention("set", 4.0)}, max_tokens=2),
    ):
        document.apply_command(cv.add_steering(cv.steer(query, demo_model)))
    names = _run(python_script(document))
    assert len(names["document"].state.steering) == 2
    assert names["document"].state.steering == document.state.steering


def test_prompts_that_have_no_file_are_written_into_the_script(demo_model: Any, tmp_path: Path) -> None:
    pairs = [
        cv.Pair("When Mary and John went to the store, John gave a drink to",
                "When Mary and John went to the store, Anna gave a drink to", (" Mary",), (" John",)),
    ]  # fmt: skip
    typed = cv.Task.from_pairs("typed pair", pairs, demo_model.tokens, metric="logit-diff")
    document = _found("eap", "greedy", 30, typed, demo_model)
    names = _run(python_script(document))
    _same(names["document"].state, document.state)

    # from a file as long as it is there
    file = tmp_path / "own.csv"
    file.write_text(
        "clean,corrupted,correct,incorrect\n"
        + f'"{pairs[0].clean}","{pairs[0].corrupted}"," Mary"," John"\n',
        encoding="utf-8",
    )
    task = cv.load_task(str(file), demo_model)
    state = _found("eap", "greedy", 30, task, demo_model).state
    read = Document(replace(state, origin=replace(state.origin, task=str(file))))
    script = python_script(read)
    assert "load_task" in script and "Pair" not in script
    _same(_run(script)["document"].state, read.state)
    file.unlink()
    assert "cv.Pair(" in python_script(read)


def test_edges_that_no_rule_chooses_are_named(demo_model: Any) -> None:
    task = cv.load_task("ioi", demo_model, prompts=4, seed=0)
    document = _found("eap", "greedy", 40, task, demo_model)
    state = document.state
    chosen = Circuit.from_names(state.circuit.graph, state.circuit.edge_names[:-3])
    edited = Document(replace(state, circuit=chosen))
    names = _run(python_script(edited))
    assert names["document"].state.circuit.edge_names == chosen.edge_names


def test_an_imported_circuit_stands_in_the_script_with_its_scores(demo_model: Any) -> None:
    task = cv.load_task("ioi", demo_model, prompts=4, seed=0)
    found = _found("eap", "greedy", 40, task, demo_model).state
    assert found.scores is not None and found.circuit is not None
    scores = replace(found.scores, method="imported", options={}, info={"score_sign": "positive helps"})
    document = make_imported_document(
        demo_model, task, found.circuit, scores, "prob-diff", "zero", "theirs.json", "keep"
    )
    heads = [name for name in found.circuit.node_names if ".h" in name]
    document.apply_command(toggle_ablation({heads[0]}, set()))
    names = _run(python_script(document))
    again = names["document"].state
    _same(again, document.state)
    np.testing.assert_array_equal(again.scores.values, scores.values)
    assert again.origin.options == {"file": "theirs.json", "sign": "keep"} and again.scores.sign_known
    assert names["evaluation"].faithfulness == cv.open(document, model=demo_model).evaluate().faithfulness


def test_what_belongs_to_no_model_is_read_from_its_file(tmp_path: Path, demo_model: Any) -> None:
    task = cv.load_task("ioi", demo_model, prompts=4, seed=0)
    state = _found("eap", "greedy", 40, task, demo_model).state
    imported = Document(replace(state, origin=None))
    with pytest.raises(InputError, match="save"):
        python_script(imported)
    path = tmp_path / "an 'imported' one.circuit"
    save_document(imported, path)
    opened = import_document(path)
    opened.mark_saved(path)
    script = python_script(opened)
    assert "cv.open(" in script and literal(str(path)) in script
    ast.parse(script)
    with pytest.raises(InputError, match="no circuit"):
        python_script(Document())


@pytest.mark.parametrize(
    "query",
    [
        cv.AttributionQuery("demo", PROMPT, "a2.f719@16", nodes=40),
        cv.AttributionQuery("demo", PROMPT, "a2.h6@16", gate="absolute", nodes=None, tau=0.05, sites=("m1",)),
        cv.AttributionQuery(
            "demo", PROMPT, "logit-diff", nodes=30, gate="absolute", correct=(" Ian",), incorrect=(" Betty",),
            corrupted=PROMPT.replace(" Betty wanted", " Ian wanted"), errors="dropped",
        ),
        cv.AttributionQuery("demo", PROMPT, method="attribution-graph", rows=200, node_share=0.6),
    ],
    ids=lambda query: query.target or query.method,
)  # fmt: skip
def test_a_circuit_of_a_prompt_is_found_again(demo_model: Any, query: cv.AttributionQuery) -> None:
    document = cv.find_prompt_circuit(query, demo_model)
    state = document.state
    assert state.circuit is not None and isinstance(state.origin, PromptOrigin)
    some = next(name for name in state.circuit.node_names if ".f" in name or ".h" in name)
    document.apply_command(toggle_ablation({some}, set()))
    document.apply_command(set_label(some, Label("Induction")))
    names = _run(python_script(document))
    again = names["document"].state
    kept = {"seconds": 0.0, "created": ""}
    assert replace(again.origin, **kept) == replace(document.state.origin, **kept)
    assert again.circuit.edge_names == state.circuit.edge_names
    assert again.ablated_nodes == {some} and again.labels == document.state.labels
    ours = cv.open(document, model=demo_model).evaluate()
    assert names["evaluation"].faithfulness == ours.faithfulness


def test_another_number_of_edges_of_a_prompts_circuit_is_chosen_again(demo_model: Any) -> None:
    document = cv.find_prompt_circuit(cv.AttributionQuery("demo", PROMPT, "a2.f719@16", nodes=40), demo_model)
    document.apply_command(cv.select_edges(document.state.scores.select("greedy", 12), "greedy", 12))
    again = _run(python_script(document))["document"].state
    assert again.circuit.edge_names == document.state.circuit.edge_names and again.origin.requested == 12


def test_claims_of_labels_are_tested_again(demo_model: Any) -> None:
    task = cv.load_task("ioi", demo_model, prompts=6, seed=3)
    document = _found("eap", "greedy", 60, task, demo_model)
    head = next(name for name in document.state.circuit.node_names if ".h" in name)
    claims = (
        Evidence("it reads the subject", "attention", {"query": "END", "key": "S2"}),
        Evidence("it moves the answer", "answer", {}),
    )
    document.apply_command(set_label(head, Label("Name Mover", evidence=claims)))
    tested = cv.open(document, model=demo_model).test_claims()
    assert [(target, one.claim) for target, one in tested] == [(head, one.claim) for one in claims]
    assert cv.open(document, model=demo_model).test_claims() == [], "as things stand"
    names = _run(python_script(document))
    outcomes = [
        [replace(one.outcome, date="") for one in state.labels[head].evidence]
        for state in (document.state, names["document"].state)
    ]
    assert outcomes[0] == outcomes[1] and all(outcome.verdict for outcome in outcomes[0])


def test_a_file_cannot_put_code_into_the_script(demo_model: Any) -> None:
    """Whatever it says of method, options, labels or notes, the script has literals there."""
    task = cv.load_task("ioi", demo_model, prompts=2, seed=0)
    state = _found("eap", "greedy", 20, task, demo_model).state
    attack = "'); boom() #\n\\"
    origin = replace(
        state.origin, model=attack, method=attack, task=attack, metric=attack, ablation=attack, select=attack,
        options={attack: attack, "class": [attack]}, pairs=((attack, attack, (attack,), (attack,)),),
        dtype=attack, task_options={attack: 1},
    )  # fmt: skip
    claims = (Evidence(attack, attack, {attack: attack}),)
    labels = {attack: Label(attack, attack, attack, 0.5, attack, claims)}
    groups = group_nodes("g", frozenset({"m0", "m1"})).transform(state).groups
    query = AttributionQuery(
        attack, attack, attack, attack, corrupted=attack, correct=(attack,), dtype=attack
    )
    origins = origin, replace(origin, method="imported"), PromptOrigin(query, select=attack, requested=3)
    documents = [
        Document(replace(state, origin=one, labels=labels, groups={attack: groups["g"]}, notes=attack))
        for one in origins
    ]
    calls = {
        ast.unparse(node.func)
        for document in documents
        for node in ast.walk(ast.parse(python_script(document)))
        if isinstance(node, ast.Call)
    }
    assert "boom" not in calls
    assert calls <= {
        "print",
        "document.apply_command",
        "model.tokens",
        "opened.evaluate",
        "opened.test_claims",
    } | {
        f"cv.{name}" for name in (*cv.__all__, "Task.from_pairs", "Circuit.from_names", "Scores.from_names")
    } | {"document.state.scores.select"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.tuples(inner) | st.dictionaries(st.text(), inner)
    ),
    max_leaves=8,
)


@given(values)
def test_a_literal_is_its_value(value: object) -> None:
    assert eval(literal(value), {"float": float}) == value


@given(st.dictionaries(st.text(), st.integers()))
def test_keywords_are_their_names(given_values: dict[str, int]) -> None:
    written = keywords(given_values)
    assert eval(f"dict({written})") == given_values


def test_a_made_document_says_where_its_circuit_is_from(demo_model: Any) -> None:
    task = cv.load_task("ioi", demo_model, prompts=4, seed=0)
    scores = cv.discover(demo_model, task, "eap")
    document = make_document(demo_model, task, scores, scores.greedy(25))
    origin = document.state.origin
    assert isinstance(origin, TaskOrigin)
    assert (origin.method, origin.select, origin.requested, origin.metric) == (
        "eap",
        "greedy",
        25,
        task.metric,
    )
    assert origin.weight_hash == demo_model.weight_hash and origin.task_hash == task.hash
