"""Judging a circuit through the real window: every measure, its picture, its command, its place in the file."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
from opening import open_example, open_in, save_in, show_example
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.cli import run
from circuitviz.shell.main_window import MainWindow

pytestmark = pytest.mark.stalls
LONG = 90_000
OPTIONS = {"completeness": {"sets": 4, "depth": 2, "candidates": 4}, "minimality": {"sets": 1}}
OPTIONS["stability"] = {"resamples": 3}
PLOTTED = ("curve", "completeness", "minimality", "backup", "robustness", "stability")


def _measured(window: MainWindow, name: str) -> bool:
    return bool(window.workspace.document.measures.get(name, {}).get("done"))


def _ready(window: MainWindow) -> bool:
    return window.workspace.document.evaluation is not None and len(window.workspace.document.curve) == 10


@pytest.mark.long
def test_every_measure_is_taken_drawn_and_kept(
    open_window, qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    window: MainWindow = open_window()
    open_example(window)
    qtbot.waitUntil(lambda: _ready(window), timeout=LONG)
    panel = window.panels["evaluation"]
    window.dock_manager.bring_to_front("evaluation")
    window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    for name in PLOTTED:
        panel.measure_box.setCurrentText(name)
        for option, value in OPTIONS.get(name, {}).items():
            panel.option_form.fields[option].setValue(value)
        assert panel.message_label.text() == "not measured yet"
        qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
        qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda name=name: _measured(window, name), timeout=LONG)
        assert panel.chart.table_rows and len(panel.chart.table_rows) > 1, name
        assert panel.chart.hover_regions, name
        shoot(window, f"evaluation-{name}")
    assert window.workspace.document.measures["backup"]["result"]["ablated"] == ["a2.h6"]

    # stability as opacity of the edges, on request
    panel.fade_button.setChecked(True)
    shoot(window, "stability-on-canvas")
    shares = window.workspace.document.measures["stability"]["result"]["edges"]
    for edge in window.view.circuit_scene.edges:
        assert edge.opacity == pytest.approx(max(0.06, shares.get(edge.name, 0.0)))
    panel.fade_button.setChecked(False)
    assert all(edge.opacity == 1 for edge in window.view.circuit_scene.edges)

    # a click on a bar selects its node on the canvas
    panel.measure_box.setCurrentText("minimality")
    bar = panel.chart.hover_regions[0]
    place = panel.chart.region_center(bar).toPoint()
    qtbot.mouseClick(panel.chart, Qt.MouseButton.LeftButton, pos=place)
    assert window.workspace.selected_nodes == frozenset(bar.nodes)

    # what the circuit was, not what it is now
    window.run_command("ablate")
    assert "before the circuit changed" in panel.message_label.text()
    window.workspace.undo_stack.undo()

    # saved, opened again, exported, and repeated by the command that it gives
    path = tmp_path / "judged.circuit"
    assert save_in(window, path)
    kept = dict(window.workspace.document.measures)
    copy = Path(shutil.copy(path, tmp_path / "copy.circuit"))  # the first window holds the file itself
    again: MainWindow = open_window()
    open_in(again, qtbot, copy)
    assert again.workspace.document.measures == kept
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


def test_a_long_measure_is_cancelled_and_steps_aside_for_a_click(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    show_example(window, qtbot)
    panel = window.panels["evaluation"]
    window.dock_manager.bring_to_front("evaluation")
    panel.measure_box.setCurrentText("completeness")
    panel.option_form.fields["sets"].setValue(5000)
    panel.start_measure()

    def sets() -> int:
        return len(window.workspace.document.measures["completeness"]["result"]["sets"])

    qtbot.waitUntil(lambda: "completeness" in window.workspace.document.measures, timeout=LONG)
    before = sets()
    window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    window.run_command("ablate")
    qtbot.waitUntil(lambda: window.workspace.document.evaluation is not None, timeout=LONG)
    qtbot.waitUntil(lambda: sets() > before + 2, timeout=LONG)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.run_button.isEnabled(), timeout=LONG)
    assert not window.workspace.document.measures["completeness"]["done"]
    assert "not finished" in panel.message_label.text()


def test_path_patching_goes_on_from_the_ticked_heads(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    show_example(window, qtbot)
    form, panel = window.panels["discovery"], window.panels["rounds"]
    assert "path-patching first" in panel.status_line.text()
    form.method_box.setCurrentText("path-patching")
    form.prompts_field.setValue(16)
    form.start_search()

    def rounds() -> list:
        scores = window.workspace.document.state.scores
        return list(scores.info.get("rounds", [])) if window.workspace.partial_result is None else []

    qtbot.waitUntil(lambda: len(rounds()) == 1, timeout=LONG)
    qtbot.waitUntil(panel.next_round_button.isEnabled, timeout=LONG)
    first = panel.rounds_tree.topLevelItem(0)
    ticked = []
    for row in range(first.childCount()):
        wanted = first.child(row).text(0) in ("a2.h6", "a3.h5")
        if first.child(row).data(0, Qt.ItemDataRole.CheckStateRole) is not None:
            first.child(row).setCheckState(0, Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
        ticked += [first.child(row).text(0)] if wanted else []
    assert ticked
    qtbot.mouseClick(panel.next_round_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(rounds()) == 2, timeout=LONG)
    assert set(rounds()[1]["receivers"]) == {f"{name}<q>" for name in ticked}
    assert rounds()[0]["receivers"] == ["logits"]
    window.dock_manager.bring_to_front("rounds")
    shoot(window, "rounds")
    assert panel.rounds_tree.topLevelItemCount() == 2
    window.workspace.undo_stack.undo()
    assert panel.rounds_tree.topLevelItemCount() == 1
