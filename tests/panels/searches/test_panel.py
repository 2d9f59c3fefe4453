"""The list of searches: real searches of the demo, paused, put first and cancelled with the mouse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from panel_host import IOI_SEARCH, LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.discovery import discover
from circuitviz.models import load_model
from circuitviz.tasks import load_task
from circuitviz.workspace.search_queue import SearchStatus

LEFT = Qt.MouseButton.LeftButton
LONG_SEARCH = replace(IOI_SEARCH, n_prompts=4, method="exact")


def statuses(host: PanelHost) -> dict[str, str]:
    return {search.name: search.status.value for search in host.workspace.search_queue.searches}


def test_one_search_alone_needs_no_list(host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = host.show("searches"), host.workspace
    assert not panel.is_applicable() and panel.empty_label.isVisible()
    search = workspace.start_discovery(IOI_SEARCH)
    assert not panel.is_applicable() and not panel.empty_label.isVisible()
    qtbot.waitUntil(lambda: search.status is SearchStatus.ENDED, timeout=LONG)
    row = panel.rows[search]
    assert row.status_label.text() == "found 100 edges" and not row.cancel_button.isVisible()
    workspace.tab_controller.open_empty()
    qtbot.mouseClick(row.show_button, LEFT)
    assert workspace.tabs.front is search.tab
    workspace.tab_controller.close(search.tab)
    assert not panel.rows and panel.empty_label.isVisible()


def test_a_search_is_paused_for_another_and_goes_on_where_it_was(host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = host.show("searches"), host.workspace
    first = workspace.start_discovery(LONG_SEARCH)
    second = workspace.start_discovery(replace(IOI_SEARCH, task="sva"))
    third = workspace.start_discovery(replace(IOI_SEARCH, task="gender"))
    assert panel.is_applicable() and list(panel.rows) == [first, second, third]
    assert [panel.rows[one].up_button.isEnabled() for one in (first, second, third)] == [False, True, True]
    qtbot.waitUntil(lambda: first.progress is not None and first.progress.fraction > 0.05, timeout=LONG)
    assert "%" in panel.rows[first].status_label.text() and second.progress is None

    qtbot.mouseClick(panel.rows[third].up_button, LEFT)
    assert workspace.search_queue.searches == [first, third, second]
    qtbot.mouseClick(panel.rows[first].pause_button, LEFT)
    qtbot.waitUntil(lambda: third.status is SearchStatus.ENDED, timeout=LONG)
    assert first.status is SearchStatus.PAUSED and "paused at" in panel.rows[first].status_label.text()
    qtbot.waitUntil(lambda: second.status is SearchStatus.ENDED, timeout=LONG)
    assert third.tab.document.state.origin.task == "gender"  # type: ignore[union-attr]
    reached = first.progress
    qtbot.wait(300)
    assert first.progress is reached and statuses(host) == {"ioi · demo": "paused"}

    qtbot.mouseClick(panel.rows[first].pause_button, LEFT)
    assert first.status is SearchStatus.RUNNING
    qtbot.waitUntil(lambda: first.status is SearchStatus.ENDED, timeout=LONG)
    model = load_model("demo")
    alone = discover(model, load_task("ioi", model, 4, 0), "exact", ablation="corrupted")
    found = first.tab.user_document.state.scores
    assert found is not None and not found.partial
    np.testing.assert_allclose(found.values, alone.values, atol=1e-5)


@pytest.mark.parametrize("is_paused", [True, False])
def test_a_cancelled_search_leaves_what_it_has_in_its_tab(
    host: PanelHost, qtbot: QtBot, is_paused: bool
) -> None:
    panel, workspace = host.show("searches"), host.workspace
    first = workspace.start_discovery(LONG_SEARCH)
    second = workspace.start_discovery(replace(IOI_SEARCH, task="sva"))
    qtbot.waitUntil(lambda: first.tab.partial_result is not None, timeout=LONG)
    if is_paused:
        qtbot.mouseClick(panel.rows[first].pause_button, LEFT)
        qtbot.waitUntil(lambda: second.status is SearchStatus.ENDED, timeout=LONG)
    qtbot.mouseClick(panel.rows[first].cancel_button, LEFT)
    qtbot.waitUntil(lambda: first.status is SearchStatus.ENDED, timeout=LONG)
    scores = first.tab.user_document.state.scores
    assert scores is not None and scores.partial and first.tab in workspace.tabs.tabs
    qtbot.waitUntil(lambda: second.status is SearchStatus.ENDED, timeout=LONG)


def test_what_waits_is_cancelled_without_a_trace(host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = host.show("searches"), host.workspace
    first = workspace.start_discovery(LONG_SEARCH)
    second = workspace.start_discovery(replace(IOI_SEARCH, task="sva"))
    qtbot.mouseClick(panel.rows[second].cancel_button, LEFT)
    qtbot.waitUntil(lambda: second.status is SearchStatus.ENDED, timeout=LONG)
    assert second.tab not in workspace.tabs.tabs and list(panel.rows) == [first]
    assert workspace.tabs.front is first.tab
    workspace.tab_controller.close(first.tab)
    qtbot.waitUntil(lambda: not workspace.search_queue.searches, timeout=LONG)
    assert not panel.rows and workspace.tabs.front.is_untouched


def test_cancel_in_the_form_ends_the_search_of_the_tab_in_front(host: PanelHost, qtbot: QtBot) -> None:
    """Not the one that runs for another tab, after which the next would begin."""
    form, workspace = host.show("discovery"), host.workspace
    running = workspace.start_discovery(LONG_SEARCH)
    waiting = workspace.start_discovery(replace(IOI_SEARCH, task="sva"))
    workspace.tab_controller.show(waiting.tab)
    qtbot.waitUntil(lambda: running.progress is not None, timeout=LONG)
    qtbot.mouseClick(form.cancel_button, LEFT)
    qtbot.waitUntil(lambda: waiting.status is SearchStatus.ENDED, timeout=LONG)
    assert running.status is SearchStatus.RUNNING
    workspace.cancel_jobs()
    qtbot.waitUntil(lambda: running.status is SearchStatus.ENDED, timeout=LONG)


def test_a_search_that_has_ended_or_whose_tab_is_closed_can_be_asked_for_nothing(
    host: PanelHost, qtbot: QtBot
) -> None:
    panel, workspace = host.show("searches"), host.workspace
    search = workspace.start_discovery(LONG_SEARCH)
    other = workspace.tabs.add(workspace.worker.open_tab())
    qtbot.waitUntil(lambda: search.progress is not None, timeout=LONG)
    workspace.tab_controller.show(other)
    workspace.tab_controller.close(search.tab)
    assert search not in panel.rows
    workspace.tab_controller.show(search.tab)
    assert workspace.tabs.front is other
    qtbot.waitUntil(lambda: not workspace.search_queue.searches, timeout=LONG)
    workspace.search_queue.cancel(search)
