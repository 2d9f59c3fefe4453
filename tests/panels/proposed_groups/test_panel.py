"""Proposed groups in the window: proposed on the open prompt, renamed, changed, refused, accepted, undone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from panel_host import LONG, PanelHost
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from circuitviz.document import rename_group
from circuitviz.panels.proposed_groups.panel import NODES_ROLE, RUNNING_TEXT, START_TEXT

SHOTS = os.environ.get("CIRCUITVIZ_SCREENSHOTS", "")


def propose(host: PanelHost, qtbot: QtBot) -> Any:
    """The panel, with what is proposed at a small similarity."""
    panel = host.show("proposed-groups")
    panel.similarity_field.setValue(0.35)
    qtbot.mouseClick(panel.propose_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.proposals is not None, timeout=LONG)
    return panel


def test_groups_are_accepted_changed_and_refused(prompt_host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = propose(prompt_host, qtbot), prompt_host.workspace
    tree = panel.groups_tree
    assert tree.topLevelItemCount() == len(panel.proposals.groups) >= 3
    measured = prompt_host.evaluation["faithfulness"]["value"]
    assert abs(panel.proposals.circuit_faithfulness - measured) < 1e-6
    assert f"{measured:.3f}".replace("-", "−") in panel.faithfulness_line.text()
    if SHOTS:
        panel.grab().save(str(Path(SHOTS) / "groups-light.png"))

    # a click selects its nodes on the canvas; refused, it is gone
    def click(row: int) -> None:
        place = tree.visualItemRect(tree.topLevelItem(row)).topLeft() + QPoint(tree.columnWidth(0) + 10, 5)
        qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)

    click(1)
    refused = panel.proposals.groups[1]
    assert workspace.selected_nodes == set(refused.nodes)
    qtbot.mouseClick(panel.refuse_button, Qt.MouseButton.LeftButton)
    assert tree.topLevelItemCount() == len(panel.proposals.groups) - 1

    # another name, and other nodes
    click(0)
    tree.editItem(tree.topLevelItem(0), 0)
    editor = tree.findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "my group")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    first = panel.proposals.groups[0]
    workspace.set_selection(frozenset({*first.nodes, refused.nodes[0]}), frozenset())
    qtbot.mouseClick(panel.use_selection_button, Qt.MouseButton.LeftButton)
    assert set(tree.topLevelItem(0).data(0, NODES_ROLE)) == {*first.nodes, refused.nodes[0]}

    # one is left out, the others become groups in one step
    last = tree.topLevelItem(tree.topLevelItemCount() - 1)
    last.setCheckState(0, Qt.CheckState.Unchecked)
    before = workspace.state
    qtbot.mouseClick(panel.accept_button, Qt.MouseButton.LeftButton)
    groups = workspace.state.groups
    assert groups["my group"].nodes == {*first.nodes, refused.nodes[0]}
    assert last.text(0) not in groups and len(groups) == len(panel.proposals.groups) - 2
    assert tree.topLevelItemCount() == 1
    workspace.undo_stack.undo()
    assert workspace.state == before


def test_two_rows_of_one_name_are_refused_and_stay(prompt_host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = propose(prompt_host, qtbot), prompt_host.workspace
    tree, before = panel.groups_tree, workspace.state
    n_rows = tree.topLevelItemCount()
    for row, text in ((0, "names"), (1, "names ")):
        tree.topLevelItem(row).setText(0, text)
    qtbot.mouseClick(panel.accept_button, Qt.MouseButton.LeftButton)
    assert "Several of the groups were to be called 'names'" in prompt_host.failures[0].message
    assert workspace.state is before and tree.topLevelItemCount() == n_rows


def test_rows_stay_with_their_document_and_undo_brings_accepted_ones_back(
    prompt_host: PanelHost, qtbot: QtBot
) -> None:
    panel, workspace = propose(prompt_host, qtbot), prompt_host.workspace
    tree, tab, text = panel.groups_tree, workspace.tabs.front, panel.faithfulness_line.text()

    def rows() -> list[tuple[str, bool, tuple[str, ...]]]:
        items = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
        return [(i.text(0), i.checkState(0) == Qt.CheckState.Checked, i.data(0, NODES_ROLE)) for i in items]

    tree.setCurrentItem(tree.topLevelItem(1))
    qtbot.mouseClick(panel.refuse_button, Qt.MouseButton.LeftButton)
    tree.topLevelItem(0).setText(0, "my group")
    tree.topLevelItem(1).setCheckState(0, Qt.CheckState.Unchecked)
    edited = rows()

    # another tab has none, and the edits are there again after it
    workspace.tab_controller.open_empty()
    assert rows() == [] and panel.faithfulness_line.text() == START_TEXT
    workspace.tab_controller.show(tab)
    assert rows() == edited and panel.faithfulness_line.text() == text

    # accepted rows come back with undo and go with redo, also where the group was renamed since
    qtbot.mouseClick(panel.accept_button, Qt.MouseButton.LeftButton)
    assert rows() == [edited[1]]
    assert panel.faithfulness_line.text().startswith("As proposed: ")  # of what it was measured
    workspace.apply_command(rename_group("my group", "another name"))
    assert rows() == [edited[1]]
    for _ in range(2):
        workspace.undo_stack.undo()
    assert rows() == edited
    workspace.undo_stack.redo()
    assert rows() == [edited[1]]


def test_the_line_says_no_longer_that_it_runs_when_the_job_has_ended(
    prompt_host: PanelHost, qtbot: QtBot
) -> None:
    panel = prompt_host.show("proposed-groups")
    qtbot.mouseClick(panel.propose_button, Qt.MouseButton.LeftButton)
    assert panel.faithfulness_line.text() == RUNNING_TEXT
    panel._job.cancel()
    qtbot.waitUntil(lambda: not panel._job.is_running, timeout=LONG)
    assert panel.faithfulness_line.text() == START_TEXT


def test_what_is_missing_is_said(demo_host: PanelHost) -> None:
    panel = demo_host.panel("proposed-groups")
    assert not panel.is_applicable() and "one prompt" in panel.missing_step().text
