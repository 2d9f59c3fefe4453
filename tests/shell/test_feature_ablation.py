"""A circuit of features taken apart through the real window; numbers are those of the plain model."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opening import save_in
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from screenshots import shoot
from slow_causal import SlowModel, row, slow_circuit
from slow_path import DEMO, plain
from torch import Tensor

from circuitviz.cli import run
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.features import load_dictionaries
from circuitviz.models import load_model
from circuitviz.resources import resource_path
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.prompt_evaluation import PromptEvaluationRequest

LONG = 90_000
PROMPT = "When Mary and John went to the store, John gave a drink to"
CORRUPTED = "When Mary and John went to the store, Anna gave a drink to"
QUESTION = AttributionQuery(
    "demo", PROMPT, target="logit-diff", gate="absolute", nodes=60, corrupted=CORRUPTED,
    correct=(" Mary",), incorrect=(" John",),
)  # fmt: skip


def _measured(window: MainWindow) -> bool:
    return (
        window.workspace.document.state.circuit is not None
        and window.workspace.document.evaluation is not None
    )


def _numbers(window: MainWindow) -> dict[str, Any]:
    found = window.workspace.document.evaluation
    assert found is not None
    return found


Ask = Callable[[AttributionQuery], MainWindow]


@pytest.fixture
def ask(open_window, qtbot: QtBot) -> Ask:
    """A window in which a question about features was answered and measured."""

    def make(question: AttributionQuery) -> MainWindow:
        window: MainWindow = open_window()
        window.workspace.prompt_circuits.submit_query(question)
        qtbot.waitUntil(lambda: _measured(window), timeout=LONG)
        return window

    return make


class Plain:
    """The demo model as its file has it, with hooks of the test's own."""

    def __init__(self) -> None:
        model = load_model("demo")
        self.right, self.wrong = (model.tokens.answer_id(PROMPT, name) for name in (" Mary", " John"))
        found = load_dictionaries([resource_path("demo", "dictionaries")], model)
        sites = {one.site.name: one for one in found}
        hf = plain(DEMO)
        self.model, other = (SlowModel(hf, sites, model.tokens.encode(text)) for text in (PROMPT, CORRUPTED))
        other.logits(lambda site, value: value)
        self.others = other.parts

    def difference(self, logits: Tensor) -> float:
        return float(logits[self.right] - logits[self.wrong])

    def circuit(self, nodes: set[str], factors: dict[str, float] | None = None) -> float:
        return self.difference(slow_circuit(self.model, nodes, self.others, factors))

    def changed(self, out: list[str]) -> float:
        def change(site: str, value: Tensor) -> Tensor:
            for name in out:
                at, item, position = row(name)
                if at == site:
                    value[position, item] = self.others[site][position, item]
            return value

        return self.difference(self.model.logits(change))


def test_three_features_are_taken_out_and_put_back(ask: Ask, qtbot: QtBot, tmp_path: Path) -> None:
    window = ask(QUESTION)
    panel, meter, slow = window.panels["ablation"], window.panels["meter"], Plain()
    window.dock_manager.bring_to_front("ablation")
    state = window.workspace.document.state
    trial = PromptEvaluationRequest.from_state(state)
    assert trial is not None and state.circuit is not None
    whole, first, nodes = _numbers(window), state.hash, set(trial.nodes)
    assert whole["metric"]["circuit"] == pytest.approx(slow.circuit(nodes), abs=1e-3)
    assert whole["metric"]["ablated"] == pytest.approx(slow.circuit(set()), abs=1e-3)
    assert "[" not in meter.interval_label.text() and "one prompt" in meter.interval_label.text()
    shown = meter.value_label.text()
    assert shown == f"{whole['faithfulness']['value']:.3f}".replace("-", "−")
    assert not panel.ablation_form.positions_field.isVisible() and panel.ablation_form.errors_box.isVisible()
    shoot(window, "features-whole")

    # what if, asked without doing it
    strong = sorted(nodes, key=lambda n: -abs(state.scores.info["attributions"][n]))
    features = [name for name in strong if ".f" in name][2:5]
    window.view.select({features[0]})
    _key(window, QEvent.Type.KeyPress)
    assert meter.what_if_label.text().startswith(f"without {features[0]}: ≈ ")
    _key(window, QEvent.Type.KeyRelease)
    assert window.workspace.document.state is state

    out: list[str] = []
    for name in features:
        window.workspace.set_selection(frozenset({name}), frozenset())
        window.run_command("ablate")
        out.append(name)
        assert meter.value_label.text().startswith("≈") or meter.value_label.text() == "–"
        qtbot.waitUntil(lambda: _measured(window), timeout=LONG)
        found = _numbers(window)
        assert found["metric"]["circuit"] == pytest.approx(slow.circuit(nodes - set(out)), abs=1e-3)
        start = slow.changed([])
        assert found["target"]["before"] == pytest.approx(start, abs=1e-3)
        assert found["target"]["free"] == pytest.approx(slow.changed(out) - start, abs=1e-3)
        assert found["target"]["frozen"] == pytest.approx(found["target"]["predicted"], abs=1e-4)
    section = panel.changes_tree.topLevelItem(0)
    rows = {section.child(i).text(0): section.child(i).text(3) for i in range(section.childCount())}
    assert rows["free"] == f"{found['target']['free']:+.3f}".replace("-", "−")
    assert rows["predicted"] == f"{found['target']['predicted']:+.3f}".replace("-", "−")
    assert panel.changes_tree.topLevelItem(1).child(0).text(0).startswith("before:  ' Mary'")
    assert panel.history_list.count() == 4
    response = panel.changes_tree.topLevelItem(2).child(0)
    assert response.text(0) in nodes - set(out)
    at, item, position = row(response.text(0))
    slow.changed(out)
    after = f"{float(slow.model.parts[at][position, item]):.3f}"
    assert response.text(2) == after != response.text(1)
    panel.changes_tree.activate_row(response)
    assert window.workspace.selected_nodes == {response.text(0)}
    shoot(window, "features-ablated")

    # the command line reads the same numbers from the file
    path = tmp_path / "apart.circuit"
    assert save_in(window, path)
    for _ in features:
        window.workspace.undo_stack.undo()
    assert window.workspace.document.state.hash == first
    assert _numbers(window) == whole and meter.value_label.text() == shown
    for _ in features:
        window.workspace.undo_stack.redo()
    assert _numbers(window) == found


def test_features_are_scaled_set_and_judged_otherwise(ask: Ask, qtbot: QtBot) -> None:
    window = ask(QUESTION)
    panel, slow = window.panels["ablation"], Plain()
    window.dock_manager.bring_to_front("ablation")
    trial = PromptEvaluationRequest.from_state(window.workspace.document.state)
    assert trial is not None
    name = next(n for n in trial.nodes if n.startswith("m2.f"))
    window.workspace.set_selection(frozenset({name}), frozenset())
    panel.ablation_form.value_box.setCurrentText("scale")
    panel.ablation_form.factor_field.setValue(0.25)
    qtbot.mouseClick(panel.ablation_form.apply_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: _measured(window), timeout=LONG)
    circuit = _numbers(window)["metric"]["circuit"]
    assert circuit == pytest.approx(slow.circuit(set(trial.nodes), {name: 0.25}), abs=1e-3)
    own = window.workspace.document.state.scores.info["activations"][name]
    panel.ablation_form.value_box.setCurrentText("set")
    panel.ablation_form.factor_field.setValue(own * 0.25)
    qtbot.mouseClick(panel.ablation_form.apply_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: _measured(window), timeout=LONG)
    assert (
        panel.history_list.item(1).text().endswith(f"{name} = {panel.ablation_form.factor_field.value():g}")
    )
    before = _numbers(window)["faithfulness"]["value"]
    panel.ablation_form.errors_box.setCurrentText("dropped")
    panel.ablation_form.errors_box.activated.emit(1)
    assert window.panels["meter"].value_label.text() == "–"  # never the number of another setting
    qtbot.waitUntil(lambda: _measured(window), timeout=LONG)
    assert _numbers(window)["setting"]["errors"] == "dropped"
    assert _numbers(window)["faithfulness"]["value"] != pytest.approx(before, abs=1e-4)
    panel.ablation_form.ablation_box.setCurrentText("mean")
    panel.ablation_form.ablation_box.activated.emit(1)
    qtbot.waitUntil(lambda: _measured(window), timeout=LONG)
    assert "passages of the demo's text" in window.panels["meter"].setting_label.text()
    shoot(window, "features-scaled")
    assert panel.history_list.count() == 5  # the same change in each setting

    # an entry of another setting goes back to that, too
    entry = panel.history_list.item(3)
    assert entry.text().endswith("corrupted ablation, errors kept")
    panel._restore_entry(entry)
    assert _numbers(window)["faithfulness"]["value"] == before
    assert panel.ablation_form.errors_box.currentText() == "kept"
    for _ in range(3):
        window.workspace.undo_stack.undo()
    assert _numbers(window)["faithfulness"]["value"] == before


def test_predicted_and_measured_are_drawn_node_by_node(ask: Ask, qtbot: QtBot, tmp_path: Path) -> None:
    window = ask(QUESTION)
    panel, slow = window.panels["ablation"], Plain()
    window.dock_manager.bring_to_front("ablation")
    panel.tabs.setCurrentIndex(1)
    box = panel.prediction_view
    assert box.compare_button.isEnabled() and not box.export_button.isEnabled()
    qtbot.mouseClick(box.compare_button, Qt.MouseButton.LeftButton)
    assert not box.compare_button.isEnabled() and box.cancel_button.isEnabled()
    qtbot.waitUntil(lambda: len(box.chart.table_rows) > 3, timeout=LONG)  # partial results are drawn
    qtbot.waitUntil(lambda: _done(window, "predicted"), timeout=LONG)
    trial = PromptEvaluationRequest.from_state(window.workspace.document.state)
    assert trial is not None
    points = window.workspace.document.measures["predicted"]["result"]["points"]
    assert {p["node"] for p in points} == set(trial.nodes)
    start = slow.changed([])
    for point in [p for p in points if ".f" in p["node"]][:6]:
        assert point["measured"] == pytest.approx(slow.changed([point["node"]]) - start, abs=1e-3)
    shoot(window, "features-predicted")
    region = box.chart.hover_regions[7]
    text, chosen = region.text, region.nodes
    assert chosen[0] in text and "predicted" in text
    box.chart.nodes_clicked.emit(chosen)
    assert window.workspace.selected_nodes == frozenset(chosen)
    box.chart.save(tmp_path / "points.csv")
    table = list(csv.reader((tmp_path / "points.csv").read_text().splitlines()))
    assert table[0] == ["node", "predicted", "measured"] and len(table) == len(points) + 1
    box.chart.save(tmp_path / "points.svg")
    assert "<image" not in (tmp_path / "points.svg").read_text()

    # selected ones, frozen: on the diagonal; and a job that is ended keeps what it has
    window.workspace.set_selection(frozenset(list(trial.nodes)[:4]), frozenset())
    box.nodes_box.setCurrentIndex(1)
    box.response_box.setCurrentText("frozen")
    qtbot.waitUntil(box.compare_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(box.compare_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: _done(window, "predicted", 4), timeout=LONG)
    points = window.workspace.document.measures["predicted"]["result"]["points"]
    for point in points:
        assert point["measured"] == pytest.approx(point["predicted"], abs=1e-5)

    # the command that repeats it names what was selected
    evaluation = window.panels["evaluation"]
    window.dock_manager.bring_to_front("evaluation")
    qtbot.waitUntil(lambda: evaluation.measure_box.findText("predicted") >= 0, timeout=LONG)
    evaluation.measure_box.setCurrentText("predicted")
    window.workspace.set_selection(frozenset(), frozenset())
    parts = shlex.split(evaluation.evaluate_command())
    assert set(parts[parts.index("--predicted-nodes") + 1].split(",")) == {p["node"] for p in points}


def test_measures_of_features_are_taken_and_others_say_why_not(
    ask: Ask, qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    window = ask(QUESTION)
    panel = window.panels["evaluation"]
    window.dock_manager.bring_to_front("evaluation")
    panel.measure_box.setCurrentText("curve")
    assert not panel.run_button.isEnabled() and "features" in panel.description_label.text()
    shoot(window, "features-refused")
    panel.measure_box.setCurrentText("ablations")
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: _done(window, "ablations"), timeout=LONG)
    cells = window.workspace.document.measures["ablations"]["result"]["cells"]
    cells = [cell for cell in cells if cell["ablation"] == "corrupted"]
    ways = [(cell["errors"], cell["patterns"]) for cell in cells]
    assert ways == [("kept", "free"), ("kept", "frozen"), ("dropped", "free"), ("dropped", "frozen")]
    assert cells[0]["faithfulness"] == pytest.approx(_numbers(window)["faithfulness"]["value"])
    assert cells[1]["faithfulness"] != pytest.approx(cells[0]["faithfulness"], abs=1e-3)
    shoot(window, "features-ablations")
    panel.measure_box.setCurrentText("sizes")
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: _done(window, "sizes"), timeout=LONG)
    last = window.workspace.document.measures["sizes"]["result"]["points"][-1]
    assert last["nodes"] == _numbers(window)["nodes"] and len(panel.chart.table_rows) > 9
    assert last["faithfulness"] == pytest.approx(cells[0]["faithfulness"], abs=1e-6)
    shoot(window, "features-sizes")

    path = tmp_path / "features.circuit"
    assert save_in(window, path)
    numbers = _numbers(window)
    capsys.readouterr()
    assert run(["evaluate", str(path), "--measures", "faithfulness,ablations,curve", "--json"]) == 0
    out, err = capsys.readouterr()
    data = json.loads(out)
    assert data["faithfulness"]["value"] == pytest.approx(numbers["faithfulness"]["value"], abs=1e-5)
    assert data["faithfulness"]["low"] is None
    assert {"metric", "edges", "nodes", "setting", "ablations"} <= data.keys()
    assert "features" in data["refused"]["curve"] and "curve" in err


def test_without_a_corrupted_partner_zero_and_mean_are_offered(ask: Ask, qtbot: QtBot) -> None:
    from dataclasses import replace

    window = ask(replace(QUESTION, corrupted="", nodes=30))
    panel = window.panels["ablation"]
    window.dock_manager.bring_to_front("ablation")
    form = panel.ablation_form
    assert [form.ablation_box.itemText(i) for i in range(form.ablation_box.count())] == ["zero", "mean"]
    assert "corrupted prompt" in form.ablation_box.toolTip()
    item = form.value_box.model().item(form.value_box.findText("corrupted"))
    assert not item.isEnabled() and "corrupted prompt" in item.toolTip()
    assert _numbers(window)["setting"]["ablation"] == "zero"

    # the target is what the circuit is of: it cannot be out, and no number says that it were
    state, said = window.workspace.document.state, []
    window.workspace.message_posted.connect(said.append)
    target = state.circuit.graph.nodes[-1].name
    window.view.select({target})
    window.menus.actions["ablate"].trigger()
    assert target in said[-1] and window.workspace.document.state is state
    window.workspace.live_faithfulness.show_what_if(frozenset({target}))
    assert window.panels["meter"].what_if_label.text() == f"without {target}: no estimate"


def _done(window: MainWindow, name: str, points: int | None = None) -> bool:
    found = window.workspace.document.measures.get(name, {})
    return bool(found.get("done")) and (points is None or len(found["result"]["points"]) == points)


def _key(window: MainWindow, kind: QEvent.Type) -> None:
    event = QKeyEvent(kind, Qt.Key.Key_W, Qt.KeyboardModifier.NoModifier, "w")
    QApplication.sendEvent(window.view, event)
