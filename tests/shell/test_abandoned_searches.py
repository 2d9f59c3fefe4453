"""A search that leads nowhere, or that is left for another file, leaves everything as it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from opening import measured, open_in
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot
from slow_path import DEMO

from circuitviz.evaluation import evaluate
from circuitviz.formats import export_document, save_document
from circuitviz.models import load_model
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.record_origin import rebuild_task

LONG = 90_000


def _search(window: MainWindow, qtbot: QtBot, task: str, method: str, model: str = "demo") -> None:
    """Press the button with what the form says."""
    form = window.panels["discovery"]
    form.model_box.setEditText(model)
    form.task_box.setEditText(task)
    form.method_box.setCurrentText(method)
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)


def _back(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until the document's own model and task are open again."""
    opened = window.workspace.opened_model
    with qtbot.waitSignal(
        window.workspace.model_ready, timeout=LONG, check_params_cb=lambda ready: ready.task == "ioi"
    ):
        pass
    assert window.workspace.opened_model is not opened and window.workspace.opened_model.model == "demo"


def test_a_circuit_is_measured_on_its_own_task_after_a_search_that_found_nothing(
    opened: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    discard = QMessageBox.StandardButton.Discard
    monkeypatch.setattr(QMessageBox, "question", lambda *_: discard)  # the ablations are not to be saved
    window = opened
    state = window.workspace.document.state
    model = load_model("demo")
    task = rebuild_task(state.origin, model)

    # cancelled before it had anything: its task is open by then, and the circuit is not of that one
    with qtbot.waitSignal(window.workspace.model_ready, timeout=LONG) as opening:
        _search(window, qtbot, "sva", "acdc")
    assert opening.args[0].task == "sva"
    window.workspace.cancel_jobs()
    assert window.workspace.document.state is state  # ACDC had nothing yet
    _back(window, qtbot)
    window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    window.run_command("ablate")
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    without = evaluate(model, task, state.circuit.ablate(["a2.h6"])).faithfulness.value
    assert window.workspace.document.evaluation["faithfulness"]["value"] == pytest.approx(without, abs=1e-5)

    # failed for want of a device, which is not where the circuit's own model is opened again
    if not torch.cuda.is_available():
        window.panels["discovery"].device_box.setCurrentText("cuda")
        with qtbot.waitSignal(window.workspace.failure_reported, timeout=LONG):
            _search(window, qtbot, "ioi", "eap")
        window.failure_dialog.close()
        _back(window, qtbot)
        window.panels["discovery"].device_box.setCurrentText("cpu")

    # failed: the message is the only thing that is new
    with qtbot.waitSignal(window.workspace.failure_reported, timeout=LONG):
        _search(window, qtbot, "nonsense", "eap", model="reverse")
    window.failure_dialog.close()
    _back(window, qtbot)
    window.workspace.set_selection(frozenset({"m1"}), frozenset())
    window.run_command("ablate")
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    without = evaluate(model, task, state.circuit.ablate(["a2.h6", "m1"])).faithfulness.value
    assert window.workspace.document.evaluation["faithfulness"]["value"] == pytest.approx(without, abs=1e-5)


def test_what_a_search_draws_has_no_number_and_a_file_that_is_opened_stays_itself(
    opened: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yes = QMessageBox.StandardButton.Yes
    monkeypatch.setattr(QMessageBox, "question", lambda *_: yes)  # the search is to be ended
    window, meter = opened, opened.panels["meter"]
    save_document(window.workspace.document, tmp_path / "kept.circuit")
    export_document(window.workspace.document, tmp_path / "kept.json")
    known, number = window.workspace.document.state.hash, meter.value_label.text()

    _search(window, qtbot, "sva", "acdc")
    qtbot.waitUntil(lambda: window.workspace.partial_result is not None, timeout=LONG)
    assert meter.value_label.text() == "–" and "search" in meter.interval_label.text()
    window.workspace.live_faithfulness.show_what_if(frozenset({"a2.h6"}))
    assert meter.what_if_label.text() == "without a2.h6: no estimate"
    window.workspace.live_faithfulness.show_what_if(frozenset())

    for name in ("kept.circuit", "kept.json"):
        if window.workspace.partial_result is None:
            _search(window, qtbot, "sva", "acdc")
            qtbot.waitUntil(lambda: window.workspace.partial_result is not None, timeout=LONG)
        with qtbot.waitSignal(window.workspace.worker_idle, timeout=LONG):
            open_in(window, qtbot, tmp_path / name)
        assert window.workspace.partial_result is None and not window.workspace.undo_stack.canUndo()
        assert window.workspace.document.state.circuit.n_edges == 100
        if name == "kept.circuit":
            assert window.workspace.document.state.hash == known and meter.value_label.text() == number
        else:
            assert window.workspace.document.state.origin is None and not window.workspace.document.curve


def test_a_circuit_whose_model_is_gone_says_that_no_number_will_come(
    opened: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window, meter = opened, opened.panels["meter"]
    folder = tmp_path / "gone"
    shutil.copytree(DEMO, folder)
    _search(window, qtbot, "ioi", "eap", model=str(folder))
    qtbot.waitUntil(
        lambda: window.workspace.document.state.origin.model == str(folder) and measured(window),
        timeout=LONG,
    )
    qtbot.waitUntil(lambda: len(window.workspace.document.curve) == 10, timeout=LONG)
    window.workspace.undo_stack.undo()
    _back(window, qtbot)
    shutil.rmtree(folder)
    with qtbot.waitSignal(window.workspace.failure_reported, timeout=LONG):
        window.workspace.undo_stack.redo()
    window.failure_dialog.close()
    window.workspace.set_selection(frozenset({"m1"}), frozenset())
    window.run_command("ablate")
    assert meter.value_label.text().startswith("≈") and meter.interval_label.text().endswith(
        "the model is not open"
    )
    assert window.status_line.device_label.text() == "" and window.workspace.opened_model is None
    # nothing was measured on the model that happened to be open before
    window.workspace.undo_stack.undo()
    window.workspace.undo_stack.undo()
    _back(window, qtbot)
    assert window.status_line.device_label.text().startswith("demo")
