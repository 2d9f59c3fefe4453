"""A search that leads nowhere, or that is left for another file, leaves everything as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from opening import LONG, measured, open_in
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.document import Document
from circuitviz.evaluation import evaluate
from circuitviz.formats import export_document, save_document
from circuitviz.models import load_model
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.record_origin import rebuild_task
from circuitviz.workspace.tabs import DocumentTab


def _search(window: MainWindow, qtbot: QtBot, task: str, method: str, model: str = "demo") -> None:
    """Press the button with what the form says."""
    form = window.panels["discovery"]
    form.model_box.setEditText(model)
    form.task_box.setEditText(task)
    form.method_box.setCurrentText(method)
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)


def _back(window: MainWindow, qtbot: QtBot, tab: DocumentTab) -> None:
    """Wait until the search has ended; its tab is gone, and the one it was asked from is in front."""
    desk = window.workspace
    qtbot.waitUntil(lambda: not desk.search_queue.searches, timeout=LONG)
    assert desk.tabs.tabs == [tab] and desk.tabs.front is tab
    assert desk.opened_model is not None and desk.opened_model.model == "demo"


def test_a_circuit_is_measured_on_its_own_task_after_a_search_that_found_nothing(
    opened: MainWindow, qtbot: QtBot
) -> None:
    window, tab = opened, opened.workspace.tabs.front
    state = window.workspace.document.state
    model = load_model("demo")
    task = rebuild_task(state.origin, model)

    # cancelled before it had anything: its task is open by then, and the circuit is not of that one
    with qtbot.waitSignal(window.workspace.model_ready, timeout=LONG) as opening:
        _search(window, qtbot, "sva", "acdc")
    assert opening.args[0].task == "sva"
    window.workspace.cancel_jobs()
    # ACDC had nothing yet
    _back(window, qtbot, tab)
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
        window.dialogs.failure_dialog.close()
        _back(window, qtbot, tab)
        window.panels["discovery"].device_box.setCurrentText("cpu")

    # failed: the message is the only thing that is new
    with qtbot.waitSignal(window.workspace.failure_reported, timeout=LONG):
        _search(window, qtbot, "nonsense", "eap", model="reverse")
    window.dialogs.failure_dialog.close()
    _back(window, qtbot, tab)
    window.workspace.set_selection(frozenset({"m1"}), frozenset())
    window.run_command("ablate")
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    without = evaluate(model, task, state.circuit.ablate(["a2.h6", "m1"])).faithfulness.value
    assert window.workspace.document.evaluation["faithfulness"]["value"] == pytest.approx(without, abs=1e-5)


def test_what_a_search_draws_has_no_number_and_a_file_that_is_opened_stays_itself(
    opened: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
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
        open_in(window, qtbot, tmp_path / name)
        assert window.workspace.partial_result is None and not window.workspace.undo_stack.canUndo()
        assert window.workspace.document.state.circuit.n_edges == 100
        if name == "kept.circuit":
            assert window.workspace.document.state.hash == known and meter.value_label.text() == number
        else:
            assert window.workspace.document.state.origin is None and not window.workspace.document.curve
    assert window.workspace.search_queue.searches, "it goes on in its tab"


def test_a_circuit_whose_model_is_gone_says_that_no_number_will_come(
    opened: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window, meter, demo = opened, opened.panels["meter"], opened.workspace.tabs.front
    document = window.workspace.document.snapshot()
    origin = replace(document.state.origin, model=str(tmp_path / "gone"))
    gone = Document(replace(document.state, origin=origin))
    gone.store_evaluation(gone.state.measurement_key, document.evaluation)
    with qtbot.waitSignal(window.workspace.failure_reported, timeout=LONG):
        window.workspace.set_document(gone)
    window.dialogs.failure_dialog.close()
    window.workspace.set_selection(frozenset({"m1"}), frozenset())
    window.run_command("ablate")
    assert meter.value_label.text().startswith("≈")
    assert meter.interval_label.text().endswith("the model is not open")
    assert window.status_line.device_label.text() == "" and window.workspace.opened_model is None
    # nothing was measured on the model that another tab has open
    assert window.workspace.document.evaluation is None
    window.workspace.tab_controller.show(demo)
    assert window.status_line.device_label.text().startswith("demo")
