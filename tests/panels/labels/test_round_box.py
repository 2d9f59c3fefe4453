"""A labelling round, operated from the keyboard."""

from __future__ import annotations

from panel_host import PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot


def test_a_round_is_walked_with_keys(demo_host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = demo_host.show("labels"), demo_host.workspace
    demo_host.run_command("label-round")
    rounds, order = panel.round_box, list(panel.round_box.labelling_round.queue)
    for role in ("Name Mover", "Induction", "Name Mover"):
        assert workspace.selected_nodes == {rounds.labelling_round.current_node}
        rounds.role_box.setCurrentText(role)
        qtbot.keyClick(rounds.role_box.role_field, Qt.Key.Key_Return)
    alt = Qt.KeyboardModifier.AltModifier
    assert rounds.role_box.role_field.hasFocus()
    qtbot.keyClick(rounds.role_box.role_field, Qt.Key.Key_N, alt)
    qtbot.keyClick(rounds.role_box.role_field, Qt.Key.Key_S, alt)
    assert rounds.labelling_round.queue[-1] == order[3] and rounds.labelling_round.skipped == [order[4]]
    qtbot.keyClick(rounds.role_box.role_field, Qt.Key.Key_Escape)
    assert rounds.labelling_round is None
    labels = workspace.document.state.labels
    assert {n: x.text for n, x in labels.items()} == dict(
        zip(order, ("Name Mover", "Induction", "Name Mover"), strict=False)
    )
    assert not panel.tabs.isTabVisible(2)
