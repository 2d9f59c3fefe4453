"""The Evaluation panel: every measure, its plot, its command and its place in the file."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from circuitviz.cli import run
from circuitviz.formats import open_document
from circuitviz.panels.widgets.form_check import CHECK_DELAY_MS


def _listed(panel: Any) -> set[str]:
    return {panel.measure_box.itemText(row) for row in range(panel.measure_box.count())}


def test_measures_are_listed_that_apply_to_the_open_circuit(
    host: PanelHost, demo_file: Path, prompt_file: Path, qtbot: QtBot
) -> None:
    panel = host.show("evaluation")
    host.open_document(demo_file)
    qtbot.waitUntil(lambda: "curve" in _listed(panel), timeout=LONG)
    assert {"minimality", "completeness"} <= _listed(panel) and not {"ablations", "sizes"} & _listed(panel)
    panel.measure_box.setCurrentText("minimality")
    host.open_document(prompt_file)
    assert {"ablations", "sizes"} <= _listed(panel) and not {"curve", "minimality"} & _listed(panel)
    assert panel.measure_box.currentText() in _listed(panel) and panel.description_label.text()


def test_measures_of_features_are_taken_and_the_command_line_says_why_others_are_not(
    prompt_host: PanelHost, qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = prompt_host.show("evaluation")
    qtbot.waitUntil(lambda: "ablations" in _listed(panel), timeout=LONG)
    panel.measure_box.setCurrentText("ablations")
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: prompt_host.has_measure("ablations"), timeout=LONG)
    cells = prompt_host.workspace.document.measures["ablations"]["result"]["cells"]
    cells = [cell for cell in cells if cell["ablation"] == "corrupted"]
    ways = [(cell["errors"], cell["patterns"]) for cell in cells]
    assert ways == [("kept", "free"), ("kept", "frozen"), ("dropped", "free"), ("dropped", "frozen")]
    assert cells[0]["faithfulness"] == pytest.approx(prompt_host.evaluation["faithfulness"]["value"])
    assert cells[1]["faithfulness"] != pytest.approx(cells[0]["faithfulness"], abs=1e-3)
    panel.measure_box.setCurrentText("sizes")
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: prompt_host.has_measure("sizes"), timeout=LONG)
    last = prompt_host.workspace.document.measures["sizes"]["result"]["points"][-1]
    assert last["nodes"] == prompt_host.evaluation["nodes"] and len(panel.chart.table_rows) > 9
    assert last["faithfulness"] == pytest.approx(cells[0]["faithfulness"], abs=1e-6)

    path = tmp_path / "features.circuit"
    prompt_host.save(path)
    numbers = prompt_host.evaluation
    capsys.readouterr()
    assert run(["evaluate", str(path), "--measures", "faithfulness,ablations,curve", "--json"]) == 0
    out, err = capsys.readouterr()
    data = json.loads(out)
    assert data["faithfulness"]["value"] == pytest.approx(numbers["faithfulness"]["value"], abs=1e-5)
    assert data["faithfulness"]["low"] is None
    assert {"metric", "edges", "nodes", "setting", "ablations"} <= data.keys()
    assert "features" in data["refused"]["curve"] and "curve" in err


def test_a_measure_that_cannot_be_taken_says_why_when_it_is_chosen(
    demo_host: PanelHost, qtbot: QtBot
) -> None:
    panel, workspace = demo_host.show("evaluation"), demo_host.workspace
    qtbot.waitUntil(lambda: "backup" in _listed(panel), timeout=LONG)
    panel.measure_box.setCurrentText("backup")
    qtbot.waitUntil(lambda: "No node was given to ablate" in panel.form_check.text(), timeout=LONG)
    workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    qtbot.wait(3 * CHECK_DELAY_MS)
    assert not panel.form_check.text()
    field = panel.option_form.fields["nodes"]
    field.selectAll()
    qtbot.keyClicks(field, "a9.h9")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "'a9.h9'" in panel.form_check.text(), timeout=LONG)
    panel.measure_box.setCurrentText("curve")
    qtbot.wait(3 * CHECK_DELAY_MS)
    assert not panel.form_check.text() and not demo_host.failures


def _done(host: PanelHost, name: str, points: int | None = None) -> bool:
    found = host.workspace.document.measures.get(name, {})
    return bool(found.get("done")) and (points is None or len(found["result"]["points"]) == points)


OPTIONS = {"completeness": {"sets": 4, "depth": 2, "candidates": 4}, "minimality": {"sets": 1}}


OPTIONS |= {"stability": {"resamples": 3}, "curve": {"random": 2}, "random": {"circuits": 3}}


PLOTTED = ("curve", "random", "completeness", "minimality", "backup", "robustness", "stability")


def _ready(host: PanelHost) -> bool:
    return host.workspace.document.evaluation is not None and len(host.workspace.document.curve) == 10


@pytest.mark.usefixtures("few_learning_steps")
@pytest.mark.long
def test_every_measure_is_taken_drawn_and_kept(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = demo_host.show("evaluation")
    demo_host.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    for name in PLOTTED:
        panel.measure_box.setCurrentText(name)
        for option, value in OPTIONS.get(name, {}).items():
            panel.option_form.fields[option].setValue(value)
        assert panel.message_label.text() == "not measured yet"
        qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
        qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda name=name: demo_host.has_measure(name), timeout=LONG)
        assert panel.chart.table_rows and len(panel.chart.table_rows) > 1, name
        assert panel.chart.hover_regions, name
    assert demo_host.workspace.document.measures["backup"]["result"]["ablated"] == ["a2.h6"]

    # stability as opacity of the edges, on request
    panel.fade_button.setChecked(True)
    shares = demo_host.workspace.document.measures["stability"]["result"]["edges"]
    assert demo_host.workspace.edge_opacity == shares
    panel.fade_button.setChecked(False)
    assert demo_host.workspace.edge_opacity is None

    # a click on a bar selects its node on the canvas
    panel.measure_box.setCurrentText("minimality")
    bar = panel.chart.hover_regions[0]
    place = panel.chart.region_center(bar).toPoint()
    qtbot.mouseClick(panel.chart, Qt.MouseButton.LeftButton, pos=place)
    assert demo_host.workspace.selected_nodes == frozenset(bar.nodes)

    # what the circuit was, not what it is now
    demo_host.run_command("ablate")
    assert "before the circuit changed" in panel.message_label.text()
    demo_host.workspace.undo_stack.undo()

    # saved, opened again, exported, and repeated by the command that it gives
    path = tmp_path / "judged.circuit"
    demo_host.save(path)
    kept = dict(demo_host.workspace.document.measures)
    assert open_document(path).measures == kept
    for suffix in (".svg", ".pdf", ".png", ".csv"):
        panel.chart.save(tmp_path / f"plot{suffix}")
        assert (tmp_path / f"plot{suffix}").stat().st_size > 100
    svg = (tmp_path / "plot.svg").read_text()
    assert "<text" in svg and "<image" not in svg
    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    command = shlex.split(QGuiApplication.clipboard().text())
    assert command[0] == "circuitviz"
    assert run(command[1:]) == 0
    assert f"{kept['minimality']['result']['nodes'][0]['value']:.3f}" in capsys.readouterr().out


def test_a_long_measure_is_cancelled_and_steps_aside_for_a_click(demo_host: PanelHost, qtbot: QtBot) -> None:
    panel = demo_host.show("evaluation")
    panel.measure_box.setCurrentText("completeness")
    panel.option_form.fields["sets"].setValue(5000)
    panel.start_measure()

    def sets() -> int:
        return len(demo_host.workspace.document.measures["completeness"]["result"]["sets"])

    qtbot.waitUntil(lambda: "completeness" in demo_host.workspace.document.measures, timeout=LONG)
    before = sets()
    demo_host.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    demo_host.run_command("ablate")
    qtbot.waitUntil(lambda: demo_host.workspace.document.evaluation is not None, timeout=LONG)
    qtbot.waitUntil(lambda: sets() > before + 2, timeout=LONG)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.run_button.isEnabled(), timeout=LONG)
    assert not demo_host.workspace.document.measures["completeness"]["done"]
    assert "not finished" in panel.message_label.text()


def test_a_measure_goes_on_behind_another_tab_and_is_stored_in_its_own(
    demo_host: PanelHost, qtbot: QtBot
) -> None:
    panel, workspace = demo_host.show("evaluation"), demo_host.workspace
    tab, mine = workspace.tabs.front, workspace.document
    qtbot.waitUntil(lambda: "completeness" in _listed(panel), timeout=LONG)
    panel.measure_box.setCurrentText("completeness")
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    other = workspace.tab_controller.open_empty()
    assert not panel._job.is_running and workspace.tabs.front is other
    qtbot.wait(300)
    assert not mine.measures and not workspace.document.measures
    workspace.tab_controller.show(tab)
    qtbot.waitUntil(lambda: bool(mine.measures.get("completeness", {}).get("done")), timeout=LONG)
    assert not other.document.measures and not panel._job.is_running


def test_a_rival_is_drawn_with_the_circuit_on_one_canvas(
    host: PanelHost, demo_file: Path, qtbot: QtBot
) -> None:
    panel = host.show("evaluation")
    host.open_document(demo_file)
    circuit = host.workspace.state.circuit
    assert circuit is not None
    rival = circuit.edge_names[5:]
    interval = {"value": 0.9, "low": 0.8, "high": 1.0}
    result = {
        "found": 1, "edges": circuit.n_edges, "tolerance": 0.02, "overlap": 0.5, "prompts": [], "core": list(rival),
        "faithfulness": [interval, interval], "rivals": [list(rival)], "iou": [[1.0, 0.9], [0.9, 1.0]],
    }  # fmt: skip
    record = {"key": host.workspace.state.measurement_key, "options": {}, "done": True, "result": result}
    qtbot.waitUntil(lambda: "rivals" in _listed(panel), timeout=LONG)
    panel.measure_box.setCurrentText("curve")
    assert panel.rival_box.isHidden()
    host.workspace.document.store_measure("rivals", record)
    panel.measure_box.setCurrentText("rivals")
    assert panel.rival_box.isVisible() and panel.rival_box.count() == 2
    panel.rival_box.setFocus()
    qtbot.keyClick(panel.rival_box, Qt.Key.Key_Down)
    comparison = host.workspace.comparison
    name = "rival 1 of this circuit"
    assert comparison.chosen_name == name and comparison.is_overlaid
    assert comparison.overlaid_state.circuit.edge_names == rival
    new_rival = circuit.edge_names[9:]
    result |= {"core": list(new_rival), "rivals": [list(new_rival)]}
    drawn = []
    host.workspace.state_changed.connect(lambda: drawn.append(comparison.overlaid_state.circuit.edge_names))
    host.workspace.document.store_measure("rivals", {**record, "result": result})
    host.workspace.measure_stored.emit("rivals")
    assert set(drawn) == {new_rival} and panel.rival_box.currentText() == name
    host.workspace.state_changed.disconnect()
    qtbot.keyClick(panel.rival_box, Qt.Key.Key_Up)
    assert not comparison.is_overlaid and name in comparison.matching_names()
    empty = {"found": 0, "core": list(circuit.edge_names), "rivals": []}
    qtbot.keyClick(panel.rival_box, Qt.Key.Key_Down)
    host.workspace.document.store_measure("rivals", {**record, "result": result | empty})
    host.workspace.measure_stored.emit("rivals")
    assert not comparison.is_overlaid and panel.rival_box.isHidden()
    host.workspace.document.store_measure("rivals", record)
    host.workspace.measure_stored.emit("rivals")
    host.open_document(demo_file)
    assert name not in comparison.matching_names() and comparison.overlaid_state is None
