"""Examples of a trace collection: from prompts, texts and dashboards."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from neuronpedia_server import feature_answer, serve_neuronpedia
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.formats import open_document, save_document
from circuitviz.panels.traces.panel import TracesPanel
from circuitviz.panels.widgets.form_check import CHECK_DELAY_MS
from circuitviz.workbench.requests.collect_traces import (
    DASHBOARD_FILE,
    NEURONPEDIA,
    TASK_PROMPTS,
    TEXT_FILE,
    TraceCollection,
)

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
    panel = idle_host.show("traces")
    form = panel.collect_form
    form.feature_field.setFocus()
    qtbot.keyClicks(form.feature_field, "m3.17")
    qtbot.waitUntil(lambda: "m3.17" in panel.form_check.text(), timeout=LONG)
    form.feature_field.clear()
    qtbot.keyClicks(form.feature_field, "m3.f17")
    assert not panel.form_check.text()


def test_a_file_of_another_feature_is_said_once_it_is_chosen(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = demo_host.show("traces")
    form = panel.collect_form
    file = tmp_path / "examples.json"
    record = {"layer": "1-mlp", "index": 5, "activations": [{"tokens": [" Mary", " gave"], "values": [0, 1]}]}
    file.write_text(json.dumps(record))
    form.feature_field.setText("m1.f6")
    form.source_box.setCurrentText("dashboard file")
    form.set_examples_path(file)
    qtbot.waitUntil(lambda: "no example of m1.f6" in panel.form_check.text(), timeout=LONG)
    assert panel.form_check.objectName() == "warning"
    form.feature_field.setText("m1.f5")
    qtbot.wait(2 * CHECK_DELAY_MS)
    assert not panel.form_check.text()
    form.set_examples_path(tmp_path / "gone.json")
    qtbot.waitUntil(lambda: "gone.json" in panel.form_check.text(), timeout=LONG)


def test_examples_come_from_neuronpedia_when_they_are_asked_for(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typing an address asks nobody; Collect does, and what comes is in the document's file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    said = ["<|endoftext|>", *re.findall(r" ?[^ ]+", "Then Mary and John went to the park")]
    panel: TracesPanel = demo_host.show("traces")
    form = panel.collect_form
    with serve_neuronpedia() as server:
        monkeypatch.setenv("NEURONPEDIA_URL", server.url)
        server.put(feature_answer("demo", "3-tres-dc", 17, [said]))
        assert not form.address_field.isVisible()
        form.source_box.setCurrentText(NEURONPEDIA)
        assert form.address_field.isVisible()
        form.feature_field.setText("m3.f17")
        qtbot.keyClicks(form.address_field, "demo/3-tres-dc")
        qtbot.waitUntil(lambda: "is no feature’s address" in form.fault_line.text()
                        or "is no feature's address" in form.fault_line.text(), timeout=LONG)  # fmt: skip
        qtbot.keyClicks(form.address_field, "/17")
        qtbot.waitUntil(lambda: not form.fault_line.text(), timeout=LONG)
        assert not server.requests
        (trace,) = demo_host.collect_traces("m3.f17", max_examples=5, nodes_per_circuit=40).traces
        assert "".join(trace.strings[1:]) == "".join(said[1:]) and len(server.requests) == 1
    assert "1 example traced. “names of people” (gpt-4o-mini)" in form.message_label.text()
    path = tmp_path / "with.circuit"
    save_document(demo_host.workspace.document, path)
    stored = open_document(path).measures["traces"]["result"]["m3.f17 · Neuronpedia demo/3-tres-dc/17"]
    assert stored["neuronpedia"]["statistics"]["max_activation"] == 12.5
    again = TraceCollection.from_dict(stored)
    assert again.traces.traces[0].strings == trace.strings and "gpt-4o-mini" in again.about_text
