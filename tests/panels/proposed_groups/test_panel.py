"""Proposed groups in the window: proposed on the open prompt, renamed, changed, refused, accepted, undone."""

from __future__ import annotations

import os
from pathlib import Path

from panel_host import LONG, PanelHost
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from circuitviz.panels.proposed_groups.panel import NODES_ROLE

SHOTS = os.environ.get("CIRCUITVIZ_SCREENSHOTS", "")


def test_groups_are_accepted_changed_and_refused(prompt_host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = prompt_host.show("proposed-groups"), prompt_host.workspace
    panel.similarity_field.setValue(0.35)
    qtbot.mouseClick(panel.propose_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.proposals is not None, timeout=LONG)
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


def test_what_is_missing_is_said(demo_host: PanelHost) -> None:
    panel = demo_host.panel("proposed-groups")
    assert not panel.is_applicable() and "one prompt" in panel.missing_step().text
