"""What a hurried or unlucky person does to the window: cancel, close, hammer, wrong files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from opening import export_in, open_in, save_in
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from circuitviz.app.main import begin
from circuitviz.app.window import MainWindow
from circuitviz.formats import open_document, save_document
from circuitviz.session import toggle_ablation

LONG = 90_000


def ready(window: MainWindow) -> bool:
    desk = window.desk
    return desk.preview is None and desk.document.evaluation is not None


def form(window: MainWindow):  # type: ignore[no-untyped-def]
    return window.panels["discovery"]


def test_cancel_keeps_what_is_done(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    qtbot.waitUntil(lambda: form(window).method.count() > 1, timeout=LONG)
    form(window).method.setCurrentText("exact")
    window.find()
    qtbot.waitUntil(lambda: window.desk.preview is not None, timeout=LONG)
    qtbot.waitUntil(lambda: "still searching" in window.view.note, timeout=LONG)
    window.desk.cancel()
    qtbot.waitUntil(lambda: window.desk.preview is None, timeout=5000)
    scores = window.desk.document.state.scores
    assert scores is not None and scores.partial and scores.method == "exact"
    assert abs(scores.values).max() > 0
    assert window.desk.document.state.provenance is not None
    window.desk.undo.undo()
    assert window.desk.document.state.circuit is None


def test_a_head_is_read_while_a_search_runs(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    qtbot.waitUntil(lambda: form(window).method.count() > 1, timeout=LONG)
    form(window).method.setCurrentText("exact")
    window.find()
    qtbot.waitUntil(lambda: window.desk.preview is not None, timeout=LONG)
    with qtbot.waitSignal(window.desk.reading_arrived, timeout=LONG):
        window.desk.select(frozenset({"a2.h6"}), frozenset())
    assert window.panels["inspector"].lens.cells[0][1].text()
    assert window.desk.preview is not None, "the search still runs"
    parts = window.desk.preview
    qtbot.waitUntil(lambda: window.desk.preview is not parts, timeout=LONG)  # and goes on
    window.desk.cancel()
    qtbot.waitUntil(lambda: window.desk.preview is None, timeout=LONG)


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
    qtbot.waitUntil(lambda: form(window).method.count() > 1, timeout=LONG)
    form(window).method.setCurrentText("exact")
    window.find()
    qtbot.waitUntil(lambda: window.desk.preview is not None, timeout=LONG)
    window.close()
    assert window.isVisible() and window.desk.worker.isRunning() and window.desk.searches.under_way
    window.close()
    assert len(asked) == 2 and all("search" in text for text in asked)
    assert not window.desk.worker.isRunning()


def test_sixty_toggles_end_in_the_exact_number_of_the_last_state(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    begin(window, None, None, None, demo=True)
    qtbot.waitUntil(lambda: ready(window), timeout=LONG)
    whole = window.desk.live.numbers["faithfulness"]["value"]
    names = [n.name for n in window.view.picture.nodes if n.kind == "head"]
    shown: list[tuple[str, str]] = []

    def look(tier: str) -> None:
        shown.append((tier, window.desk.document.state.measured))

    window.desk.live.changed.connect(look)
    for i in range(60):
        window.desk.do(toggle_ablation([names[i % len(names)]]))
        qtbot.wait(5)
    qtbot.waitUntil(lambda: ready(window), timeout=LONG)
    last = window.desk.document.state
    assert window.desk.live.numbers == window.desk.document.evaluations[last.measured]
    assert window.desk.live.numbers["edges"] == last.live.n_edges
    while window.desk.undo.canUndo() and window.desk.undo.index() > 1:
        window.desk.undo.undo()
    assert window.desk.live.numbers["faithfulness"]["value"] == whole


@pytest.mark.parametrize(
    ("model", "task", "says"),
    [
        ("no-such-folder/at/all", "ioi", "There is no folder"),
        ("demo", "no-such-task", "There is no task"),
        ("demo", "missing.csv", "There is no task file"),
    ],
)
def test_a_wrong_name_is_one_clear_dialog(
    open_window, qtbot: QtBot, model: str, task: str, says: str
) -> None:
    window: MainWindow = open_window()
    form(window).model.setEditText(model)
    form(window).task.setEditText(task)
    window.find()
    qtbot.waitUntil(lambda: window.dialog is not None, timeout=LONG)
    assert says in window.dialog.informativeText()
    assert "Traceback" not in window.dialog.informativeText()
    window.dialog.close()
    qtbot.waitUntil(lambda: form(window).run.isEnabled(), timeout=LONG)


def test_a_device_that_is_not_there_is_one_clear_dialog(open_window, qtbot: QtBot) -> None:
    import torch

    window: MainWindow = open_window()
    form(window).device.setCurrentText("mps")
    assert not torch.backends.mps.is_available()
    window.find()
    qtbot.waitUntil(lambda: window.dialog is not None, timeout=LONG)
    assert "this machine has none" in window.dialog.informativeText()
    window.dialog.close()


def test_a_pair_typed_here_is_a_task(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    qtbot.waitUntil(lambda: form(window).method.count() > 1, timeout=LONG)
    form(window).task.setCurrentText("a pair typed here")
    texts = ("So Mary said that", "So John said that", " she", " he")
    for line, text in zip(form(window).pair, texts, strict=True):
        assert line.isVisibleTo(window)
        line.setText(text)
    window.find()
    qtbot.waitUntil(lambda: ready(window), timeout=LONG)
    assert window.desk.document.state.provenance.pairs == (
        ("So Mary said that", "So John said that", (" she",), (" he",)),
    )
    assert window.desk.live.numbers["setting"]["prompts"] == 1


def test_damaged_files_leave_the_open_circuit_alone(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window: MainWindow = open_window()
    begin(window, None, None, None, demo=True)
    qtbot.waitUntil(lambda: ready(window), timeout=LONG)
    good = tmp_path / "good.circuit"
    assert save_in(window, good)
    before = window.desk.document.state
    truncated = tmp_path / "truncated.circuit"
    truncated.write_bytes(good.read_bytes()[:-400])
    newer = tmp_path / "newer.circuit"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(newer, "w") as new:
        manifest = old.read("document.json").replace(b'"version": 1', b'"version": 99')
        new.writestr("document.json", manifest)
        new.writestr("tensors.safetensors", old.read("tensors.safetensors"))
    for path, says in ((truncated, "damaged"), (newer, "newer"), (tmp_path / "none.circuit", "no file")):
        with qtbot.waitSignal(window.desk.failed, timeout=LONG):
            window.files.open_path(path)
        assert says in window.dialog.informativeText(), path
        window.dialog.close()
        assert window.desk.document.state is before
    assert not export_in(window, tmp_path / "no" / "such" / "folder.svg")
    window.dialog.close()


def test_a_circuit_of_other_weights_is_told(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    from dataclasses import replace

    window: MainWindow = open_window()
    begin(window, None, None, None, demo=True)
    qtbot.waitUntil(lambda: ready(window), timeout=LONG)
    path = tmp_path / "other.circuit"
    assert save_in(window, path)
    document = open_document(path)
    where = replace(document.state.provenance, weight_hash="0" * 64)
    document.apply(replace(document.state, provenance=where))
    save_document(document, path)
    open_in(window, qtbot, path)
    qtbot.waitUntil(lambda: window.desk.opened is not None, timeout=LONG)
    assert "other weights" in window.desk.opened.warning
