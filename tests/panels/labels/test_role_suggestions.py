"""Roles are suggested by rank, and written only where a person accepts one."""

from __future__ import annotations

from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.panels.labels.labels_table import EVIDENCE_COLUMN


def test_a_suggestion_is_accepted_and_never_written_by_itself(demo_host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = demo_host.show("labels"), demo_host.workspace
    workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    demo_host.run_command("label-suggest")
    qtbot.waitUntil(
        lambda: len(panel.role_suggestions.role_rows) == 6, timeout=LONG
    )  # a name mover is no backup
    assert not workspace.document.state.labels
    ranks = [row[3] for row in panel.role_suggestions.role_rows]
    assert ranks == sorted(ranks, reverse=True)
    test, role = panel.role_suggestions.role_rows[0][:2]
    qtbot.mouseClick(panel.role_suggestions.accept_button, Qt.MouseButton.LeftButton)
    made = workspace.document.state.labels["a2.h6"]
    assert (
        made.text == role and made.evidence[0].options == {"role": test} and made.evidence[0].outcome is None
    )
    assert demo_host.label_cell(0, EVIDENCE_COLUMN) == "1 not run"
    judging = demo_host.show("evaluation")
    judging.measure_box.setCurrentText("roles")
    assert len(judging.chart.table_rows) == 1 + 7 * 32 and judging.chart.table_rows[0] == [
        "role",
        "head",
        "score",
        "percentile",
    ]
    workspace.set_selection(frozenset({"m0"}), frozenset())
    assert (
        panel.role_suggestions.role_rows == []
        and "not an attention head" in panel.role_suggestions.note_label.text()
    )
