"""Path patching goes on from checked heads, round by round."""

from __future__ import annotations

from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot


def test_path_patching_goes_on_from_the_ticked_heads(demo_host: PanelHost, qtbot: QtBot) -> None:
    form, panel = demo_host.show("discovery"), demo_host.show("rounds")
    assert "path-patching first" in panel.status_line.text()
    form.method_box.setCurrentText("path-patching")
    form.prompts_field.setValue(16)
    form.start_search()

    def rounds() -> list:
        scores = demo_host.workspace.document.state.scores  # None in a tab that waits for its search
        is_whole = scores is not None and demo_host.workspace.partial_result is None
        return list(scores.info.get("rounds", [])) if is_whole else []

    qtbot.waitUntil(lambda: len(rounds()) == 1, timeout=LONG)
    qtbot.waitUntil(panel.next_round_button.isEnabled, timeout=LONG)
    first = panel.rounds_tree.topLevelItem(0)
    ticked = []
    for row in range(first.childCount()):
        wanted = first.child(row).text(0) in ("a2.h6", "a3.h5")
        if first.child(row).data(0, Qt.ItemDataRole.CheckStateRole) is not None:
            first.child(row).setCheckState(0, Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
        ticked += [first.child(row).text(0)] if wanted else []
    assert ticked
    qtbot.mouseClick(panel.next_round_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(rounds()) == 2, timeout=LONG)
    assert set(rounds()[1]["receivers"]) == {f"{name}<q>" for name in ticked}
    assert rounds()[0]["receivers"] == ["logits"]
    demo_host.show("rounds")
    assert panel.rounds_tree.topLevelItemCount() == 2
    demo_host.workspace.tab_controller.show_next(-1)  # the round before is in its own tab
    assert panel.rounds_tree.topLevelItemCount() == 1
