"""Examples of a trace collection: from prompts, texts and dashboards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from panel_host import PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.panels.traces.panel import TracesPanel
from circuitviz.workbench.requests.collect_traces import DASHBOARD_FILE, TASK_PROMPTS, TEXT_FILE

pytestmark = pytest.mark.usefixtures("little_text")


def test_examples_come_from_prompts_texts_and_dashboards(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    panel: TracesPanel = demo_host.show("traces")
    panel.collect_form.source_box.setCurrentText(TASK_PROMPTS)
    prompts = demo_host.workspace.opened_model.prompts
    traces = demo_host.collect_traces("m3.f17", max_examples=5, nodes_per_circuit=40)
    assert len(traces.traces) == 5
    assert all("".join(trace.strings[1:]).strip() in prompts for trace in traces.traces)

    # a text file, and dashboards as Neuronpedia and circuit-tracer write them
    said = "Then Mary and John went to the park."
    (tmp_path / "mine.txt").write_text(f"{said}\nWhen Anna and Tom met, Tom gave a ring to Anna.\n")
    panel.collect_form.source_box.setCurrentText(TEXT_FILE)
    panel.collect_form.set_examples_path(tmp_path / "mine.txt")
    assert {len(trace.strings) for trace in demo_host.collect_traces("m3.f17").traces} == {10, 15}
    words = ["<|endoftext|>", *(f"Ġ{word}" if i else word for i, word in enumerate(said[:-1].split())), "."]
    values = [0.0] * len(words)
    neuronpedia = {"modelId": "demo", "layer": "3-tres-dc", "index": "17"}
    neuronpedia["activations"] = [{"tokens": words, "values": values, "maxValue": 1.0}]
    tracer = {"index": 17, "examples_quantiles": [{"quantile_name": "Top", "examples": []}]}
    tracer["examples_quantiles"][0]["examples"].append({"tokens": words, "tokens_acts_list": values})
    panel.collect_form.source_box.setCurrentText(DASHBOARD_FILE)
    for name, content in (("np.json", neuronpedia), ("ct.json", tracer)):
        (tmp_path / name).write_text(json.dumps(content))
        panel.collect_form.set_examples_path(tmp_path / name)
        (trace,) = demo_host.collect_traces("m3.f17").traces
        assert "".join(trace.strings[1:]) == said
    assert len(panel.collections) == 4

    # what cannot be is said where one looks, and nothing is lost
    demo_host.collect_traces("m3.f36")
    assert "ct.json' holds no example of m3.f36; it has some of" in panel.collect_form.message_label.text()
    panel.collect_form.source_box.setCurrentText(TEXT_FILE)
    (tmp_path / "short.txt").write_text("to\n")
    panel.collect_form.set_examples_path(tmp_path / "short.txt")
    demo_host.collect_traces("m3.f2")
    assert "never fires" in panel.collect_form.message_label.text() and len(panel.collections) == 4
    failures = []
    demo_host.workspace.failure_reported.disconnect()
    demo_host.workspace.failure_reported.connect(failures.append)
    panel.collect_form.feature_field.setText("somewhere")
    qtbot.mouseClick(panel.collect_form.collect_button, Qt.MouseButton.LeftButton)
    assert "'somewhere' names no feature" in failures[0].message


def test_a_name_that_is_no_feature_is_said_once_it_is_typed(idle_host: PanelHost, qtbot: QtBot) -> None:
    form = idle_host.show("traces").collect_form
    form.feature_field.setFocus()
    qtbot.keyClicks(form.feature_field, "m3.17")
    form.source_box.setFocus()
    assert "m3.17" in form.message_label.text()
    form.feature_field.setFocus()
    form.feature_field.clear()
    qtbot.keyClicks(form.feature_field, "m3.f17")
    form.source_box.setFocus()
    assert not form.message_label.text()
