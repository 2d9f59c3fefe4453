"""A whole afternoon with features in one window, offline: asked, tested, labelled, opened, kept, drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from opening import LONG, export_in, measured, open_example, open_in, save_in
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.graph.feature_sites import feature_sites
from circuitviz.panels.readings.feature_heads_page import KEYS_LABEL, QK_LABEL
from circuitviz.shell.main_window import MainWindow

LEFT = Qt.MouseButton.LeftButton
pytestmark = [pytest.mark.stalls, pytest.mark.usefixtures("little_text")]


def method(window: MainWindow) -> str:
    where = window.workspace.document.state.origin
    return "" if where is None else where.method


@pytest.mark.long
def test_from_a_dashboard_to_a_labelled_circuit_and_on_to_the_task(
    open_window, qtbot: QtBot, tmp_path: Path
) -> None:
    window: MainWindow = open_window()
    desk, panels, places = window.workspace, window.panels, window.dock_manager
    open_example(window)
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    qtbot.waitUntil(lambda: len(desk.document.curve) == 10, timeout=LONG)

    # an MLP feature of layer 3, from its dashboard to its circuit
    places.bring_to_front("features")
    features = panels["features"]
    qtbot.waitUntil(
        lambda: (
            features.dictionary_overview is not None and bool(features.dictionary_overview.features_by_site)
        ),
        timeout=LONG,
    )
    best = max(features.dictionary_overview.features_by_site["m3"], key=lambda row: row.greatest).number
    features.show_feature("m3", best)
    qtbot.waitUntil(
        lambda: (
            features.dashboard_view.dashboard is not None
            and features.dashboard_view.dashboard.feature == best
        ),
        timeout=LONG,
    )
    shoot(window, "afternoon-1-dashboard")
    qtbot.mouseClick(features.dashboard_view.circuit_button, LEFT)
    qtbot.waitUntil(lambda: desk.prompt_circuits.query is not None and measured(window), timeout=LONG)
    target = desk.prompt_circuits.query.target
    assert target.startswith(f"m3.f{best}@")

    # the threshold moves, the ledger holds
    threshold, ledger = panels["feature-circuit"].threshold_row, panels["feature-circuit"].ledger_view
    for place in (0.6, 0.5):
        threshold.slider.setValue(int(threshold.slider.maximum() * place))
        wanted = threshold._pending_tau
        qtbot.waitUntil(lambda wanted=wanted: desk.prompt_circuits.query.tau == wanted, timeout=LONG)
        value = desk.document.state.scores.info["activations"][target]
        assert ledger.total == pytest.approx(value, rel=1e-5)
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)

    # why a head looks where it looks
    places.bring_to_front("readings")
    panels["readings"].show_page("feature-heads")
    page = panels["readings"].current_page
    edges = desk.document.state.circuit.edge_names
    edge = next(e for e in edges if ".f" in e.partition("->")[2] and e.partition("->")[2].startswith("a"))
    desk.set_selection(frozenset(), frozenset({edge}))
    page.ov_qk_box.setCurrentText(QK_LABEL)
    page.request_update()
    qtbot.waitUntil(
        lambda: page._requested_query is not None and page._shown_query == page._requested_query, timeout=LONG
    )
    page.bars_box.setCurrentText(KEYS_LABEL)
    page.show_result()
    header, *rows, total = page.chart.table_rows
    value = header.index("value")
    assert sum(float(row[value]) for row in rows) == pytest.approx(page.result.score, abs=1e-3)
    assert float(total[value]) == pytest.approx(page.result.score, abs=1e-3)
    shoot(window, "afternoon-2-qk")

    # three features out: what was predicted, what is measured
    places.bring_to_front("ablation")
    state = desk.document.state
    given = state.scores.info["attributions"]
    strong = sorted((n for n in given if ".f" in n and n != target), key=lambda n: -abs(given[n]))[:3]
    for name in strong:
        desk.set_selection(frozenset({name}), frozenset())
        window.view.setFocus()
        qtbot.keyClick(window.view, Qt.Key.Key_A)
    assert desk.document.state.ablated_nodes == set(strong)
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    told = desk.document.evaluation["target"]
    assert told["frozen"] == pytest.approx(told["predicted"], rel=1e-4) and told["free"] != told["frozen"]
    shoot(window, "afternoon-3-ablated")
    for _ in strong:
        desk.undo_stack.undo()
    assert desk.document.state.hash == state.hash

    # thirty examples of the same feature
    places.bring_to_front("traces")
    traces = panels["traces"]
    traces.collect_form.feature_field.setText(f"m3.f{best}")
    traces.collect_form.max_examples_field.setValue(30)
    qtbot.mouseClick(traces.collect_form.collect_button, LEFT)
    qtbot.waitUntil(traces.collect_form.collect_button.isEnabled, timeout=LONG)
    assert len(traces.current_page.collection.traces.traces) == 30 and "Pearson" in traces.note_line.text()
    traces.show_page(traces.similarity_page)
    assert traces.similarity_page.heat_map.grid.values.shape == (30, 30)
    shoot(window, "afternoon-4-traces")

    # two features get names, and evidence
    places.bring_to_front("labels")
    labels = panels["labels"]
    for name, role in zip(strong[:2], ("what comes first", "what comes second"), strict=True):
        desk.set_selection(frozenset({name}), frozenset())
        labels.role_box.setCurrentText(role)
        qtbot.mouseClick(labels.label_button, LEFT)
        box = labels.evidence_box
        qtbot.waitUntil(box.add_button.isEnabled, timeout=LONG)
        qtbot.mouseClick(box.add_button, LEFT)
        box.claim_dialog.test_box.setCurrentIndex(box.claim_dialog.test_box.findData("activation"))
        box.claim_dialog.options_form.fields["counterfactual"].setCurrentText("order-swapped")
        box.claim_dialog.options_form.fields["prompts"].setValue(8)
        qtbot.mouseClick(box.claim_dialog.accept_button, LEFT)
        qtbot.waitUntil(lambda box=box: box.evidence and box.evidence[-1].outcome is not None, timeout=LONG)
    said = desk.document.state.labels
    assert {n: said[n].text for n in strong[:2]} == dict(
        zip(strong[:2], ("what comes first", "what comes second"), strict=True)
    )
    assert all(said[n].evidence[0].outcome is not None for n in strong[:2])
    shoot(window, "afternoon-5-labels")
    assert save_in(window, tmp_path / "feature.circuit")
    assert export_in(window, tmp_path / "feature.svg")
    assert "what comes first" in (tmp_path / "feature.svg").read_text()
    kept = desk.document.state

    # the task's circuit again, one of its sites in features, judged over all prompts
    panels["discovery"].start_search()
    qtbot.waitUntil(lambda: method(window) == "eap-ig" and measured(window), timeout=LONG)
    window.view.select({"m3"})
    window.menus.actions["switch-basis"].trigger()  # no window manager here, so keys stay with the dialog
    qtbot.waitUntil(
        lambda: set(feature_sites(desk.document.state.circuit.graph)) == {"m3"} and measured(window),
        timeout=LONG,
    )
    mixed, found = desk.document.state, desk.live_faithfulness.evaluation["faithfulness"]
    assert found["low"] < found["value"] < found["high"]
    feature = next(n for n in mixed.circuit.node_names if n.startswith("m3.f"))
    window.view.select({feature})
    window.run_command("ablate")
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    assert desk.live_faithfulness.evaluation["faithfulness"]["value"] != found["value"]
    desk.undo_stack.undo()
    assert desk.document.state.hash == mixed.hash
    shoot(window, "afternoon-6-mixed")

    # both are on disk as they were on the screen
    assert save_in(window, tmp_path / "mixed.circuit")
    window.close()
    (tmp_path / "again").mkdir()
    for name, before in (("feature", kept), ("mixed", mixed)):
        again: MainWindow = open_window()
        open_in(again, qtbot, tmp_path / f"{name}.circuit")
        assert again.workspace.document.state.hash == before.hash
        assert export_in(again, tmp_path / "again" / f"{name}.svg")
        again.close()
    assert (tmp_path / "again" / "feature.svg").read_bytes() == (tmp_path / "feature.svg").read_bytes()
    assert "<image" not in (tmp_path / "again" / "mixed.svg").read_text()
