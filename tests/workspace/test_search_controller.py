"""What replaces a circuit, and what becomes of everything that belonged to it.

Nothing that a person made is lost, and nothing of one circuit is shown on another: the table below says for
each event what is in the workspace afterwards. One step of undo brings all of it back.
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


def in_the_workspace(workspace: Workspace) -> set[str]:
    """What there is to see."""
    document, state = workspace.document, workspace.state
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
def workspace(qtbot: QtBot, tmp_path: Path) -> Workspace:
    """A workspace whose worker does not run: its replies are given by the test."""
    made = Workspace()
    made.asked = []  # type: ignore[attr-defined]

    def submit(request: Request, *_: object, **__: object) -> JobHandle:
        made.asked.append(request)  # type: ignore[attr-defined]
        return JobHandle(request, lambda: None)

    made.worker.submit = submit  # type: ignore[method-assign]
    made.set_document(worked_on(tmp_path / "mine.circuit"))
    made.opened_model = ModelReady("demo", "cpu", "ioi", "logit-diff", "corrupted", ("a b",), GRAPH.n_edges)
    return made


def found(where: TaskOrigin, **more: Any) -> SearchResult:
    scores = scores_of(7, "acdc", more.get("partial", False))
    return SearchResult(scores, scores.greedy(30), where, **{"partial": False, **more})


def search(workspace: Workspace, where: TaskOrigin) -> None:
    """Ask for it, as a person does."""
    assert workspace.start_discovery(DiscoverCircuit.from_origin(where, "cpu"))


def same(workspace: Workspace) -> None:
    search(workspace, WHERE)
    workspace._handle_reply(found(replace(WHERE, method="acdc", prompts=8, task_hash="ef" * 32)))


def other_task(workspace: Workspace) -> None:
    where = replace(WHERE, task="sva", task_hash="ef" * 32)
    search(workspace, where)
    workspace._handle_reply(found(where))


def other_model(workspace: Workspace) -> None:
    where = replace(WHERE, model="gpt2", weight_hash="ef" * 32)
    search(workspace, where)
    workspace._handle_reply(found(where))


def features_of_a_prompt(workspace: Workspace) -> None:
    nodes = (
        Node("m0.f3@1", NodeKind.FEATURE, 0, site="m", position=1, feature=3),
        Node("logit.4@1", NodeKind.LOGITS, position=1, token=4),
    )
    graph = Graph.of_nodes(SHAPE, nodes, np.array([[False, True]]))
    scores = Scores(graph, graph.mask * 1.0, HIERARCHICAL_ATTRIBUTION)
    where = PromptOrigin(AttributionQuery(WHERE.model, "a b", "logit.4@1"), WHERE.weight_hash)
    workspace.search_controller.begin_search(SAME_MODEL)
    workspace.prompt_circuits.on_answer(PromptSearchResult(scores, scores.top(1), where))


def opening(workspace: Workspace) -> None:
    scores = scores_of(3)
    workspace.set_document(Document(State(WHERE, scores, scores.greedy(20))))


def partial_on_the_screen(workspace: Workspace) -> None:
    search(workspace, replace(WHERE, model="gpt2"))
    workspace._handle_reply(found(replace(WHERE, model="gpt2", weight_hash="ef" * 32), partial=True))


def partial_of_the_same(workspace: Workspace) -> None:
    search(workspace, WHERE)
    workspace._handle_reply(found(WHERE, partial=True))


def cancelled(workspace: Workspace) -> None:
    partial_on_the_screen(workspace)
    where = replace(WHERE, model="gpt2", weight_hash="ef" * 32)
    workspace._handle_reply(found(where, partial=True, cancelled=True, last_step="9 of 90 edges examined"))
    workspace._handle_reply(WorkerIdle())


def failing(workspace: Workspace) -> None:
    partial_on_the_screen(workspace)
    workspace._handle_reply(JobFailed("no", "no", request=DiscoverCircuit.from_origin(WHERE, "cpu")))
    workspace._handle_reply(WorkerIdle())


def ended_with_nothing(workspace: Workspace) -> None:
    partial_on_the_screen(workspace)
    workspace._handle_reply(WorkerIdle())


def shown_after_cancelling(workspace: Workspace) -> None:
    cancelled(workspace)
    workspace.search_controller.accept_offer()


def another_size(workspace: Workspace) -> None:
    scores = workspace.document.state.scores
    assert scores is not None
    workspace.apply_command(select_edges(scores.greedy(25), "greedy", 25))


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
def test_what_is_in_the_workspace_after_a_circuit_was_replaced(
    workspace: Workspace, event: Callable[[Workspace], None]
) -> None:
    after, back = EVENTS[event]
    mine, state = workspace.document, workspace.document.state
    assert in_the_workspace(workspace) == ALL and not mine.is_dirty
    event(workspace)
    assert in_the_workspace(workspace) == after
    assert workspace.undo_stack.canUndo() == back
    assert workspace.user_document is mine or workspace.user_document.path is None
    if event is not another_size:
        assert workspace.user_document is mine or event is opening or workspace.user_document.is_dirty
    if back:
        redone = workspace.document.state
        workspace.undo_stack.undo()
        assert workspace.document is mine and mine.state is state and in_the_workspace(workspace) == ALL
        assert not mine.is_dirty and mine.is_path_of_same_subject
        workspace.undo_stack.redo()
        assert workspace.document.state is redone and in_the_workspace(workspace) == after
    elif event is not opening:
        workspace._handle_reply(WorkerIdle())
        assert workspace.document is mine and mine.state is state and in_the_workspace(workspace) == ALL


@pytest.mark.parametrize("event", [same, other_task, other_model, features_of_a_prompt, cancelled])
@pytest.mark.parametrize("answer", [True, False])
def test_unsaved_work_is_asked_about_unless_the_new_circuit_takes_it_along(
    workspace: Workspace, event: Callable[[Workspace], None], answer: bool
) -> None:
    asked: list[bool] = []

    def may_replace() -> bool:
        asked.append(answer)
        return answer

    workspace.search_controller.confirm_replace = may_replace
    workspace.apply_command(set_label("a0.h0", Label("Induction")))
    mine, before = workspace.document, workspace.document.state
    if answer or event is same:
        event(workspace)
        assert asked == ([] if event is same else [True])
    else:
        assert not workspace.start_discovery(DiscoverCircuit.from_origin(replace(WHERE, task="sva"), "cpu"))
        assert asked == [False] and not workspace.search_controller.is_running
    if answer and event is not cancelled:
        workspace.undo_stack.undo()
    if event is same and not answer:
        assert workspace.state.labels["a0.h0"].text == "Induction" and workspace.document.would_lose_work()
        workspace.undo_stack.undo()
    assert workspace.document is mine and mine.state is before and mine.is_dirty


def test_work_that_came_while_a_search_ran_is_not_replaced_unasked(workspace: Workspace) -> None:
    where = replace(WHERE, task="sva", task_hash="ef" * 32)
    search(workspace, where)
    workspace.apply_command(set_label("a0.h0", Label("Induction")))
    mine = workspace.document
    workspace._handle_reply(found(where))
    assert workspace.document is mine and workspace.state.labels["a0.h0"].text == "Induction"
    offer = workspace.search_controller.pending_offer
    assert offer is not None and "sva" in offer.message
    answers = [False, True]
    workspace.search_controller.confirm_replace = lambda: answers.pop(0)
    workspace.search_controller.accept_offer()
    assert workspace.document is mine and workspace.search_controller.pending_offer is offer
    workspace.search_controller.accept_offer()
    assert (
        workspace.document is not mine and workspace.state.origin.task == "sva" and not workspace.state.labels
    )
    assert workspace.search_controller.pending_offer is None
    workspace.undo_stack.undo()
    assert workspace.document is mine


def test_nothing_is_changed_while_a_partial_result_is_on_the_screen(workspace: Workspace) -> None:
    mine, before = workspace.document, workspace.document.state
    partial_on_the_screen(workspace)
    workspace.apply_command(set_label("a0.h0", Label("lost?")))
    assert not workspace.state.labels and not workspace.undo_stack.canUndo()
    workspace._handle_reply(found(replace(WHERE, model="gpt2", weight_hash="ef" * 32), partial=True))
    assert workspace.user_document is mine and mine.state is before and workspace.document is not mine
    workspace._handle_reply(found(replace(WHERE, model="gpt2", weight_hash="ef" * 32)))
    assert workspace.partial_result is None and workspace.document is workspace.user_document is not mine


def test_an_example_is_no_unsaved_work_and_a_search_is(workspace: Workspace) -> None:
    workspace.set_document(Document())
    assert workspace.start_discovery(DiscoverCircuit.from_origin(WHERE, "cpu"), is_example=True)
    workspace._handle_reply(found(WHERE))
    assert not workspace.document.is_dirty and not workspace.document.would_lose_work()
    workspace.apply_command(set_label("a0.h0", Label("x")))
    assert workspace.document.is_dirty and workspace.document.would_lose_work()
    workspace.undo_stack.undo()
    assert not workspace.document.is_dirty

    search(workspace, WHERE)
    workspace._handle_reply(found(WHERE))
    assert (
        workspace.document.is_dirty and not workspace.document.would_lose_work()
    )  # closing asks, another search does not
    search(workspace, WHERE)
    workspace._handle_reply(found(replace(WHERE, seconds=600.0)))
    assert workspace.document.is_dirty and workspace.document.would_lose_work()  # ten minutes' work


def test_traces_go_along_with_every_circuit_of_their_model_and_need_no_question(workspace: Workspace) -> None:
    asked: list[int] = []
    workspace.search_controller.confirm_replace = lambda: bool(asked.append(1))
    where = replace(WHERE, task="sva", task_hash="ef" * 32)
    for name, questions in (("traces", 0), ("stability", 1)):
        workspace.document.store_measure(
            name, {"key": "x", "options": {}, "result": {"new": 1}, "done": True}
        )
        assert (workspace.start_discovery(DiscoverCircuit.from_origin(where, "cpu")) is None) == bool(
            questions
        ) and len(asked) == questions
    assert not workspace.start_discovery(DiscoverCircuit.from_origin(replace(where, model="gpt2"), "cpu"))
    workspace.set_document(Document(State(WHERE, scores_of(0), scores_of(0).greedy(40))))
    workspace.document.store_measure(
        "traces", {"key": "x", "options": {}, "result": {"new": 1}, "done": True}
    )
    workspace.start_discovery(DiscoverCircuit.from_origin(where, "cpu"))
    workspace._handle_reply(found(where))
    assert (
        workspace.document.measures["traces"]["result"] == {"new": 1} and workspace.document.would_lose_work()
    )


def test_a_search_that_ended_early_replaces_an_empty_desk_alone(workspace: Workspace) -> None:
    workspace.set_document(Document())
    search(workspace, WHERE)
    workspace._handle_reply(found(WHERE, partial=True, cancelled=True, last_step="9 of 90 edges examined"))
    assert (
        workspace.state.circuit is not None
        and workspace.state.scores.partial
        and workspace.search_controller.pending_offer is None
    )
    workspace.undo_stack.undo()
    assert workspace.state.circuit is None
