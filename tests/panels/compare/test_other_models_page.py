"""A circuit with changed nodes on another model, in measures, in its file and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from panel_host import LONG, PanelHost
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
from circuitviz.workbench.record_origin import rebuild_task

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


@pytest.mark.usefixtures("few_learning_steps")
@pytest.mark.long
def test_changed_nodes_are_changed_on_another_model_in_measures_and_on_the_command_line(
    demo_host: PanelHost, qtbot: QtBot, tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    circuit = demo_host.workspace.document.state.circuit
    demo_host.workspace.apply_command(set_intervention(ZERO, ZERO["a2.h6"]))
    qtbot.waitUntil(demo_host.is_measured, timeout=LONG)
    where = demo_host.workspace.document.state.origin

    # on another model
    compare = demo_host.show("compare")
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
    assert page.table.item(1, 1).text() == f"{expected:z.3f}".replace("-", "−")

    # a measure that is of the edges alone says so, until the nodes are as they were
    demo_host.show("evaluation")
    panel = demo_host.show("evaluation")
    panel.measure_box.setCurrentText("robustness")
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: demo_host.workspace.document.measures.get("robustness", {}).get("done", False), timeout=LONG
    )
    panel.show_result()
    assert WITHOUT_INTERVENTIONS in panel.message_label.text()
    demo = load_model("demo")
    plain = evaluate(demo, rebuild_task(where, demo), circuit).faithfulness.value
    cells = demo_host.workspace.document.measures["robustness"]["result"]["cells"]
    same = ("corrupted", "logit-diff", "edges")
    found = next(c["value"] for c in cells if (c["ablation"], c["metric"], c["patched"]) == same)
    assert found == pytest.approx(plain, abs=1e-5)

    # the file says the same to the command line
    save_document(demo_host.workspace.document, tmp_path / "changed.circuit")
    assert main(["evaluate", str(tmp_path / "changed.circuit"), "--json", "--no-random"]) == 0
    told = json.loads(capsys.readouterr().out)
    shown = demo_host.workspace.document.evaluation["faithfulness"]["value"]
    assert told["faithfulness"]["value"] == pytest.approx(shown, abs=1e-6)
    assert told["changed"] == {"a2.h6": ["zero", 1.0, []]}
    demo_host.workspace.undo_stack.undo()
    assert panel.message_label.text() == ""
