"""What a hurried or unlucky person does to the window: cancel, close, hammer, wrong files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from opening import LONG, export_in, open_example, open_in, save_in, show_example
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from circuitviz.document import toggle_ablation
from circuitviz.formats import open_document, save_document
from circuitviz.shell.main_window import MainWindow


def ready(window: MainWindow) -> bool:
    desk = window.workspace
    return desk.partial_result is None and desk.document.evaluation is not None


def form(window: MainWindow):  # type: ignore[no-untyped-def]
    return window.panels["discovery"]


def test_cancel_keeps_what_is_done(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    qtbot.waitUntil(lambda: form(window).method_box.count() > 1, timeout=LONG)
    form(window).method_box.setCurrentText("exact")
    window.run_command("run")
    qtbot.waitUntil(lambda: window.workspace.partial_result is not None, timeout=LONG)
    qtbot.waitUntil(lambda: "still searching" in window.view.status_text, timeout=LONG)
    window.workspace.cancel_jobs()
    qtbot.waitUntil(lambda: window.workspace.partial_result is None, timeout=5000)
    scores = window.workspace.document.state.scores
    assert scores is not None and scores.partial and scores.method == "exact"
    assert abs(scores.values).max() > 0
    assert window.workspace.document.state.origin is not None


def test_a_head_is_read_while_a_search_runs(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    qtbot.waitUntil(lambda: form(window).method_box.count() > 1, timeout=LONG)
    form(window).method_box.setCurrentText("exact")
    window.run_command("run")
    qtbot.waitUntil(lambda: window.workspace.partial_result is not None, timeout=LONG)
    with qtbot.waitSignal(window.workspace.node_reading_received, timeout=LONG):
        window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    assert window.panels["inspector"].lens_columns.cell_labels[0][1].text()
    assert window.workspace.partial_result is not None, "the search still runs"
    parts = window.workspace.partial_result
    qtbot.waitUntil(lambda: window.workspace.partial_result is not parts, timeout=LONG)  # and goes on
    window.workspace.cancel_jobs()
    qtbot.waitUntil(lambda: window.workspace.partial_result is None, timeout=LONG)


def test_closing_while_a_search_runs_asks_and_ends_the_thread(
    open_window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window: MainWindow = open_window()
    asked: list[str] = []
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]

    def question(_parent: object, _title: str, text: str, *_: object) -> QMessageBox.StandardButton:
        asked.append(text)
        return answers[len(asked) - 1]

    monkeypatch.setattr(QMessageBox, "question", question)
    qtbot.waitUntil(lambda: form(window).method_box.count() > 1, timeout=LONG)
    form(window).method_box.setCurrentText("exact")
    window.run_command("run")
    qtbot.waitUntil(lambda: window.workspace.partial_result is not None, timeout=LONG)
    window.close()
    assert (
        window.isVisible()
        and window.workspace.worker.isRunning()
        and window.workspace.search_controller.is_running
    )
    window.close()
    assert len(asked) == 2 and all("search" in text for text in asked)
    assert not window.workspace.worker.isRunning()


def test_sixty_toggles_end_in_the_exact_number_of_the_last_state(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    open_example(window)
    qtbot.waitUntil(lambda: ready(window), timeout=LONG)
    whole = window.workspace.live_faithfulness.evaluation["faithfulness"]["value"]
    names = [n.name for n in window.view.circuit_scene.nodes if n.kind == "head"]
    shown: list[tuple[str, str]] = []

    def look(tier: str) -> None:
        shown.append((tier, window.workspace.document.state.measurement_key))

    window.workspace.live_faithfulness.changed.connect(look)
    for i in range(60):
        window.workspace.apply_command(toggle_ablation([names[i % len(names)]]))
        qtbot.wait(5)
    qtbot.waitUntil(lambda: ready(window), timeout=LONG)
    last = window.workspace.document.state
    assert (
        window.workspace.live_faithfulness.evaluation
        == window.workspace.document.evaluations[last.measurement_key]
    )
    assert window.workspace.live_faithfulness.evaluation["edges"] == last.live_circuit.n_edges
    while window.workspace.undo_stack.canUndo():
        window.workspace.undo_stack.undo()
    assert window.workspace.live_faithfulness.evaluation["faithfulness"]["value"] == whole


def test_a_wrong_name_is_one_clear_dialog(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    for model, task, says in (
        ("no-such-folder/at/all", "ioi", "There is no folder"),
        ("demo", "no-such-task", "There is no task"),
        ("demo", "missing.csv", "There is no task file"),
    ):
        before = window.dialogs.failure_dialog
        form(window).model_box.setEditText(model)
        form(window).task_box.setEditText(task)
        window.run_command("run")
        qtbot.waitUntil(lambda before=before: window.dialogs.failure_dialog is not before, timeout=LONG)
        assert says in window.dialogs.failure_dialog.informativeText()
        assert "Traceback" not in window.dialogs.failure_dialog.informativeText()
        window.dialogs.failure_dialog.close()
        qtbot.waitUntil(lambda: not window.workspace.search_queue.searches, timeout=LONG)
        assert form(window).run_button.isEnabled() and window.pages.currentWidget() is window.start_page


def test_a_device_that_is_not_there_is_one_clear_dialog(
    open_window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    window: MainWindow = open_window()
    form(window).device_box.setCurrentText("cuda")
    window.run_command("run")
    qtbot.waitUntil(lambda: window.dialogs.failure_dialog is not None, timeout=LONG)
    assert "this machine has none" in window.dialogs.failure_dialog.informativeText()
    window.dialogs.failure_dialog.close()


def test_damaged_files_leave_the_open_circuit_alone(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window: MainWindow = open_window()
    show_example(window, qtbot)
    good = tmp_path / "good.circuit"
    assert save_in(window, good)
    before = window.workspace.document.state
    truncated = tmp_path / "truncated.circuit"
    truncated.write_bytes(good.read_bytes()[:-400])
    newer = tmp_path / "newer.circuit"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(newer, "w") as new:
        manifest = old.read("document.json").replace(b'"version": 1', b'"version": 99')
        new.writestr("document.json", manifest)
        new.writestr("tensors.safetensors", old.read("tensors.safetensors"))
    for path, says in ((truncated, "damaged"), (newer, "newer"), (tmp_path / "none.circuit", "no file")):
        with qtbot.waitSignal(window.workspace.failure_reported, timeout=LONG):
            window.file_controller.open_path(path)
        assert says in window.dialogs.failure_dialog.informativeText(), path
        window.dialogs.failure_dialog.close()
        assert window.workspace.document.state is before
    assert not export_in(window, tmp_path / "no" / "such" / "folder.svg")
    window.dialogs.failure_dialog.close()


def test_a_circuit_of_other_weights_is_told(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    from dataclasses import replace

    window: MainWindow = open_window()
    show_example(window, qtbot)
    path = tmp_path / "other.circuit"
    assert save_in(window, path)
    document = open_document(path)
    where = replace(document.state.origin, weight_hash="0" * 64)
    document.set_state(replace(document.state, origin=where))
    save_document(document, path)
    open_in(window, qtbot, path)
    qtbot.waitUntil(lambda: window.workspace.opened_model is not None, timeout=LONG)
    assert "other weights" in window.workspace.opened_model.warning
