"""Measures as a verdict card takes them: on fewer prompts, and said so."""

from __future__ import annotations

from dataclasses import replace

import pytest

import circuitviz as cv
from circuitviz.discovery import make_setting
from circuitviz.document.verdict_card import _judge_minimality, _judge_rivals
from circuitviz.evaluation import MeasureInput, card_measure, make_bench, measure_steps, measures
from circuitviz.models import Model
from circuitviz.progress import run_to_completion


@pytest.fixture(scope="module")
def model() -> Model:
    return cv.load_model("demo")


@pytest.fixture(scope="module")
def subject(model: Model) -> MeasureInput:
    task = cv.load_task("ioi", model, prompts=20, seed=0)
    scores = cv.discover(model, task, "eap")
    return MeasureInput(make_bench(make_setting(model, task), model.graph, {}), scores.greedy(24), scores)


def test_a_card_judges_minimality_on_the_first_prompts_and_each_node_alone(subject: MeasureInput) -> None:
    one = card_measure("minimality", subject)
    found = one.as_dict(run_to_completion(measure_steps("minimality", one.measure_input, **one.options)))
    setting = subject.bench.setting
    first = setting.task.subset(range(16))
    assert one.judged_prompts == found["judged_prompts"] == len(one.measure_input.bench.setting.task) == 16
    assert [pair.clean for pair in first.pairs] == [
        pair.clean for pair in one.measure_input.bench.setting.task.pairs
    ]
    whole = cv.evaluate(setting.model, first, subject.circuit).faithfulness.value
    for row in found["nodes"]:
        without = cv.evaluate(setting.model, first, subject.circuit.ablate((row["node"],))).faithfulness.value
        assert row["without"] == [] and row["value"] == pytest.approx(abs(without - whole), abs=1e-5)
    sentence = _judge_minimality(found)[2]
    assert sentence.endswith("at least 0.01, alone, on 16 prompts.")


def test_few_prompts_are_judged_as_they_are(model: Model, subject: MeasureInput) -> None:
    task = cv.load_task("ioi", model, prompts=8, seed=0)
    few = replace(subject, bench=make_bench(make_setting(model, task), model.graph, {}))
    one = card_measure("rivals", few)
    assert one.measure_input is few and one.judged_prompts is None and one.options["evaluations"] == 60
    found = {"found": 0, "edges": 24}
    assert _judge_rivals(found)[2].endswith("found none.")
    assert _judge_rivals({**found, "judged_prompts": 16})[2].endswith("found none, on 16 prompts.")


def test_options_of_a_card_are_options_of_the_measure(subject: MeasureInput) -> None:
    for name in measures.names():
        chosen = measures.get(name).extra.get("card_options", {})
        assert set(chosen) <= set(measures.get(name).options.__dataclass_fields__), name


def test_minimality_costs_as_many_evaluations_as_it_says(
    subject: MeasureInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = subject.bench.setting
    few = replace(setting, task=setting.task.subset(range(2)))
    heads = tuple(node for node in subject.removable_nodes if ".h" in node)
    part = replace(subject, bench=subject.bench.with_setting(few), node_classes={"class": heads[:3]})
    counted: list[str] = []
    evaluate = part.bench.evaluate
    monkeypatch.setattr(part.bench, "evaluate", lambda *a: counted.append("") or evaluate(*a))
    for sets in (0, 2):
        counted.clear()
        entry = measures.get("minimality")
        said = entry.extra["count_runs"](part, entry.options(sets=sets)).evaluations
        run_to_completion(measure_steps("minimality", part, sets=sets))
        assert said - 3 <= len(counted) <= said, "sets that happen to be alike are evaluated once"
