"""The examples of the architecture page work as they are printed: each adds one thing, and it is there."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

import circuitviz as cv
from circuitviz.commands import commands
from circuitviz.discovery import make_setting, methods
from circuitviz.document import Document, State
from circuitviz.evaluation.faithfulness import FaithfulnessBench
from circuitviz.evaluation.registry import MeasureInput, measure_steps, measures
from circuitviz.formats.registry import format_for, formats
from circuitviz.graph import SELECTIONS, Circuit
from circuitviz.layout.registry import layouts
from circuitviz.lens.registry import ReadingInput, reading_steps, readings
from circuitviz.metrics import metrics
from circuitviz.models import ABLATIONS
from circuitviz.panels.registry import panels
from circuitviz.plots import measure_plots
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.shapes.charts import build_chart
from circuitviz.tasks import tasks
from circuitviz.workbench.record_origin import select_circuit
from circuitviz.workspace.workspace import Workspace

REGISTRIES = (methods, metrics, tasks, measures, measure_plots, readings, layouts, formats, panels, commands)


@pytest.fixture(autouse=True)
def _registries_are_restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for registry in REGISTRIES:
        registry.names()  # all modules are imported before the copy is made
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    yield
    sys.modules.pop("help_example", None)


def run_example(heading: str) -> dict[str, Any]:
    """Execute the Python block under a heading of the architecture page, and return its names."""
    page = resource_path("help", "architecture.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", page, flags=re.MULTILINE)
    (text,) = (part for part in section if part.startswith(heading))
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    module = ModuleType("help_example")
    sys.modules[module.__name__] = module  # dataclasses look up their module
    exec(compile(code, heading, "exec"), vars(module))
    return vars(module)


@pytest.fixture(scope="module")
def model() -> Any:
    return cv.load_model("demo")


def test_a_computation_runs_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    names = run_example("Long computations")
    assert names["scores"].method == "eap" and "100%" in capsys.readouterr().out


def test_a_file_is_evaluated_and_read(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task = cv.load_task("ioi", model, prompts=4)
    scores = cv.discover(model, task, "eap")
    state = select_circuit(model, task, scores, "logit-diff", "corrupted", "greedy", 60, 0.0)
    cv.save_document(Document(state), tmp_path / "ioi.circuit")
    monkeypatch.chdir(tmp_path)
    names = run_example("Experiments")
    assert state.circuit is not None
    assert names["evaluation"].as_dict() == cv.evaluate(model, task, state.circuit).as_dict()
    assert names["reading"].top == cv.read_node(model, task, "a3.h1").top
    assert str(names["evaluation"].faithfulness.value) in capsys.readouterr().out


def test_a_metric_a_task_and_a_method_work_together(model: Any) -> None:
    for heading in ("How to add a metric", "How to add a task", "How to add a method"):
        run_example(heading)
    task = cv.load_task("opposite-pronoun", model, prompts=4)
    scores = cv.discover(model, task, "random", noise_seed=3)
    assert scores.options == {"noise_seed": 3}
    evaluation = cv.evaluate(model, task, scores.greedy(50), metric="best-logit")
    assert evaluation.metric == "best-logit" and evaluation.edges == 50


def test_a_measure_has_its_number_and_its_plot(model: Any) -> None:
    run_example("How to add a measure")
    task = cv.load_task("gender", model, prompts=2)
    bench = FaithfulnessBench(make_setting(model, task))
    measure_input = MeasureInput(bench, Circuit.full(model.graph))
    result = run_to_completion(measure_steps("edge-share", measure_input)).as_dict()
    assert result["share"] == 1.0 and sum(result["senders"].values()) == model.graph.n_edges
    assert dict(build_chart("edge-share", result).table_rows[1:]) == result["senders"]


def test_a_reading_has_a_number_for_each_position(model: Any) -> None:
    run_example("How to add a reading")
    task = cv.load_task("gender", model, prompts=2)
    plot = run_to_completion(reading_steps("output-norm", ReadingInput(model, task, node="a1.h0")))
    (norms,) = plot.values
    assert len(norms) == int(task.lengths[0]) and all(norm > 0 for norm in norms)


def test_a_command_does_what_it_says(qtbot: QtBot, model: Any) -> None:
    run_example("How to add a user command")
    workspace = Workspace()
    try:
        entry = commands.get("select-first-layer").value
        assert "circuit" in entry.enabled(workspace)
        workspace.set_document(Document(State(circuit=Circuit.full(model.graph))))
        assert not entry.enabled(workspace)
        entry.run({Workspace: workspace})
        heads = {f"a0.h{head}" for head in range(model.graph.shape.n_heads)}
        assert workspace.selected_nodes == heads | {"m0"}
    finally:
        workspace.stop()


def test_a_layout_places_every_node(model: Any) -> None:
    run_example("How to add a layout")
    circuit = Circuit.full(model.graph)
    places = layouts.get("diagonal").value(
        model.graph, circuit.node_names, circuit.edges, {"input": (5.0, 5.0)}
    )
    assert set(places) == set(circuit.node_names) and places["input"] == (5.0, 5.0)


def test_a_format_writes_the_edges(model: Any, tmp_path: Path) -> None:
    run_example("How to add a file format")
    path = tmp_path / "circuit.edges"
    document = Document(State(circuit=Circuit.full(model.graph)))
    entry = format_for(path, writing=True)
    entry.value.write(document, path)
    assert entry.name == "edge-list"
    assert path.read_text(encoding="utf-8").split() == list(document.state.circuit.edge_names)


def test_a_panel_follows_the_document(qtbot: QtBot, model: Any) -> None:
    workspace = Workspace()
    try:
        panel = run_example("How to add a panel")["EdgeCountPanel"](workspace)
        qtbot.addWidget(panel)
        assert panels.get("edge-count").extra["area"] == "right"
        workspace.set_document(Document(State(circuit=Circuit.full(model.graph))))
        qtbot.waitUntil(lambda: panel.label.text() == f"{model.graph.n_edges} edges")
    finally:
        workspace.stop()


@pytest.mark.parametrize("registry", [methods, metrics, tasks, measures], ids=lambda registry: registry.kind)
def test_the_methods_page_defines_every_registered_name(registry: Any) -> None:
    page = resource_path("help", "methods.md").read_text(encoding="utf-8")
    assert [name for name in registry.names() if f"`{name}`" not in page] == []


def test_the_methods_page_defines_every_ablation_and_selection() -> None:
    page = resource_path("help", "methods.md").read_text(encoding="utf-8")
    assert [name for name in (*ABLATIONS, *SELECTIONS) if f"`{name}`" not in page] == []
