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

from circuitviz.document import (
    Document,
    Label,
    PromptOrigin,
    State,
    TaskOrigin,
    group_nodes,
    move_nodes,
    select_edges,
    set_filters,
    set_label,
    toggle_ablation,
)
from circuitviz.document.attribution_query import HIERARCHICAL_ATTRIBUTION, AttributionQuery
from circuitviz.document.origin import SAME_MODEL
from circuitviz.document.view_filters import ViewFilters
from circuitviz.graph import Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.jobs import JobHandle
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, SearchResult
from circuitviz.workbench.requests.discover_prompt_circuit import PromptSearchResult
from circuitviz.workbench.requests.messages import JobFailed, ModelReady, Request, WorkerIdle
from circuitviz.workspace.workspace import Workspace

SHAPE = ModelShape(2, 4, 16)
GRAPH = Graph.transformer(SHAPE)
WHERE = TaskOrigin(
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
        set_filters(ViewFilters(most=30)),
        toggle_ablation([heads[0]]),
    ):
        document.apply_command(command)
    document.store_evaluation(document.state.measurement_key, NUMBERS)
    document.curve = list(POINTS)
    for name in ("stability", "roles", "traces"):
        document.store_measure(name, {"key": "x", "options": {}, "result": {}, "done": True})
    document.extra["imported"] = {"file": "theirs.json"}
    if path is not None:
        document.mark_saved(path)
    return document


def on_the_desk(desk: Workspace) -> set[str]:
    """What there is to see."""
    document, state = desk.document, desk.state
    there = {
        "path": document.path,
        "labels": state.labels,
        "groups": state.groups,
        "pins": state.positions,
        "filters": not state.filters.shows_everything,
        "ablated": state.ablated_nodes,
        "aside": state.detached,
        "number": document.evaluation,
        "curve": document.curve,
        "tried": document.current_history,
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
def desk(qtbot: QtBot, tmp_path: Path) -> Workspace:
    """A desk whose worker is not there: its replies are given by the test."""
    made = Workspace()
    made.asked = []  # type: ignore[attr-defined]

    def submit(request: Request) -> JobHandle:
        made.asked.append(request)  # type: ignore[attr-defined]
        return JobHandle(request, lambda: None)

    made.worker.submit = submit  # type: ignore[method-assign]
    made.set_document(worked_on(tmp_path / "mine.circuit"))
    made.opened_model = ModelReady("demo", "cpu", "ioi", "logit-diff", "corrupted", ("a b",), GRAPH.n_edges)
    return made


def found(where: TaskOrigin, **more: Any) -> SearchResult:
    scores = scores_of(7, "acdc", more.get("partial", False))
    return SearchResult(scores, scores.greedy(30), where, **{"partial": False, **more})


def search(desk: Workspace, where: TaskOrigin) -> None:
    """Ask for it, as a person does."""
    assert desk.start_discovery(DiscoverCircuit.from_origin(where, "cpu"))


def same(desk: Workspace) -> None:
    search(desk, WHERE)
    desk._handle_reply(found(replace(WHERE, method="acdc", prompts=8, task_hash="ef" * 32)))


def other_task(desk: Workspace) -> None:
    where = replace(WHERE, task="sva", task_hash="ef" * 32)
    search(desk, where)
    desk._handle_reply(found(where))


def other_model(desk: Workspace) -> None:
    where = replace(WHERE, model="gpt2", weight_hash="ef" * 32)
    search(desk, where)
    desk._handle_reply(found(where))


def features_of_a_prompt(desk: Workspace) -> None:
    nodes = (
        Node("m0.f3@1", NodeKind.FEATURE, 0, site="m", position=1, feature=3),
        Node("logit.4@1", NodeKind.LOGITS, position=1, token=4),
    )
    graph = Graph.of_nodes(SHAPE, nodes, np.array([[False, True]]))
    scores = Scores(graph, graph.mask * 1.0, HIERARCHICAL_ATTRIBUTION)
    where = PromptOrigin(AttributionQuery(WHERE.model, "a b", "logit.4@1"), WHERE.weight_hash)
    desk.search_controller.begin_search(SAME_MODEL)
    desk.prompt_circuits.on_answer(PromptSearchResult(scores, scores.top(1), where))


def opening(desk: Workspace) -> None:
    scores = scores_of(3)
    desk.set_document(Document(State(WHERE, scores, scores.greedy(20))))


def partial_on_the_screen(desk: Workspace) -> None:
    search(desk, replace(WHERE, model="gpt2"))
    desk._handle_reply(found(replace(WHERE, model="gpt2", weight_hash="ef" * 32), partial=True))


def partial_of_the_same(desk: Workspace) -> None:
    search(desk, WHERE)
    desk._handle_reply(found(WHERE, partial=True))


def cancelled(desk: Workspace) -> None:
    partial_on_the_screen(desk)
    where = replace(WHERE, model="gpt2", weight_hash="ef" * 32)
    desk._handle_reply(found(where, partial=True, cancelled=True, last_step="9 of 90 edges examined"))
    desk._handle_reply(WorkerIdle())


def failing(desk: Workspace) -> None:
    partial_on_the_screen(desk)
    desk._handle_reply(JobFailed("no", "no", request=DiscoverCircuit.from_origin(WHERE, "cpu")))
    desk._handle_reply(WorkerIdle())


def ended_with_nothing(desk: Workspace) -> None:
    partial_on_the_screen(desk)
    desk._handle_reply(WorkerIdle())


def shown_after_cancelling(desk: Workspace) -> None:
    cancelled(desk)
    desk.search_controller.accept_offer()


def another_size(desk: Workspace) -> None:
    scores = desk.document.state.scores
    assert scores is not None
    desk.apply_command(select_edges(scores.greedy(25), "greedy", 25))


EVENTS: dict[Callable[[Workspace], None], tuple[set[str], bool]] = {
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
def test_what_is_on_the_desk_after_a_circuit_was_replaced(
    desk: Workspace, event: Callable[[Workspace], None]
) -> None:
    after, back = EVENTS[event]
    mine, state = desk.document, desk.document.state
    assert on_the_desk(desk) == ALL and not mine.is_dirty
    event(desk)
    assert on_the_desk(desk) == after
    assert desk.undo_stack.canUndo() == back
    assert desk.user_document is mine or desk.user_document.path is None
    if event is not another_size:
        assert desk.user_document is mine or event is opening or desk.user_document.is_dirty
    if back:
        redone = desk.document.state
        desk.undo_stack.undo()
        assert desk.document is mine and mine.state is state and on_the_desk(desk) == ALL
        assert not mine.is_dirty and mine.is_path_of_same_subject
        desk.undo_stack.redo()
        assert desk.document.state is redone and on_the_desk(desk) == after
    elif event is not opening:
        desk._handle_reply(WorkerIdle())
        assert desk.document is mine and mine.state is state and on_the_desk(desk) == ALL


@pytest.mark.parametrize("event", [same, other_task, other_model, features_of_a_prompt, cancelled])
@pytest.mark.parametrize("answer", [True, False])
def test_unsaved_work_is_asked_about_unless_the_new_circuit_takes_it_along(
    desk: Workspace, event: Callable[[Workspace], None], answer: bool
) -> None:
    asked: list[bool] = []

    def may_replace() -> bool:
        asked.append(answer)
        return answer

    desk.search_controller.confirm_replace = may_replace
    desk.apply_command(set_label("a0.h0", Label("Induction")))
    mine, before = desk.document, desk.document.state
    if answer or event is same:
        event(desk)
        assert asked == ([] if event is same else [True])
    else:
        assert not desk.start_discovery(DiscoverCircuit.from_origin(replace(WHERE, task="sva"), "cpu"))
        assert asked == [False] and not desk.search_controller.is_running
    if answer and event is not cancelled:
        desk.undo_stack.undo()
    if event is same and not answer:
        assert desk.state.labels["a0.h0"].text == "Induction" and desk.document.would_lose_work()
        desk.undo_stack.undo()
    assert desk.document is mine and mine.state is before and mine.is_dirty


def test_work_that_came_while_a_search_ran_is_not_replaced_unasked(desk: Workspace) -> None:
    where = replace(WHERE, task="sva", task_hash="ef" * 32)
    search(desk, where)
    desk.apply_command(set_label("a0.h0", Label("Induction")))
    mine = desk.document
    desk._handle_reply(found(where))
    assert desk.document is mine and desk.state.labels["a0.h0"].text == "Induction"
    offer = desk.search_controller.pending_offer
    assert offer is not None and "sva" in offer.message
    answers = [False, True]
    desk.search_controller.confirm_replace = lambda: answers.pop(0)
    desk.search_controller.accept_offer()
    assert desk.document is mine and desk.search_controller.pending_offer is offer
    desk.search_controller.accept_offer()
    assert desk.document is not mine and desk.state.origin.task == "sva" and not desk.state.labels
    assert desk.search_controller.pending_offer is None
    desk.undo_stack.undo()
    assert desk.document is mine


def test_nothing_is_changed_while_a_partial_result_is_on_the_screen(desk: Workspace) -> None:
    mine, before = desk.document, desk.document.state
    partial_on_the_screen(desk)
    desk.apply_command(set_label("a0.h0", Label("lost?")))
    assert not desk.state.labels and not desk.undo_stack.canUndo()
    desk._handle_reply(found(replace(WHERE, model="gpt2", weight_hash="ef" * 32), partial=True))
    assert desk.user_document is mine and mine.state is before and desk.document is not mine
    desk._handle_reply(found(replace(WHERE, model="gpt2", weight_hash="ef" * 32)))
    assert desk.partial_result is None and desk.document is desk.user_document is not mine


def test_an_example_is_no_unsaved_work_and_a_search_is(desk: Workspace) -> None:
    desk.set_document(Document())
    assert desk.start_discovery(DiscoverCircuit.from_origin(WHERE, "cpu"), is_example=True)
    desk._handle_reply(found(WHERE))
    assert not desk.document.is_dirty and not desk.document.would_lose_work()
    desk.apply_command(set_label("a0.h0", Label("x")))
    assert desk.document.is_dirty and desk.document.would_lose_work()
    desk.undo_stack.undo()
    assert not desk.document.is_dirty

    search(desk, WHERE)
    desk._handle_reply(found(WHERE))
    assert (
        desk.document.is_dirty and not desk.document.would_lose_work()
    )  # closing asks, another search does not
    search(desk, WHERE)
    desk._handle_reply(found(replace(WHERE, seconds=600.0)))
    assert desk.document.is_dirty and desk.document.would_lose_work()  # ten minutes' work


def test_traces_go_along_with_every_circuit_of_their_model_and_need_no_question(desk: Workspace) -> None:
    asked: list[int] = []
    desk.search_controller.confirm_replace = lambda: bool(asked.append(1))
    where = replace(WHERE, task="sva", task_hash="ef" * 32)
    for name, questions in (("traces", 0), ("stability", 1)):
        desk.document.store_measure(name, {"key": "x", "options": {}, "result": {"new": 1}, "done": True})
        assert (desk.start_discovery(DiscoverCircuit.from_origin(where, "cpu")) is None) == bool(
            questions
        ) and len(asked) == questions
    assert not desk.start_discovery(DiscoverCircuit.from_origin(replace(where, model="gpt2"), "cpu"))
    desk.set_document(Document(State(WHERE, scores_of(0), scores_of(0).greedy(40))))
    desk.document.store_measure("traces", {"key": "x", "options": {}, "result": {"new": 1}, "done": True})
    desk.start_discovery(DiscoverCircuit.from_origin(where, "cpu"))
    desk._handle_reply(found(where))
    assert desk.document.measures["traces"]["result"] == {"new": 1} and desk.document.would_lose_work()


def test_a_search_that_ended_early_replaces_an_empty_desk_alone(desk: Workspace) -> None:
    desk.set_document(Document())
    search(desk, WHERE)
    desk._handle_reply(found(WHERE, partial=True, cancelled=True, last_step="9 of 90 edges examined"))
    assert (
        desk.state.circuit is not None
        and desk.state.scores.partial
        and desk.search_controller.pending_offer is None
    )
    desk.undo_stack.undo()
    assert desk.state.circuit is None
