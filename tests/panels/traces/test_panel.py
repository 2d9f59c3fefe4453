"""The Traces panel: what is shown is what the engine says, and a click opens an example."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from panel_host import LONG, PanelHost, read_table
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from circuitviz.features import (
    FeatureEdgeRows,
    load_dictionaries,
    local_circuit,
    node_table,
    node_target,
    run_prompt,
)
from circuitviz.models import load_model
from circuitviz.panels.traces.panel import TracesPanel
from circuitviz.panels.traces.similarity_page import BY_SIMILARITY
from circuitviz.resources import resource_path

pytestmark = pytest.mark.usefixtures("little_text")


def cosine(left: dict, right: dict) -> float:
    """By hand: traces are {(site, item): attribution}."""
    dot = sum(value * right.get(key, 0.0) for key, value in left.items())
    sizes = [sum(v * v for v in side.values()) ** 0.5 for side in (left, right)]
    return dot / (sizes[0] * sizes[1])


def slow_trace(model, dictionaries, trace, target: str) -> dict:
    """The whole prompt's circuit, node by node, summed over positions."""
    nodes = node_table(run_prompt(model, trace.example.tokens), dictionaries)
    aim = node_target(nodes, f"{target}@{trace.example.position}")
    found = local_circuit(FeatureEdgeRows(nodes), aim, nodes=80, gate="absolute")
    sums: dict[tuple[str, int], float] = {}
    for row in found.nodes:
        node = nodes.node(int(row))
        if node.feature is not None:
            key = (f"{node.site}{node.layer}", node.feature)
            sums[key] = sums.get(key, 0.0) + float(found.attribution[row])
    return sums


@pytest.mark.long
def test_thirty_examples_are_traced_compared_opened_and_kept(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    panel: TracesPanel = demo_host.show("traces")
    traces = demo_host.collect_traces("m3.f15", max_examples=30, nodes_per_circuit=80)
    assert (
        len(traces.traces) == 30
        and not traces.partial
        and "30 examples" in panel.collect_form.message_label.text()
    )
    model = load_model("demo")
    dictionaries = load_dictionaries([resource_path("demo", "dictionaries")], model)
    slow = [slow_trace(model, dictionaries, trace, "m3.f15") for trace in traces.traces]

    # scatter: activation against the mean of the cosines with all others
    demo_host.run_command("copy-traces")
    copied = list(csv.DictReader(QGuiApplication.clipboard().text().splitlines(), delimiter="\t"))
    assert [float(row["activation"]) for row in copied] == [one.example.activation for one in traces.traces]
    assert float(copied[3]["mean_similarity"]) == pytest.approx(
        sum(cosine(slow[3], slow[j]) for j in range(30) if j != 3) / 29, abs=1e-5
    )
    words = {word.text for word in panel.scatter_page.chart.layout_shapes()[0].words}
    assert "mean similarity" in words and not any("x0.001" in word for word in words)  # numbers as they are
    rows = read_table(panel.scatter_page.chart, tmp_path / "scatter.csv")
    means = [sum(cosine(slow[i], slow[j]) for j in range(30) if j != i) / 29 for i in range(30)]
    assert [float(row["mean_similarity"]) for row in rows] == pytest.approx(means, abs=1e-5)
    assert [float(row["activation"]) for row in rows] == traces.activations.tolist()
    r = np.corrcoef(traces.activations, means)[0, 1]
    assert f"Pearson correlation {r:+.3f}".replace("-", "−") in panel.note_line.text()

    # similarity: all sites, then one, by a click on its bar
    panel.show_page(panel.similarity_page)
    values = panel.similarity_page.heat_map.grid.values
    assert values.shape == (30, 30) and values[4, 7] == pytest.approx(cosine(slow[4], slow[7]), abs=1e-5)
    panel.similarity_page.order_box.setCurrentText(BY_SIMILARITY)
    panel.similarity_page.draw_page()
    order = [int(number) - 1 for number in panel.similarity_page.heat_map.grid.row_names]
    assert sorted(order) == list(range(30)) and order != list(range(30))
    assert (panel.similarity_page.heat_map.grid.values == values[np.ix_(order, order)]).all()
    map_ = panel.similarity_page.heat_map
    wanted: list[int] = []
    panel.similarity_page.example_requested.disconnect()
    panel.similarity_page.example_requested.connect(lambda _name, number: wanted.append(number))
    qtbot.mouseClick(map_, Qt.MouseButton.LeftButton, pos=map_.cell_center(4, 9).toPoint())
    qtbot.mouseClick(panel.similarity_page.column_circuit_button, Qt.MouseButton.LeftButton)
    assert wanted == [order[4], order[9]]
    panel.similarity_page.example_requested.disconnect()
    panel.similarity_page.example_requested.connect(panel.open_example)
    panel.similarity_page.order_box.setCurrentIndex(0)
    panel.show_page(panel.components_page)
    bars = read_table(panel.components_page.chart, tmp_path / "components.csv")
    assert {row["site"] for row in bars} <= {f"{part}{i}" for part in "am" for i in range(4)}
    panel.components_page.chart.nodes_clicked.emit(("m1",))
    assert (
        panel.current_page is panel.similarity_page and panel.similarity_page.site_box.currentText() == "m1"
    )
    at_site = [{k: v for k, v in trace.items() if k[0] == "m1"} for trace in slow]
    shown = panel.similarity_page.heat_map.grid.values
    pairs = [(i, j) for i in range(30) for j in range(30) if at_site[i] and at_site[j]]
    for i, j in pairs[::37]:
        assert shown[i, j] == pytest.approx(cosine(at_site[i], at_site[j]), abs=1e-5)
    cells = read_table(panel.similarity_page.heat_map, tmp_path / "similarity.csv")
    assert len(cells) == 900 and cells[31]["site"] == "m1"
    assert float(cells[31]["similarity"]) == pytest.approx(shown[1, 1])

    # what recurs: sorted, chosen everywhere by a click, its dashboard by a double click
    panel.show_page(panel.recurring_page)
    qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton)
    copied = list(csv.DictReader(QGuiApplication.clipboard().text().splitlines(), delimiter="\t"))
    assert [row["feature"] for row in copied] == [one.name for one in panel.recurring_page.table_model.rows]
    named = {name: tuple(name.replace(".h", ".f").split(".f")) for name in (row["feature"] for row in copied)}
    for row in copied:
        site, item = named[row["feature"]]
        assert int(row["examples"]) == sum((site, int(item)) in trace for trace in slow)
    assert (
        not panel.similarity_page.column_circuit_button.isVisible()
        and "Number of circuits" in panel.note_line.text()
    )
    best = panel.recurring_page.table_model.rows[0]
    site, _, item = best.name.partition(".f")
    assert best.examples == sum((site, int(item)) in trace for trace in slow)
    total = sum(trace.get((site, int(item)), 0.0) for trace in slow)
    assert best.mean == pytest.approx(total / 30, abs=1e-5)
    panel.recurring_page.table_view.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    first = panel.recurring_page.sort_proxy.mapToSource(panel.recurring_page.sort_proxy.index(0, 0)).row()
    assert abs(panel.recurring_page.table_model.rows[first].mean) == max(
        abs(one.mean) for one in panel.recurring_page.table_model.rows
    )
    place = panel.recurring_page.table_view.visualRect(panel.recurring_page.sort_proxy.index(0, 0)).center()
    qtbot.mouseClick(panel.recurring_page.table_view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    name = panel.recurring_page.table_model.rows[first].name
    assert (
        "{}.f{}".format(*demo_host.workspace.shown_feature) == name
        and panel.collect_form.feature_field.text() == name
    )

    width = panel.width()

    # a click on a cell opens the row's circuit; the task's is in its own tab; the traces stay
    panel.show_page(panel.similarity_page)
    before, tab = demo_host.workspace.document.state.hash, demo_host.workspace.tabs.front
    map_ = panel.similarity_page.heat_map
    qtbot.mouseClick(map_, Qt.MouseButton.LeftButton, pos=map_.cell_center(2, 5).toPoint())
    qtbot.waitUntil(lambda: demo_host.workspace.document.state.query is not None, timeout=LONG)
    opened = traces.traces[2].example
    where = demo_host.workspace.document.state.origin
    assert where.options["target"] == f"m3.f15@{opened.position}" and where.options["nodes"] == 80
    assert where.options["tokens"] == list(opened.tokens[: opened.position + 1])
    assert f"m3.f15@{opened.position}" in demo_host.workspace.state.circuit.node_names
    # the circuit that opens is the one that was traced
    sums: dict[tuple[str, int], float] = {}
    circuit, given = demo_host.workspace.state.circuit, demo_host.workspace.state.scores.info["attributions"]
    for node in map(circuit.graph.node, given):
        if node.feature is not None and node.name != where.options["target"]:
            key = (f"{node.site}{node.layer}", node.feature)
            sums[key] = sums.get(key, 0.0) + given[node.name]
    assert sums == pytest.approx(slow[2], abs=1e-4)
    assert panel.current_page.collection.traces == traces
    assert panel.width() == width  # the row of a second click takes no room

    # another target: its examples are the columns
    others = demo_host.collect_traces("m3.f18", max_examples=6)
    panel.show_collection("m3.f15 · indexed text")
    panel.similarity_page.columns_box.setCurrentText("m3.f18 · indexed text")
    panel.similarity_page.site_box.setCurrentText("All sites")
    panel.similarity_page.draw_page()
    theirs = [slow_trace(model, dictionaries, trace, "m3.f18") for trace in others.traces]
    shown = panel.similarity_page.heat_map.grid.values
    assert shown.shape == (30, len(theirs))
    assert shown[3, 1] == pytest.approx(cosine(slow[3], theirs[1]), abs=1e-5)

    # saved and opened again: everything is there before the model is
    demo_host.save(tmp_path / "kept.circuit")
    demo_host.workspace.tab_controller.show(tab)
    assert demo_host.workspace.document.state.hash == before
    with qtbot.waitSignal(demo_host.workspace.document_shown, timeout=LONG):
        demo_host.workspace.open_file(tmp_path / "kept.circuit")
    assert len(panel.collections) == 2
    assert panel.collections["m3.f15 · indexed text"].traces == traces
    for suffix in (".svg", ".pdf", ".png"):
        for page in (panel.scatter_page, panel.similarity_page, panel.components_page):
            _, picture = page.exportable_plot()
            picture.save(tmp_path / f"picture{suffix}")
            assert (tmp_path / f"picture{suffix}").stat().st_size > 500
    demo_host.workspace.document.mark_saved(tmp_path / "kept.circuit")


def test_what_was_traced_before_a_cancel_is_kept(demo_host: PanelHost, qtbot: QtBot) -> None:
    panel: TracesPanel = demo_host.show("traces")
    QGuiApplication.clipboard().setText("mine")
    demo_host.run_command("copy-traces")
    assert QGuiApplication.clipboard().text() == "mine" and not panel.copy_button.isEnabled()
    assert any("no traces to copy" in text for text in demo_host.messages)
    panel.collect_form.feature_field.setText("m3.f15")
    panel.collect_form.max_examples_field.setValue(60)
    qtbot.mouseClick(panel.collect_form.collect_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.partial_collection is not None, timeout=LONG)
    qtbot.mouseClick(panel.collect_form.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(panel.collect_form.collect_button.isEnabled, timeout=LONG)
    traces = panel.collections["m3.f15 · indexed text"].traces
    assert traces.partial and 0 < len(traces.traces) < 60
    assert f"Stopped; {len(traces.traces)} examples are kept." == panel.collect_form.message_label.text()
    assert demo_host.workspace.document.is_dirty
    qtbot.mouseClick(panel.collect_form.remove_button, Qt.MouseButton.LeftButton)
    assert not panel.collections and not demo_host.workspace.document.measures["traces"]["result"]
