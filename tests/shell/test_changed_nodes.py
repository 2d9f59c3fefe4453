"""A circuit with changed nodes is that circuit wherever a number of it is shown; what changes nothing is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from opening import measured
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from slow_path import DEMO

from circuitviz.__main__ import main
from circuitviz.discovery import make_setting
from circuitviz.document import set_intervention
from circuitviz.evaluation import FaithfulnessBench, evaluate
from circuitviz.formats import save_document
from circuitviz.graph import Intervention
from circuitviz.models import load_model
from circuitviz.panels.evaluation.panel import WITHOUT_INTERVENTIONS
from circuitviz.progress import run_to_completion
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.record_origin import rebuild_task

LONG = 90_000
ZERO = {"a2.h6": Intervention("zero")}


@pytest.fixture
def tuned(tmp_path: Path) -> Path:
    """The demo with other weights, as a fine-tuned model has them."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(DEMO)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(0.05 * weights.std() * torch.randn_like(weights))
    model.save_pretrained(tmp_path / "tuned")
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(tmp_path / "tuned")
    return tmp_path / "tuned"


@pytest.mark.long
def test_changed_nodes_are_changed_on_another_model_in_measures_and_on_the_command_line(
    opened: MainWindow, qtbot: QtBot, tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    window = opened
    circuit = window.workspace.document.state.circuit
    window.workspace.apply_command(set_intervention(ZERO, ZERO["a2.h6"]))
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    where = window.workspace.document.state.origin

    # on another model
    window.dock_manager.bring_to_front("compare")
    compare = window.panels["compare"]
    page = compare.other_models_page
    compare.tabs.setCurrentWidget(page)
    assert not page.evaluate_button.isEnabled()  # until a model is named
    page.model_field.setText(str(tuned))
    qtbot.mouseClick(page.evaluate_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.table.rowCount() == 2, timeout=LONG)
    model = load_model(str(tuned))
    bench = FaithfulnessBench(
        make_setting(model, rebuild_task(where, model), "logit-diff"), allow_interventions=True
    )
    expected = run_to_completion(bench.evaluate(circuit, ZERO)).faithfulness.value
    assert page.table.item(1, 1).text() == f"{expected:.3f}"

    # a measure that is of the edges alone says so, until the nodes are as they were
    window.dock_manager.bring_to_front("evaluation")
    panel = window.panels["evaluation"]
    panel.measure_box.setCurrentText("robustness")
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: window.workspace.document.measures.get("robustness", {}).get("done", False), timeout=LONG
    )
    panel.show_result()
    assert WITHOUT_INTERVENTIONS in panel.message_label.text()
    demo = load_model("demo")
    plain = evaluate(demo, rebuild_task(where, demo), circuit).faithfulness.value
    cells = window.workspace.document.measures["robustness"]["result"]["cells"]
    same = ("corrupted", "logit-diff", "edges")
    found = next(c["value"] for c in cells if (c["ablation"], c["metric"], c["patched"]) == same)
    assert found == pytest.approx(plain, abs=1e-5)

    # the file says the same to the command line
    save_document(window.workspace.document, tmp_path / "changed.circuit")
    assert main(["evaluate", str(tmp_path / "changed.circuit"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    shown = window.workspace.document.evaluation["faithfulness"]["value"]
    assert told["faithfulness"]["value"] == pytest.approx(shown, abs=1e-6)
    assert told["changed"] == {"a2.h6": ["zero", 1.0, []]}
    window.workspace.undo_stack.undo()
    assert panel.message_label.text() == ""


def test_what_would_change_nothing_is_told(opened: MainWindow, qtbot: QtBot) -> None:
    window, meter = opened, opened.panels["meter"]
    said: list[str] = []
    window.workspace.message_posted.connect(said.append)
    before = window.workspace.document.state
    window.view.select({"logits"})
    window.menus.actions["ablate"].trigger()
    assert said and "logits" in said[-1] and window.workspace.document.state is before
    window.workspace.live_faithfulness.show_what_if(frozenset({"logits"}))
    assert meter.what_if_label.text() == "without logits: no estimate"
    window.workspace.live_faithfulness.show_what_if(frozenset())

    window.dock_manager.bring_to_front("ablation")
    form = window.panels["ablation"].ablation_form
    for node, place, word in (("input", "", "embedding"), ("a2.h6", "99", "outside every prompt")):
        window.view.select({node})
        form.value_box.setCurrentText("zero")
        form.positions_field.setText(place)
        qtbot.mouseClick(form.apply_button, Qt.MouseButton.LeftButton)
        assert (
            window.failure_dialog is not None
            and word in window.failure_dialog.text() + window.failure_dialog.informativeText()
        )
        window.failure_dialog.close()
        assert window.workspace.document.state is before

    # a label is written where it is seen
    window.docks["inspector"].hide()
    window.menus.actions["label"].trigger()
    assert window.docks["inspector"].isVisible() and window.panels["inspector"].label_field.hasFocus()


def test_a_measurement_that_was_cancelled_is_not_said_to_go_on(opened: MainWindow, qtbot: QtBot) -> None:
    window, meter = opened, opened.panels["meter"]
    window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    window.run_command("ablate")
    assert "measuring…" in meter.interval_label.text()
    qtbot.waitUntil(lambda: not window.workspace.live_faithfulness.is_measurement_pending, timeout=LONG)
    with qtbot.waitSignal(window.workspace.worker_idle, timeout=LONG):
        window.workspace.cancel_jobs()
    known = window.workspace.document.evaluation is not None  # it may have been quicker
    assert known or meter.interval_label.text().endswith("measuring was cancelled")
    assert "…" not in meter.interval_label.text()
