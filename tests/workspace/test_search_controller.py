"""What a search puts into its tab, and what becomes of the circuit that was open before.

Nothing that a person made is lost, and nothing of one circuit is shown on another: the table below says for
each event what is in the workspace afterwards. The circuit from before is in its own tab, as it was.
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
from circuitviz.document.view_filters import ViewFilters
from circuitviz.graph import Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.jobs import JobHandle
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit, SearchResult
from circuitviz.workbench.requests.discover_prompt_circuit import PromptSearchResult
from circuitviz.workbench.requests.messages import JobFailed, ModelReady, Request
from circuitviz.workspace.search_queue import QueuedSearch
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


def search(workspace: Workspace, where: TaskOrigin, is_example: bool = False) -> QueuedSearch:
    """Ask for it, as a person does."""
    return workspace.start_discovery(DiscoverCircuit.from_origin(where, "cpu"), is_example)


def give(workspace: Workspace, search: QueuedSearch, result: SearchResult) -> None:
    """The worker's reply to a search, and its end where it is the last."""
    handle = workspace.search_queue.handle_of(search)
    handle.deliver(result)
    if result.cancelled:
        handle.end_cancelled()


def same(workspace: Workspace) -> None:
    give(
        workspace,
        search(workspace, WHERE),
        found(replace(WHERE, method="acdc", prompts=8, task_hash="ef" * 32)),
    )


def other_task(workspace: Workspace) -> None:
    where = replace(WHERE, task="sva", task_hash="ef" * 32)
    give(workspace, search(workspace, where), found(where))


def other_model(workspace: Workspace) -> None:
    give(workspace, search(workspace, OTHER_MODEL), found(OTHER_MODEL))


OTHER_MODEL = replace(WHERE, model="gpt2", weight_hash="ef" * 32)


def features_of_a_prompt(workspace: Workspace) -> None:
    nodes = (
        Node("m0.f3@1", NodeKind.FEATURE, 0, site="m", position=1, feature=3),
        Node("logit.4@1", NodeKind.LOGITS, position=1, token=4),
    )
    graph = Graph.of_nodes(SHAPE, nodes, np.array([[False, True]]))
    scores = Scores(graph, graph.mask * 1.0, HIERARCHICAL_ATTRIBUTION)
    query = AttributionQuery(WHERE.model, "a b", "logit.4@1")
    handle = workspace.prompt_circuits.submit_query(query)
    handle.deliver(PromptSearchResult(scores, scores.top(1), PromptOrigin(query, WHERE.weight_hash)))


def opening(workspace: Workspace) -> None:
    scores = scores_of(3)
    workspace.set_document(Document(State(WHERE, scores, scores.greedy(20))))


def partial_on_the_screen(workspace: Workspace) -> QueuedSearch:
    asked = search(workspace, OTHER_MODEL)
    give(workspace, asked, found(OTHER_MODEL, partial=True))
    return asked


def partial_of_the_same(workspace: Workspace) -> None:
    give(workspace, search(workspace, WHERE), found(WHERE, partial=True))


def cancelled(workspace: Workspace) -> None:
    asked = partial_on_the_screen(workspace)
    give(
        workspace, asked, found(OTHER_MODEL, partial=True, cancelled=True, last_step="9 of 90 edges examined")
    )


def failing(workspace: Workspace) -> None:
    asked = partial_on_the_screen(workspace)
    workspace.search_queue.handle_of(asked).deliver(JobFailed("no", "no", request=asked.request))


def ended_with_nothing(workspace: Workspace) -> None:
    workspace.search_queue.handle_of(partial_on_the_screen(workspace)).end_cancelled()


def another_size(workspace: Workspace) -> None:
    scores = workspace.document.state.scores
    assert scores is not None
    workspace.apply_command(select_edges(scores.greedy(25), "greedy", 25))


EVENTS: dict[Callable[[Workspace], Any], tuple[set[str], int]] = {
    # what is there afterwards; how many tabs there are
    same: (OF_PARTS, 2),
    other_task: (OF_THE_MODEL, 2),
    other_model: (set(), 2),
    features_of_a_prompt: (OF_THE_MODEL, 2),
    cancelled: (set(), 2),
    opening: (set(), 2),
    partial_on_the_screen: (set(), 2),
    partial_of_the_same: (OF_PARTS, 2),
    failing: (ALL, 1),
    ended_with_nothing: (ALL, 1),
    another_size: (ALL - {"number"} - {"tried"} | {"ablated"}, 1),
}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_what_is_in_the_workspace_after_another_circuit_has_come(
    workspace: Workspace, event: Callable[[Workspace], Any]
) -> None:
    after, n_tabs = EVENTS[event]
    mine, state, tab = workspace.document, workspace.document.state, workspace.tabs.front
    assert in_the_workspace(workspace) == ALL and not mine.is_dirty
    event(workspace)
    assert in_the_workspace(workspace) == after and len(workspace.tabs.tabs) == n_tabs
    if event is another_size:
        workspace.undo_stack.undo()
    if n_tabs == 1:
        assert workspace.tabs.front is tab
    else:
        assert workspace.user_document.path is None and not workspace.undo_stack.canUndo()
        workspace.tab_controller.show(tab)
    assert workspace.document is mine and mine.state is state and in_the_workspace(workspace) == ALL
    assert not mine.is_dirty and mine.is_path_of_same_subject


@pytest.mark.parametrize("event", [same, other_task, other_model, features_of_a_prompt, cancelled])
def test_a_result_goes_to_the_tab_that_asked_though_another_is_in_front(
    workspace: Workspace, event: Callable[[Workspace], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, tab, shown = workspace.document, workspace.tabs.front, []
    deliver = JobHandle.deliver

    def deliver_behind(handle: JobHandle, reply: Any) -> None:
        workspace.tab_controller.show(tab)
        shown.clear()
        deliver(handle, reply)

    monkeypatch.setattr(JobHandle, "deliver", deliver_behind)
    for signal in (workspace.document_opened, workspace.state_changed, workspace.document_shown):
        signal.connect(lambda: shown.append(workspace.document))
    workspace.apply_command(set_label("a0.h0", Label("Induction")))
    event(workspace)
    assert workspace.document is mine and not shown and workspace.undo_stack.count() == 1
    other = next(one for one in workspace.tabs.tabs if one is not tab)
    assert other.search is None and other.user_document.is_dirty
    assert ("a0.h0" in other.user_document.state.labels) == (event is same)  # what was said meanwhile, too
    workspace.tab_controller.show(other)
    assert in_the_workspace(workspace) == EVENTS[event][0]
    assert not workspace.undo_stack.canUndo()
    workspace.tab_controller.show(tab)
    workspace.undo_stack.undo()
    assert workspace.document is mine and not mine.is_dirty


def test_nothing_is_changed_while_a_partial_result_is_on_the_screen(workspace: Workspace) -> None:
    mine, before = workspace.document, workspace.document.state
    asked = partial_on_the_screen(workspace)
    workspace.apply_command(set_label("a0.h0", Label("lost?")))
    assert not workspace.state.labels and not workspace.undo_stack.canUndo()
    give(workspace, asked, found(OTHER_MODEL, partial=True))
    assert mine.state is before and workspace.document is not mine
    give(workspace, asked, found(OTHER_MODEL))
    assert workspace.partial_result is None and workspace.document is workspace.user_document is not mine


def test_an_example_is_no_unsaved_work_and_a_search_is(workspace: Workspace) -> None:
    give(workspace, search(workspace, WHERE, is_example=True), found(WHERE))
    assert not workspace.document.is_dirty and not workspace.tabs.front.has_unsaved_work
    workspace.apply_command(set_label("a0.h0", Label("x")))
    assert workspace.document.is_dirty and workspace.tabs.front.has_unsaved_work
    workspace.undo_stack.undo()
    assert not workspace.document.is_dirty
    give(workspace, search(workspace, WHERE), found(WHERE))
    assert workspace.tabs.front.has_unsaved_work


def test_searches_run_one_after_another_in_the_order_that_the_person_says(workspace: Workspace) -> None:
    queue = workspace.search_queue
    first, second, third = (search(workspace, replace(WHERE, task=task)) for task in ("ioi", "sva", "gender"))

    def statuses() -> list[str]:
        return [one.status.value for one in (first, second, third)]

    assert statuses() == ["running", "waiting", "waiting"] and queue.searches == [first, second, third]
    queue.move_up(third)
    assert queue.searches == [first, third, second]
    queue.pause(first)
    assert statuses() == ["paused", "waiting", "running"]
    queue.resume(first)
    assert statuses() == ["waiting", "waiting", "running"]
    give(workspace, third, found(replace(WHERE, task="gender")))
    assert statuses() == ["running", "waiting", "ended"] and queue.searches == [first, second]
    workspace.search_queue.handle_of(first).end_cancelled()
    assert statuses() == ["ended", "running", "ended"]
    assert first.tab not in workspace.tabs.tabs, "it found nothing"
    workspace.search_queue.handle_of(second).deliver(JobFailed("no", "no", request=second.request))
    assert not queue.searches and [tab.name for tab in workspace.tabs.tabs] == [
        "mine.circuit",
        "gender · demo",
    ]


def test_closing_a_tab_ends_its_search_and_its_jobs(workspace: Workspace) -> None:
    ended: list[int] = []
    workspace.worker.close_tab = ended.append  # type: ignore[method-assign]
    asked = partial_on_the_screen(workspace)
    workspace.tab_controller.close(asked.tab)
    assert ended == [asked.tab.number] and [tab.name for tab in workspace.tabs.tabs] == ["mine.circuit"]
    workspace.search_queue.handle_of(asked).end_cancelled()  # what the worker says then
    assert not workspace.search_queue.searches and in_the_workspace(workspace) == ALL


def test_selection_prompt_and_model_come_back_with_their_tab(workspace: Workspace) -> None:
    tab, chosen = workspace.tabs.front, frozenset({"a1.h2"})
    workspace.set_selection(chosen, frozenset())
    workspace.set_prompt_index(3)
    opening(workspace)
    assert not workspace.selected_nodes and workspace.prompt_index == 0 and workspace.opened_model is None
    heard: list[object] = []
    workspace.model_ready.connect(heard.append)
    workspace.tab_controller.show(tab)
    assert workspace.selected_nodes == chosen and workspace.prompt_index == 3
    assert workspace.opened_model is not None
    assert heard == [workspace.opened_model]


def test_names_tell_tabs_apart(workspace: Workspace) -> None:
    for method in ("eap", "acdc", "acdc"):
        where = replace(WHERE, method=method)
        give(workspace, search(workspace, where), found(where))
    names = workspace.tabs.display_names()
    assert names[0] == "mine.circuit" and len(set(names)) == 4
    assert all(name.startswith("ioi · demo (") for name in names[1:])


def test_one_empty_tab_is_enough(workspace: Workspace) -> None:
    first = workspace.tab_controller.open_empty()
    assert workspace.tabs.front is first and workspace.state.circuit is None
    workspace.tab_controller.show_next(-1)
    assert workspace.tab_controller.open_empty() is first and len(workspace.tabs.tabs) == 2
    opening(workspace)
    assert workspace.tabs.front is first and len(workspace.tabs.tabs) == 2
    for tab in list(workspace.tabs.tabs):
        workspace.tab_controller.close(tab)
    assert len(workspace.tabs.tabs) == 1 and workspace.tabs.front.is_untouched
