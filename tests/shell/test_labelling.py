"""Labels through the real window: claims that hold and fail, suggestions, rounds, files, and what goes stale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from opening import export_in, save_in, show_example
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemDelegate, QFileDialog
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.discovery import make_setting
from circuitviz.evaluation.claims import ClaimSubject, claim_test_steps
from circuitviz.models import load_model
from circuitviz.panels.labels.labels_table import (
    CONFIDENCE_COLUMN,
    EVIDENCE_COLUMN,
    PART_COLUMN,
    ROLE_COLUMN,
    RoleBox,
)
from circuitviz.progress import run_to_completion
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.record_origin import rebuild_task

LONG = 90_000


@pytest.fixture
def window(open_window, qtbot: QtBot) -> MainWindow:  # type: ignore[no-untyped-def]
    made: MainWindow = open_window()
    show_example(made, qtbot)
    made.dock_manager.bring_to_front("labels")
    return made


def cell(panel, row: int, column: int) -> str:  # type: ignore[no-untyped-def]
    return str(panel.sort_proxy.index(row, column).data())


def label(window: MainWindow, qtbot: QtBot, node: str, role: str) -> None:
    panel = window.panels["labels"]
    window.workspace.set_selection(frozenset({node}), frozenset())
    panel.role_box.setCurrentText(role)
    qtbot.mouseClick(panel.label_button, Qt.MouseButton.LeftButton)


def claim(window: MainWindow, qtbot: QtBot, test: str, **options: object) -> None:
    """Fill the dialog as a person does, and wait for the verdict."""
    box = window.panels["labels"].evidence_box
    before = len(box.evidence)
    qtbot.mouseClick(box.add_button, Qt.MouseButton.LeftButton)
    dialog = box.claim_dialog
    dialog.test_box.setCurrentIndex(dialog.test_box.findData(test))
    for name, value in options.items():
        field = dialog.options_form.fields[name]
        (field.setCurrentText if hasattr(field, "setCurrentText") else field.setValue)(value)
    if test == "answer":
        shoot_dialog(window, dialog)
    qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(box.evidence) > before and box.evidence[-1].outcome is not None, timeout=LONG)


def shoot_dialog(window: MainWindow, dialog) -> None:  # type: ignore[no-untyped-def]
    import os

    if folder := os.environ.get("CIRCUITVIZ_SCREENSHOTS"):
        dialog.grab().save(str(Path(folder) / "claim-dialog.png"))


def test_a_claim_that_holds_and_one_that_fails_and_both_stale(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    panel, desk = window.panels["labels"], window.workspace
    label(window, qtbot, "a2.h6", "Name Mover")
    assert (cell(panel, 0, PART_COLUMN), cell(panel, 0, ROLE_COLUMN)) == ("a2.h6", "Name Mover")
    assert window.view.circuit_scene.by_name["a2.h6"].label == "Name Mover"

    # patching its output from the counterfactual moves the answer to the other name; the order does not
    claim(window, qtbot, "answer", counterfactual="name-swapped")
    claim(window, qtbot, "answer", counterfactual="order-swapped")
    claim(window, qtbot, "attention", counterfactual="name-swapped", key="IO", expect="falls")
    found = desk.document.state.labels["a2.h6"].evidence
    assert [e.outcome.verdict for e in found] == ["holds", "fails", "holds"]
    assert found[0].claim == "patching its output from 'name-swapped' moves the answer"
    assert cell(panel, 0, EVIDENCE_COLUMN) == "2 ✓  1 ✗"
    assert panel.evidence_box.table.item(1, 0).text() == "✗ fails"

    # the number is the engine's own, computed apart from the window
    model = load_model("demo")
    where = desk.document.state.origin
    task = rebuild_task(where, model)
    claimed = ClaimSubject(make_setting(model, task, where.metric, where.ablation), ("a2.h6",))
    apart = run_to_completion(claim_test_steps("answer", claimed, counterfactual="name-swapped"))
    assert found[0].outcome.effect == pytest.approx(apart.effect.value, abs=1e-6)
    assert found[0].outcome.prompts_hash == apart.prompts_hash and found[0].outcome.seed == 0
    assert f"{apart.effect.value:.2f}" in panel.evidence_box.table.item(0, 2).text()
    shoot(window, "labels-evidence")

    # another circuit: stale, said so; undone: as it was; run again: fresh
    desk.select_edge_count(60)
    assert cell(panel, 0, EVIDENCE_COLUMN) == "3 stale"
    assert panel.evidence_box.table.item(0, 0).text() == "✓ holds\nstale: circuit"
    shoot(window, "labels-stale")
    desk.undo_stack.undo()
    assert cell(panel, 0, EVIDENCE_COLUMN) == "2 ✓  1 ✗"
    desk.undo_stack.redo()
    qtbot.waitUntil(panel.evidence_box.run_stale_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(panel.evidence_box.run_stale_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: cell(panel, 0, EVIDENCE_COLUMN) == "2 ✓  1 ✗", timeout=LONG)

    # saved and opened again without a model: the verdicts are there
    kept = desk.document.state.labels
    path = tmp_path / "labelled.circuit"
    assert save_in(window, path)
    while desk.document.state.labels:
        desk.undo_stack.undo()
    with qtbot.waitSignal(desk.document_shown, timeout=LONG):
        desk.open_file(path)
    assert desk.document.state.labels == kept and cell(panel, 0, EVIDENCE_COLUMN) == "2 ✓  1 ✗"


def test_a_table_that_is_edited_in_place_sorted_filtered_and_carried(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    panel, desk = window.panels["labels"], window.workspace
    panel.author_field.setText("Ada")
    heads = [n for n in desk.state.circuit.node_names if ".h" in n][:3]
    for node, role in zip(heads, ("Induction", "Previous Token", "Induction"), strict=True):
        label(window, qtbot, node, role)
    edge = desk.state.circuit.graph.edge_names(desk.state.circuit.edges)[0]
    desk.set_selection(frozenset(), frozenset({edge}))
    panel.role_box.setCurrentText("K-composition")
    panel.label_button.click()
    panel._label_group("class:Induction")
    labels = desk.document.state.labels
    assert set(labels) == {*heads, edge, "class:Induction"} and labels[heads[0]].author == "Ada"
    assert labels[heads[0]].colour == labels[heads[2]].colour != labels[heads[1]].colour

    row = next(r for r in range(5) if cell(panel, r, PART_COLUMN) == heads[1])
    index = panel.sort_proxy.index(row, ROLE_COLUMN)
    panel.table_view.edit(index)
    editor = panel.table_view.findChild(RoleBox)
    assert editor.currentText() == "Previous Token" and editor.findText("K-composition") >= 0
    editor.setCurrentText("Duplicate Token")
    panel.table_view.commitData(editor)
    assert desk.document.state.labels[heads[1]].text == "Duplicate Token"
    panel.table_view.closeEditor(editor, QAbstractItemDelegate.EndEditHint.NoHint)
    desk.undo_stack.undo()
    row = next(r for r in range(5) if cell(panel, r, PART_COLUMN) == heads[1])
    before = desk.document.state.hash
    assert panel.sort_proxy.setData(panel.sort_proxy.index(row, CONFIDENCE_COLUMN), "80 %")
    assert not panel.sort_proxy.setData(panel.sort_proxy.index(row, CONFIDENCE_COLUMN), "120")
    assert desk.document.state.labels[heads[1]].confidence == 0.8
    panel.table_view.sortByColumn(CONFIDENCE_COLUMN, Qt.SortOrder.DescendingOrder)
    assert cell(panel, 0, PART_COLUMN) == heads[1] and cell(panel, 0, CONFIDENCE_COLUMN) == "80%"
    desk.undo_stack.undo()
    assert desk.document.state.hash == before
    desk.undo_stack.redo()
    panel.filter_field.setText("induction class")
    assert panel.sort_proxy.rowCount() == 1 and cell(panel, 0, PART_COLUMN) == "class:Induction"
    panel.filter_field.setText("")
    shoot(window, "labels-table")

    # out and in again, in both forms
    labels = desk.document.state.labels
    for name in ("labels.jsonl", "labels.csv"):
        assert panel.export_labels(tmp_path / name)
        panel.table_view.selectAll()
        panel._remove_selected()
        assert not desk.document.state.labels
        assert panel.import_labels(tmp_path / name)
        assert desk.document.state.labels == labels
    assert export_in(window, tmp_path / "figure.svg")
    svg = (tmp_path / "figure.svg").read_text()
    assert "Previous Token" in svg and f">{heads[1]}<" in svg


def test_pairs_may_come_from_a_file(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [
        {"clean": c, "corrupted": o, "correct": list(right), "incorrect": list(wrong)}
        for c, o, right, wrong in window.workspace.document.state.origin.pairs[:9]
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(json.dumps(pair) for pair in pairs))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    label(window, qtbot, "m0", "tells names apart")
    claim(window, qtbot, "answer", counterfactual="a file…")
    found = window.workspace.document.state.labels["m0"].evidence[0]
    assert found.options["counterfactual"] == str(path) and found.outcome.prompts == 9
    assert found.outcome.verdict == "holds"


def test_a_suggestion_is_accepted_and_never_written_by_itself(window: MainWindow, qtbot: QtBot) -> None:
    panel, desk = window.panels["labels"], window.workspace
    desk.set_selection(frozenset({"a2.h6"}), frozenset())
    window.run_command("label-suggest")
    qtbot.waitUntil(
        lambda: len(panel.role_suggestions.role_rows) == 6, timeout=LONG
    )  # a name mover is no backup
    assert not desk.document.state.labels
    ranks = [row[3] for row in panel.role_suggestions.role_rows]
    assert ranks == sorted(ranks, reverse=True)
    shoot(window, "labels-suggest")
    test, role = panel.role_suggestions.role_rows[0][:2]
    qtbot.mouseClick(panel.role_suggestions.accept_button, Qt.MouseButton.LeftButton)
    made = desk.document.state.labels["a2.h6"]
    assert (
        made.text == role and made.evidence[0].options == {"role": test} and made.evidence[0].outcome is None
    )
    assert cell(panel, 0, EVIDENCE_COLUMN) == "1 not run"
    judging = window.panels["evaluation"]
    window.dock_manager.bring_to_front("evaluation")
    judging.measure_box.setCurrentText("roles")
    assert len(judging.chart.table_rows) == 1 + 7 * 32 and judging.chart.table_rows[0] == [
        "role",
        "head",
        "score",
        "percentile",
    ]
    shoot(window, "roles-chart")
    desk.set_selection(frozenset({"m0"}), frozenset())
    assert (
        panel.role_suggestions.role_rows == []
        and "not an attention head" in panel.role_suggestions.note_label.text()
    )


def test_a_round_is_walked_with_keys(window: MainWindow, qtbot: QtBot) -> None:
    panel, desk = window.panels["labels"], window.workspace
    window.run_command("label-round")
    rounds, order = panel.round_box, list(panel.round_box.labelling_round.queue)
    for role in ("Name Mover", "Induction", "Name Mover"):
        assert desk.selected_nodes == {rounds.labelling_round.current_node}
        rounds.role_box.setCurrentText(role)
        qtbot.keyClick(rounds.role_box.role_field, Qt.Key.Key_Return)
    alt = Qt.KeyboardModifier.AltModifier
    assert rounds.role_box.role_field.hasFocus()
    qtbot.keyClick(rounds.role_box.role_field, Qt.Key.Key_N, alt)
    qtbot.keyClick(rounds.role_box.role_field, Qt.Key.Key_S, alt)
    assert rounds.labelling_round.queue[-1] == order[3] and rounds.labelling_round.skipped == [order[4]]
    shoot(window, "labels-round")
    qtbot.keyClick(rounds.role_box.role_field, Qt.Key.Key_Escape)
    assert rounds.labelling_round is None
    labels = desk.document.state.labels
    assert {n: x.text for n, x in labels.items()} == dict(
        zip(order, ("Name Mover", "Induction", "Name Mover"), strict=False)
    )
    assert not panel.tabs.isTabVisible(2)
