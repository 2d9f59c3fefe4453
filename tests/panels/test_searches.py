"""What replaces a circuit, and what becomes of everything that belonged to it.

Nothing that a person made is lost, and nothing of one circuit is shown on another: the table below says for
each event what is on the desk afterwards. One step of undo brings all of it back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from circuitviz.graph import Graph, Kind, Node, Scores, Shape
from circuitviz.jobs import Answered, Failed, Find, Found, Idle
from circuitviz.jobs.messages import Ready
from circuitviz.panels import Desk
from circuitviz.session import (
    Document,
    Label,
    Provenance,
    State,
    choose_edges,
    filter_view,
    group_nodes,
    move_nodes,
    set_label,
    toggle_ablation,
)
from circuitviz.session.question import HIERARCHICAL, SAME_MODEL, TASK
from circuitviz.session.sight import Sight

SHAPE = Shape(2, 4, 16)
GRAPH = Graph.transformer(SHAPE)
WHERE = Provenance(
    "demo", "ab" * 32, "ioi", "cd" * 32, (("a b", "a c", (" b",), (" c",)),), "logit-diff", "corrupted", "eap",
    options={}, prompts=1, bos=True,
)  # fmt: skip
PLACES = {"a1.h2": (3.0, 4.0)}
POINTS = [{"asked": 40, "edges": 40, "value": 0.5, "low": 0.4, "high": 0.6}]
METRIC = {"circuit": 0.5, "model": 1.0, "ablated": 0.0}
NUMBERS = {"faithfulness": {"value": 0.5, "low": None, "high": None}, "metric": METRIC, "edges": 40}


def scores_of(seed: int, method: str = "eap", partial: bool = False) -> Scores:
    values = np.random.default_rng(seed).normal(size=GRAPH.mask.shape)
    return Scores(GRAPH, values, method, partial=partial)


def worked_on(path: Path | None) -> Document:
    """A document that holds something of every kind."""
    scores = scores_of(0)
    document = Document(State(WHERE, scores, scores.greedy(40)), path)
    names = document.state.circuit.node_names  # type: ignore[union-attr]
    heads = [name for name in names if "h" in name and name.startswith("a")]
    for command in (
        set_label("a1.h2", Label("Name Mover", note="mine")),
        group_nodes("Late", heads[:2]),
        move_nodes(PLACES),
        filter_view(Sight(most=30)),
        toggle_ablation([heads[0]]),
    ):
        document.do(command)
    document.remember(document.state.measured, NUMBERS)
    document.curve = list(POINTS)
    for name in ("stability", "roles", "traces"):
        document.keep_measure(name, {"key": "x", "options": {}, "result": {}, "done": True})
    document.extra["imported"] = {"file": "theirs.json"}
    if path is not None:
        document.mark_saved(path)
    return document


def on_the_desk(desk: Desk) -> set[str]:
    """What there is to see."""
    document, state = desk.document, desk.state
    there = {
        "path": document.path,
        "labels": state.labels,
        "groups": state.groups,
        "pins": state.positions,
        "filters": not state.sight.open,
        "ablated": state.ablated_nodes,
        "aside": state.aside,
        "number": document.evaluation,
        "curve": document.curve,
        "tried": document.tried,
        "imported": document.extra,
        **document.measures,
    }
    return {name for name, what in there.items() if what}


ALL = {
    "path", "labels", "groups", "pins", "filters", "ablated", "number", "curve", "tried", "imported",
    "stability", "roles", "traces",
}  # fmt: skip
OF_PARTS = {"labels", "groups", "pins", "filters", "roles", "traces"}
"""What holds for every circuit of the same model and task: said of parts of the model, measured of all heads."""
OF_THE_MODEL = {"traces"}  # of a feature in many texts; they name what they are of


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Desk:
    """A desk whose worker is not there: its replies are given by the test."""
    made = Desk()
    made.asked = []  # type: ignore[attr-defined]
    made.worker.ask = made.asked.append  # type: ignore[attr-defined, method-assign]
    made.set_document(worked_on(tmp_path / "mine.circuit"))
    made.opened = Ready("demo", "cpu", "ioi", "logit-diff", "corrupted", ("a b",), GRAPH.n_edges)
    return made


def found(where: Provenance, **more: Any) -> Found:
    scores = scores_of(7, "acdc", more.get("partial", False))
    return Found(scores, scores.greedy(30), where, **{"partial": False, **more})


def search(desk: Desk, where: Provenance) -> None:
    """Ask for it, as a person does."""
    assert desk.find(Find.like(where, "cpu"))


def same(desk: Desk) -> None:
    search(desk, WHERE)
    desk._reply(found(replace(WHERE, method="acdc", prompts=8, task_hash="ef" * 32)))


def other_task(desk: Desk) -> None:
    where = replace(WHERE, task="sva", task_hash="ef" * 32)
    search(desk, where)
    desk._reply(found(where))


def other_model(desk: Desk) -> None:
    where = replace(WHERE, model="gpt2", weight_hash="ef" * 32)
    search(desk, where)
    desk._reply(found(where))


def features_of_a_prompt(desk: Desk) -> None:
    nodes = (
        Node("m0.f3@1", Kind.FEATURE, 0, site="m", position=1, feature=3),
        Node("logit.4@1", Kind.LOGITS, position=1, token=4),
    )
    graph = Graph.of_nodes(SHAPE, nodes, np.array([[False, True]]))
    scores = Scores(graph, graph.mask * 1.0, HIERARCHICAL)
    where = replace(
        WHERE, task=TASK, pairs=(("a b", "", (), ()),), method=HIERARCHICAL, options={"target": "logit.4@1"}
    )
    desk.searches.begin(SAME_MODEL)
    desk._reply(Answered(scores, scores.top(1), where))


def opening(desk: Desk) -> None:
    scores = scores_of(3)
    desk.set_document(Document(State(WHERE, scores, scores.greedy(20))))


def partial_on_the_screen(desk: Desk) -> None:
    search(desk, replace(WHERE, model="gpt2"))
    desk._reply(found(replace(WHERE, model="gpt2", weight_hash="ef" * 32), partial=True))


def partial_of_the_same(desk: Desk) -> None:
    search(desk, WHERE)
    desk._reply(found(WHERE, partial=True))


def cancelled(desk: Desk) -> None:
    partial_on_the_screen(desk)
    where = replace(WHERE, model="gpt2", weight_hash="ef" * 32)
    desk._reply(found(where, partial=True, cancelled=True, reached="9 of 90 edges examined"))
    desk._reply(Idle())


def failing(desk: Desk) -> None:
    partial_on_the_screen(desk)
    desk._reply(Failed("no", "no", request=Find.like(WHERE, "cpu")))
    desk._reply(Idle())


def ended_with_nothing(desk: Desk) -> None:
    partial_on_the_screen(desk)
    desk._reply(Idle())


def shown_after_cancelling(desk: Desk) -> None:
    cancelled(desk)
    desk.searches.accept()


def another_size(desk: Desk) -> None:
    scores = desk.document.state.scores
    assert scores is not None
    desk.do(choose_edges(scores.greedy(25), "greedy", 25))


EVENTS: dict[Callable[[Desk], None], tuple[set[str], bool]] = {
    # what is there afterwards; whether one step of undo leads back
    same: (OF_PARTS, True),
    other_task: (OF_THE_MODEL, True),
    other_model: (set(), True),
    features_of_a_prompt: (OF_THE_MODEL, True),
    shown_after_cancelling: (set(), True),
    another_size: (ALL - {"number"} - {"tried"} | {"ablated"}, True),
    opening: (set(), False),
    partial_on_the_screen: (set(), False),
    partial_of_the_same: (OF_PARTS, False),
    cancelled: (ALL, False),
    failing: (ALL, False),
    ended_with_nothing: (ALL, False),
}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_what_is_on_the_desk_after_a_circuit_was_replaced(desk: Desk, event: Callable[[Desk], None]) -> None:
    after, back = EVENTS[event]
    mine, state = desk.document, desk.document.state
    assert on_the_desk(desk) == ALL and not mine.dirty
    event(desk)
    assert on_the_desk(desk) == after
    assert desk.undo.canUndo() == back
    assert desk.own is mine or desk.own.path is None
    if event is not another_size:
        assert desk.own is mine or event is opening or desk.own.dirty
    if back:
        redone = desk.document.state
        desk.undo.undo()
        assert desk.document is mine and mine.state is state and on_the_desk(desk) == ALL
        assert not mine.dirty and mine.path_is_its_own
        desk.undo.redo()
        assert desk.document.state is redone and on_the_desk(desk) == after
    elif event is not opening:
        desk._reply(Idle())
        assert desk.document is mine and mine.state is state and on_the_desk(desk) == ALL


@pytest.mark.parametrize("event", [same, other_task, other_model, features_of_a_prompt, cancelled])
@pytest.mark.parametrize("answer", [True, False])
def test_unsaved_work_is_asked_about_unless_the_new_circuit_takes_it_along(
    desk: Desk, event: Callable[[Desk], None], answer: bool
) -> None:
    asked: list[bool] = []

    def may_replace() -> bool:
        asked.append(answer)
        return answer

    desk.searches.may_replace = may_replace
    desk.do(set_label("a0.h0", Label("Induction")))
    mine, before = desk.document, desk.document.state
    if answer or event is same:
        event(desk)
        assert asked == ([] if event is same else [True])
    else:
        assert not desk.find(Find.like(replace(WHERE, task="sva"), "cpu"))
        assert asked == [False] and not desk.searches.under_way
    if answer and event is not cancelled:
        desk.undo.undo()
    if event is same and not answer:
        assert desk.state.labels["a0.h0"].text == "Induction" and desk.document.leaves_behind()
        desk.undo.undo()
    assert desk.document is mine and mine.state is before and mine.dirty


def test_work_that_came_while_a_search_ran_is_not_replaced_unasked(desk: Desk) -> None:
    where = replace(WHERE, task="sva", task_hash="ef" * 32)
    search(desk, where)
    desk.do(set_label("a0.h0", Label("Induction")))
    mine = desk.document
    desk._reply(found(where))
    assert desk.document is mine and desk.state.labels["a0.h0"].text == "Induction"
    offer = desk.searches.offer
    assert offer is not None and "sva" in offer.text
    answers = [False, True]
    desk.searches.may_replace = lambda: answers.pop(0)
    desk.searches.accept()
    assert desk.document is mine and desk.searches.offer is offer
    desk.searches.accept()
    assert desk.document is not mine and desk.state.provenance.task == "sva" and not desk.state.labels
    assert desk.searches.offer is None
    desk.undo.undo()
    assert desk.document is mine


def test_nothing_is_changed_while_a_partial_result_is_on_the_screen(desk: Desk) -> None:
    mine, before = desk.document, desk.document.state
    partial_on_the_screen(desk)
    desk.do(set_label("a0.h0", Label("lost?")))
    assert not desk.state.labels and not desk.undo.canUndo()
    desk._reply(found(replace(WHERE, model="gpt2", weight_hash="ef" * 32), partial=True))
    assert desk.own is mine and mine.state is before and desk.document is not mine
    desk._reply(found(replace(WHERE, model="gpt2", weight_hash="ef" * 32)))
    assert desk.preview is None and desk.document is desk.own is not mine


def test_an_example_is_no_unsaved_work_and_a_search_is(desk: Desk) -> None:
    desk.set_document(Document())
    assert desk.find(Find.like(WHERE, "cpu"), example=True)
    desk._reply(found(WHERE))
    assert not desk.document.dirty and not desk.document.leaves_behind()
    desk.do(set_label("a0.h0", Label("x")))
    assert desk.document.dirty and desk.document.leaves_behind()
    desk.undo.undo()
    assert not desk.document.dirty

    search(desk, WHERE)
    desk._reply(found(WHERE))
    assert desk.document.dirty and not desk.document.leaves_behind()  # closing asks, another search does not
    search(desk, WHERE)
    desk._reply(found(replace(WHERE, seconds=600.0)))
    assert desk.document.dirty and desk.document.leaves_behind()  # ten minutes' work


def test_traces_go_along_with_every_circuit_of_their_model_and_need_no_question(desk: Desk) -> None:
    asked: list[int] = []
    desk.searches.may_replace = lambda: bool(asked.append(1))
    where = replace(WHERE, task="sva", task_hash="ef" * 32)
    for name, questions in (("traces", 0), ("stability", 1)):
        desk.document.keep_measure(name, {"key": "x", "options": {}, "result": {"new": 1}, "done": True})
        assert desk.find(Find.like(where, "cpu")) == (not questions) and len(asked) == questions
    assert not desk.find(Find.like(replace(where, model="gpt2"), "cpu"))
    desk.set_document(Document(State(WHERE, scores_of(0), scores_of(0).greedy(40))))
    desk.document.keep_measure("traces", {"key": "x", "options": {}, "result": {"new": 1}, "done": True})
    desk.find(Find.like(where, "cpu"))
    desk._reply(found(where))
    assert desk.document.measures["traces"]["result"] == {"new": 1} and desk.document.leaves_behind()


def test_a_search_that_ended_early_replaces_an_empty_desk_alone(desk: Desk) -> None:
    desk.set_document(Document())
    search(desk, WHERE)
    desk._reply(found(WHERE, partial=True, cancelled=True, reached="9 of 90 edges examined"))
    assert desk.state.circuit is not None and desk.state.scores.partial and desk.searches.offer is None
    desk.undo.undo()
    assert desk.state.circuit is None
