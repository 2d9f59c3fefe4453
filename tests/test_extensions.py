"""The newcomer's test: each example of the architecture page, as one file elsewhere, is in window and command line.

The files are those that the page prints. They are installed as a distribution that stands on the import path: only its
entry points name them.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opening import LONG, export_in, measured, save_in
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from screenshots import shoot
from slow_path import DEMO, SlowModel, plain
from window_fixtures import open_window, own_data, steady

from circuitviz.commands import commands
from circuitviz.discovery import methods
from circuitviz.evaluation import measures
from circuitviz.formats.registry import formats
from circuitviz.lens.registry import readings
from circuitviz.metrics import metrics
from circuitviz.panels.registry import panels
from circuitviz.plots import measure_plots
from circuitviz.registry import Registry
from circuitviz.resources import resource_path
from circuitviz.shapes.charts.chart_spec import RectMark
from circuitviz.shell.main_window import MainWindow
from circuitviz.tasks import load_task

__all__ = ["open_window", "own_data", "steady"]

ROOT = Path(__file__).parent.parent
EXAMPLES = {  # heading of the page: entry point group, name of the entry point and of the module
    "How to add a method": ("circuitviz.methods", "toy_method"),
    "How to add a metric": ("circuitviz.metrics", "toy_metric"),
    "How to add a measure": ("circuitviz.measures", "toy_measure"),
    "How to add a reading": ("circuitviz.readings", "toy_reading"),
    "How to add a user command": ("circuitviz.commands", "toy_command"),
    "How to add a panel": ("circuitviz.panels", "toy_panel"),
    "How to add a file format": ("circuitviz.formats", "toy_format"),
}
BROKEN = ("circuitviz.readings", "toy_broken")
REGISTRIES: tuple[Registry[Any], ...] = (
    *(methods, metrics, measures, measure_plots, readings, commands, panels, formats),
)
PROMPTS, EDGES, SEED, NODE = 6, 40, 5, "a1.h2"
RUN_COMMANDS = """
import contextlib, io, json, sys
from circuitviz.__main__ import main

answers = []
for argv in json.load(sys.stdin):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = main(argv)
    answers.append([code, printed.getvalue()])
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the import path, with one module for each example and a distribution that names them."""
    folder = tmp_path_factory.mktemp("site-packages")
    page = resource_path("help", "architecture.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", page, flags=re.MULTILINE)
    groups: dict[str, list[str]] = {}
    for heading, (group, module) in EXAMPLES.items():
        (section,) = (text for text in sections if text.startswith(heading))
        (code,) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        (folder / f"{module}.py").write_text(code, encoding="utf-8")
        groups.setdefault(group, []).append(module)
    (folder / f"{BROKEN[1]}.py").write_text("import a_package_that_is_not_there\n", encoding="utf-8")
    groups[BROKEN[0]].append(BROKEN[1])
    info = folder / "toy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n", encoding="utf-8")
    lines = [
        f"[{group}]\n" + "\n".join(f"{name} = {name}" for name in names) for group, names in groups.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def run_commands(site: Path, folder: Path, *lines: str) -> list[str]:
    """What the command line prints for each line, in a process that sees the distribution."""
    path = os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", RUN_COMMANDS],
        input=json.dumps([shlex.split(line) for line in lines]),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout)
    assert [code for code, _ in answers] == [0] * len(lines), done.stderr[-3000:]
    return [printed for _, printed in answers]


@pytest.fixture(scope="module")
def twin() -> SlowModel:
    """The demo model without a line of circuitviz."""
    return SlowModel(plain(DEMO))


@pytest.fixture(scope="module")
def task(demo: Any) -> Any:
    """The prompts that the commands and the window take, as token ids."""
    return load_task("ioi", demo.model, prompts=PROMPTS, seed=0)


@pytest.fixture
def extended(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process sees the distribution, too: every registry looks for entry points again."""
    for registry in REGISTRIES:
        registry.names()  # all that is circuitviz's own is imported before the copy is made
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
        monkeypatch.setattr(registry, "import_errors", dict(registry.import_errors))
        monkeypatch.setattr(registry, "_is_imported", False)
    monkeypatch.syspath_prepend(str(site))
    yield
    for _, module in EXAMPLES.values():
        sys.modules.pop(module, None)


def slow_norms(twin: SlowModel, task: Any, prompt: int, node: str) -> list[float]:
    """The norm of a node's output at each position of a prompt."""
    tokens = task.clean[prompt : prompt + 1, : int(task.lengths[prompt])]
    _, outputs = twin.run(tokens, task.lengths[prompt : prompt + 1] - 1)
    return outputs[node][0].norm(dim=-1).tolist()


def slow_best_logit(twin: SlowModel, task: Any) -> float:
    """The mean over prompts of the largest logit of a correct answer."""
    logits, _ = twin.run(task.clean, task.lengths - 1)
    best = [
        max(float(logits[i, answer]) for answer in answers if answer >= 0)
        for i, answers in enumerate(task.correct.tolist())
    ]
    return float(np.mean(best))


def slow_random_scores(twin: SlowModel) -> dict[str, float]:
    """The random score of every edge, receiver by receiver: each reads every earlier sender."""
    senders, read_by = ["input"], {}
    for layer in range(len(twin.blocks)):
        receivers = twin.receivers(layer)
        for channel in "qkv":
            read_by |= {name: len(senders) for its_channel, name in receivers if its_channel == channel}
        senders += [f"a{layer}.h{head}" for head in range(twin.heads)]
        read_by[f"m{layer}"] = len(senders)
        senders.append(f"m{layer}")
    read_by["logits"] = len(senders)
    drawn = np.random.default_rng(SEED).normal(size=(len(senders), len(read_by)))
    return {
        f"{sender}->{receiver}": drawn[i, j]
        for j, (receiver, n_earlier) in enumerate(read_by.items())
        for i, sender in enumerate(senders[:n_earlier])
    }


def count_senders(edges: Iterable[str]) -> Counter[str]:
    """The number of edges from each sender."""
    return Counter(edge.split("->")[0] for edge in edges)


def read_rows(text: str) -> list[dict[str, str]]:
    """The rows of a CSV table."""
    return list(csv.DictReader(io.StringIO(text)))


def test_each_file_is_in_the_command_line(site: Path, tmp_path: Path, twin: SlowModel, task: Any) -> None:
    names = {
        "methods": "random",
        "metrics": "best-logit",
        "measures": "edge-share",
        "readings": "output-norm",
        "formats": "edge-list",
    }
    discover = f"discover -m demo -t ioi --prompts {PROMPTS} --edges {EDGES} -o a.circuit --json"
    reading = f"inspect a.circuit --reading output-norm --node {NODE} --prompt 2"
    answers = run_commands(
        site,
        tmp_path,
        *(f"list {kind} --json" for kind in names),
        f"{discover} --method random --noise-seed {SEED} --metric best-logit",
        "evaluate a.circuit --measures edge-share --json",
        f"{reading} --json",
        reading,
        "export a.circuit -o a.edges",
        "export a.circuit -o a.csv",
    )
    lists = {kind: json.loads(answer) for kind, answer in zip(names, answers, strict=False)}
    for kind, name in names.items():
        (row,) = (row for row in lists[kind] if row["name"] == name)
        assert row["summary"]
    assert [row["error"] for row in lists["readings"] if row["name"] == BROKEN[1]] == [
        "ModuleNotFoundError: No module named 'a_package_that_is_not_there'"
    ]
    (method,) = (row for row in lists["methods"] if row["name"] == "random")
    assert method["options"][0]["flag"] == "--noise-seed"

    found, evaluated, table = map(json.loads, answers[5:8])
    assert found["method"] == "random" and found["options"] == {"noise_seed": SEED}
    scores = slow_random_scores(twin)
    rows = read_rows((tmp_path / "a.csv").read_text(encoding="utf-8"))
    assert len(rows) == EDGES
    for row in rows:
        assert float(row["score"]) == scores[f"{row['sender']}->{row['receiver']}"]

    assert evaluated["setting"]["metric"] == "best-logit"
    assert evaluated["metric"]["model"] == pytest.approx(slow_best_logit(twin, task), abs=1e-4)
    edges = (tmp_path / "a.edges").read_text(encoding="utf-8").split()
    assert len(edges) == EDGES
    assert evaluated["edge-share"]["share"] == pytest.approx(EDGES / len(scores))
    assert evaluated["edge-share"]["senders"] == count_senders(edges)

    assert [row["value"] for row in table] == pytest.approx(slow_norms(twin, task, 2, NODE), rel=1e-4)
    assert [row["column"] for row in table] == task.prompt_strings(2)
    assert [float(row["value"]) for row in read_rows(answers[8])] == [row["value"] for row in table]


def test_each_file_is_in_the_window(
    site: Path, extended: None, open_window: Any, qtbot: QtBot, tmp_path: Path, twin: SlowModel, task: Any
) -> None:
    window: MainWindow = open_window()
    readings_panel = window.panels["readings"]
    qtbot.waitUntil(lambda: "output-norm" in readings_panel.pages_by_name, timeout=LONG)
    log = window.panels["log"].text_field.toPlainText()
    assert f"{BROKEN[1]} is disabled" in log and "a_package_that_is_not_there" in log

    # the method and the metric, chosen in the form
    form = window.panels["discovery"]
    form.task_box.setCurrentText("ioi")
    form.prompts_field.setValue(PROMPTS)
    form.method_box.setCurrentText("random")
    form.option_form.fields["noise_seed"].setValue(SEED)
    form.metric_box.setCurrentText("best-logit")
    form.edges_field.setValue(EDGES)
    qtbot.mouseClick(form.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    document, scores = window.workspace.document, slow_random_scores(twin)
    circuit, found = document.state.circuit, document.state.scores
    assert found.method == "random" and circuit.n_edges == EDGES
    for edge, value in scores.items():
        sender, receiver = edge.split("->")
        assert found.values[found.graph.senders.index(sender), found.graph.receivers.index(receiver)] == value
    assert document.evaluation["setting"]["metric"] == "best-logit"
    assert document.evaluation["metric"]["model"] == pytest.approx(slow_best_logit(twin, task), abs=1e-4)

    # the panel
    assert window.panels["edge-count"].label.text() == f"{EDGES} edges"
    assert window.dock_manager.docks["edge-count"].windowTitle() == "Edge count"

    # the command, from its menu and from the palette
    action = window.menus.actions["select-first-layer"]
    (menu,) = (entry.menu() for entry in window.menuBar().actions() if entry.text() == "Select")
    assert action in menu.actions() and action.isEnabled()
    action.trigger()
    first_layer = {name for name in circuit.node_names if name.startswith(("a0.", "m0"))}
    assert first_layer and window.workspace.selected_nodes == first_layer
    window.workspace.set_selection(frozenset(), frozenset())
    window.open_palette()
    window.command_palette.query_field.setText("Select the first layer")
    window.command_palette.run_current()
    assert window.workspace.selected_nodes == first_layer

    # the measure, its plot, and a click on a bar
    panel = window.panels["evaluation"]
    window.dock_manager.bring_to_front("evaluation")
    panel.measure_box.setCurrentText("edge-share")
    qtbot.waitUntil(panel.run_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: document.measures.get("edge-share", {}).get("done", False), timeout=LONG)
    senders = count_senders(circuit.edge_names)
    result = document.measures["edge-share"]["result"]
    assert result == {"share": pytest.approx(EDGES / len(scores)), "senders": senders}
    (bars,) = (mark for mark in panel.chart.spec.marks if isinstance(mark, RectMark))
    assert bars.bounds[:, 2].tolist() == sorted(senders.values(), reverse=True)
    bar = panel.chart.hover_regions[0]
    place = panel.chart.region_center(bar).toPoint()
    qtbot.mouseClick(panel.chart, Qt.MouseButton.LeftButton, pos=place)
    assert window.workspace.selected_nodes == {next(iter(result["senders"]))}
    shoot(window, "toy-measure")

    # the reading of a selected node
    window.dock_manager.bring_to_front("readings")
    button, page = (of["output-norm"] for of in (readings_panel.page_buttons, readings_panel.pages_by_name))
    assert button.text() == "Output norm"
    window.workspace.set_selection(frozenset(), frozenset())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert "Select a node" in page.hint.text()
    node = next(name for name in circuit.node_names if name.startswith("a1."))
    window.workspace.set_prompt_index(2)
    window.workspace.set_selection(frozenset({node}), frozenset())
    qtbot.waitUntil(lambda: page.result is not None, timeout=LONG)
    grid = page.heat_map.grid
    assert page.heat_map.isVisible() and grid.row_names == [node]
    assert grid.values[0] == pytest.approx(np.array(slow_norms(twin, task, 2, node)), rel=1e-4)
    assert list(grid.column_names) == task.prompt_strings(2)
    shoot(window, "toy-reading")
    window.workspace.set_selection(frozenset({"logits"}), frozenset())
    qtbot.waitUntil(lambda: "'logits' writes nothing" in page.hint.text(), timeout=LONG)
    window.workspace.worker_idle.emit()  # what was refused was answered, and not cancelled
    assert "'logits' writes nothing" in page.hint.text()
    window.workspace.set_selection(frozenset({node}), frozenset())
    qtbot.waitUntil(lambda: page.result is not None, timeout=LONG)

    # the format, and everything again from the saved file
    path = tmp_path / "circuit.circuit"
    assert save_in(window, path) and export_in(window, tmp_path / "b.edges")
    assert (tmp_path / "b.edges").read_text(encoding="utf-8").split() == list(circuit.edge_names)
    printed, *_ = run_commands(
        site,
        tmp_path,
        readings_panel.inspect_command().removeprefix("circuitviz "),
        f"export {path.name} -o plot.svg --plot edge-share",
        f"export {path.name} -o plot.csv --plot edge-share",
    )
    assert [float(row["value"]) for row in read_rows(printed)] == grid.values[0].tolist()
    assert "edges in the circuit" in (tmp_path / "plot.svg").read_text(encoding="utf-8")
    table = read_rows((tmp_path / "plot.csv").read_text(encoding="utf-8"))
    assert {row["name"]: int(row["value"]) for row in table} == senders
