"""The verdict card: what each number means for the verdict, and of what state of the circuit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuitviz.document import Document, State, TaskOrigin, toggle_ablation
from circuitviz.document.verdict_card import CircuitVerdict, VerdictCard, verdict_card
from circuitviz.graph import Graph, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(2, 2, 8))
SCORES = Scores(GRAPH, np.where(GRAPH.mask, 1.0, 0.0), "eap")
PAIRS = tuple((f"clean {i}", f"corrupted {i}", (" a",), (" b",)) for i in range(8))
ORIGIN = TaskOrigin("demo", "w", "ioi", "t", PAIRS, "logit-diff", "corrupted", "eap", prompts=8)


def interval(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def evaluation(faithfulness: dict[str, Any]) -> dict[str, Any]:
    metric = {"circuit": 1.0, "model": 1.0, "ablated": 0.0}
    setting = {"metric": "logit-diff", "ablation": "corrupted", "prompts": 8, "seed": 0}
    return {"faithfulness": faithfulness, "metric": metric, "edges": 9, "nodes": 4, "setting": setting}


def document(**results: dict[str, Any]) -> Document:
    """A circuit with finished measures of it."""
    made = Document(State(ORIGIN, SCORES, SCORES.greedy(9)))
    for name, result in results.items():
        made.store_measure(
            name, {"key": made.state.measurement_key, "options": {}, "done": True, "result": result}
        )
    return made


def verdict(card: VerdictCard, name: str) -> CircuitVerdict:
    return next(one for one in card.verdicts if one.name == name)


def state(name: str, measure: str, result: dict[str, Any]) -> str:
    return verdict(verdict_card(document(**{measure: result})), name).state


@given(st.floats(-1, 3), st.floats(0, 1), st.floats(0, 1))
def test_faithfulness_is_judged_by_its_interval(value: float, below: float, above: float) -> None:
    made = document()
    low, high = value - below, value + above
    made.store_evaluation(made.state.measurement_key, evaluation(interval(value, low, high)))
    inside = low >= 0.8 and high <= 1.2
    outside = high < 0.8 or low > 1.2
    found = verdict(verdict_card(made), "faithful")
    assert found.state == ("holds" if inside else "fails" if outside else "undecided")
    assert f"{round(value, 2) + 0.0:.2f}".replace("-", "−") in found.number and "in-sample" in found.sentence


def test_each_number_is_held_against_its_threshold() -> None:
    def random(low: float, high: float) -> dict[str, Any]:
        return {"asked": 9, "edges": 9.0, "circuits": 20, **interval(0.1, 0.0, 0.2), "values": [0.1],
                "own": interval(0.5, low, high)}  # fmt: skip

    assert [state("random", "random", random(*ends)) for ends in ((0.3, 0.6), (0.1, 0.6), (0.0, 0.2))] == [
        "holds", "undecided", "fails",
    ]  # fmt: skip

    def gap(value: float) -> dict[str, Any]:
        return {
            "sets": [{"kind": "random", "name": "K", "nodes": [], "gap": value}] * 2,
            "worst": {"gap": value},
        }

    assert [state("complete", "completeness", gap(value)) for value in (0.2, 0.21)] == ["holds", "fails"]

    def node(value: float, end: float) -> dict[str, Any]:
        return {"node": "m0", "value": value, "change": interval(value, -end, end), "without": []}

    needs = ([node(0.01, 0.1)], [node(0.3, 0.3), node(0.005, 0.02)], [node(0.3, 0.3), node(0.005, 0.006)])
    assert [state("minimal", "minimality", {"nodes": nodes}) for nodes in needs] == [
        "holds",
        "undecided",
        "fails",
    ]
    shares = ({"edges": {}, "resamples": 10, "mean_iou": mean} for mean in (0.5, 0.49, None))
    assert [state("stable", "stability", share) for share in shares] == ["holds", "fails", "undecided"]

    def cells(near: int, far: int) -> dict[str, Any]:
        inapplicable = {**interval(None), "why": "no"}
        return {"cells": [interval(1.1)] * near + [interval(0.3)] * far + [inapplicable]}

    settings = (cells(8, 2), cells(7, 3), cells(4, 6))
    assert [state("robust", "robustness", one) for one in settings] == ["holds", "undecided", "fails"]

    def split(*held_out: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {"difference": "other prompts", "held_out": one, "in_sample": interval(1.0)} for one in held_out
        ]
        return {"edges": 9, "splits": rows}

    good, unsure, bad = interval(1.0, 0.9, 1.1), interval(0.8, 0.7, 0.9), interval(0.5, 0.4, 0.6)
    for splits, expected in (((good,), "holds"), ((good, unsure), "undecided"), ((unsure, bad), "fails")):
        assert state("generalises", "generalisation", split(*splits)) == expected
    worst = verdict(verdict_card(document(generalisation=split(good, bad, unsure))), "generalises")
    assert worst.number == "0.50 [0.40, 0.60]"
    rivals = {"found": 0, "edges": 9, "core": [], "iou": [[1.0]]}
    assert state("unique", "rivals", rivals) == "holds"
    card = verdict_card(document(rivals={**rivals, "evaluations": 60}))
    assert "found none in 60 evaluations" in verdict(card, "unique").sentence
    assert state("unique", "rivals", {**rivals, "found": 1, "iou": [[1.0, 0.2], [0.2, 1.0]]}) == "fails"


def test_a_card_counts_in_the_singular_and_the_plural() -> None:
    node = {"value": 0.5, "change": {"value": 0.5, "low": 0.4, "high": 0.6}}
    for number, ending in ((1, ""), (2, "s")):
        card = verdict_card(document(
            completeness={"worst": {"gap": 0.1}, "sets": [{"gap": 0.1}] * number}, minimality={"nodes": [node] * number}
        ))  # fmt: skip
        assert verdict(card, "complete").sentence.endswith(f" {number} set{ending} of nodes.")
        assert verdict(card, "minimal").sentence.startswith(f"Of {number} node{ending}, removing")
    assert card.summary == "2 hold, 7 not measured"


def test_only_finished_measures_of_the_circuit_as_it_is_count() -> None:
    made = document(stability={"edges": {}, "resamples": 10, "mean_iou": 0.9})
    assert verdict(verdict_card(made), "stable").state == "holds"
    assert "stability" not in verdict_card(made).missing_measures
    node = made.state.circuit.node_names[1]
    made.apply_command(toggle_ablation({node}))
    stale = verdict(verdict_card(made), "stable")
    assert (stale.state, stale.sentence) == ("not measured", "measured before the circuit changed")
    assert "stability" in verdict_card(made).missing_measures
    partial = document()
    partial.store_measure(
        "rivals", {"key": partial.state.measurement_key, "options": {}, "done": False, "result": {}}
    )
    assert verdict(verdict_card(partial), "unique").sentence == "not finished"


def test_what_cannot_be_measured_is_not_asked_for() -> None:
    whole = document()
    bare = Document(State(ORIGIN, None, whole.state.circuit))
    for name in ("stable", "generalises", "unique"):
        assert verdict(verdict_card(bare), name).state == "not applicable"
    imported = Document(replace(whole.state, scores=replace(SCORES, method="imported")))
    assert verdict(verdict_card(imported), "stable").state == "not applicable"
    assert "rivals" in verdict_card(imported).missing_measures
    assert {"random", "completeness", "task"} <= set(verdict_card(bare).missing_measures)


def test_the_card_is_text_and_data() -> None:
    made = document(stability={"edges": {}, "resamples": 10, "mean_iou": 0.9})
    card = verdict_card(made)
    assert card.summary == "1 holds, 8 not measured"
    lines = card.text.splitlines()
    assert "✓ holds" in next(line for line in lines if "Stable" in line)
    assert lines[-1].startswith("Circuits found on 10 resamples")
    (data,) = (one for one in card.as_dict()["verdicts"] if one["name"] == "stable")
    assert data["state"] == "holds" and data["number"] == "IoU 0.90"


@pytest.mark.parametrize("accuracy, expected", [(0.9, "holds"), (0.5, "fails")])
def test_the_task_is_judged_by_the_check_before_the_search(accuracy: float, expected: str) -> None:
    check = {
        "model": "demo", "task": "ioi", "metric": "logit-diff", "prompts": 8, "two_sided": True, "chance": 0.5,
        "accuracy": interval(accuracy, accuracy - 0.1, accuracy), "corrupted_accuracy": interval(0.5),
        "clean": interval(1.0), "corrupted": interval(0.0), "difference": interval(1.0, 0.5, 1.5),
    }  # fmt: skip
    checked = replace(SCORES, info={"task_check": check})
    made = Document(State(ORIGIN, checked, checked.greedy(9)))
    assert verdict(verdict_card(made), "task").state == expected
    assert state("task", "task", check) == expected
