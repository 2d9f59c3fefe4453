"""Features through the real window: what the dashboard shows is what the engine says, labels stay."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from opening import show_example
from PySide6.QtCore import Qt, QUrl
from pytestqt.qtbot import QtBot
from screenshots import shoot

import circuitviz.workbench.requests.feature_dashboards as features_job
from circuitviz.features import load_dictionaries, load_dictionary, run_prompt, write_saelens_folder
from circuitviz.features.dashboards import token_effects
from circuitviz.features.dictionary_fit import SAMPLE_TEXTS
from circuitviz.models import load_model
from circuitviz.resources import resource_path
from circuitviz.shapes.charts.chart_spec import LineMark
from circuitviz.shell.main_window import MainWindow
from circuitviz.training.demo.corpus import DemoCorpus

pytestmark = pytest.mark.usefixtures("little_text")
LONG = 90_000


def opened(open_window, qtbot: QtBot) -> MainWindow:
    """The demo's circuit with the features in front, indexed."""
    window: MainWindow = open_window()
    show_example(window, qtbot)
    window.dock_manager.bring_to_front("features")
    panel = window.panels["features"]
    qtbot.waitUntil(
        lambda: panel.dictionary_overview is not None and bool(panel.dictionary_overview.features_by_site),
        timeout=LONG,
    )
    qtbot.waitUntil(lambda: panel.dashboard_view.dashboard is not None, timeout=LONG)
    return window


def chosen(panel, qtbot: QtBot, site: str, number: int):
    panel.show_feature(site, number)
    qtbot.waitUntil(
        lambda: (
            (panel.dashboard_view.dashboard.site, panel.dashboard_view.dashboard.feature) == (site, number)
        ),
        timeout=LONG,
    )
    return panel.dashboard_view.dashboard


@pytest.mark.long
def test_a_feature_is_searched_read_labelled_and_followed(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(open_window, qtbot)
    panel = window.panels["features"]
    assert (
        "5,120 features of 8 dictionaries" in panel.dictionaries_label.text()
        and "demo text" in panel.dictionaries_label.text()
    )

    # the strongest feature of the MLP of layer 3, by a click on the list's head
    panel.site_box.setCurrentText("m3")
    panel.table_view.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    panel.table_view.setCurrentIndex(panel.list_proxy.index(0, 0))
    best = max(panel.dictionary_overview.features_by_site["m3"], key=lambda row: row.greatest)
    qtbot.waitUntil(
        lambda: (
            panel.dashboard_view.dashboard.feature == best.number
            and panel.dashboard_view.dashboard.site == "m3"
        ),
        timeout=LONG,
    )
    found = panel.dashboard_view.dashboard
    assert found.statistics.row == best and found.statistics.examples[0].activation == pytest.approx(
        best.greatest
    )
    shown = panel.dashboard_view.examples_view.toPlainText()
    assert f"{best.greatest:.2f}" in shown
    first = found.statistics.examples[0]
    at = first.position - first.first
    assert "".join(found.example_tokens[0][max(0, at - 3) : at + 4]) in shown
    assert panel.dashboard_view.examples_view.toHtml().count("background-color") >= len(
        found.statistics.examples
    )
    model = load_model("demo")
    one = next(d for d in load_dictionaries([resource_path("demo", "dictionaries")], model) if d.name == "m3")
    top, _ = token_effects(model, one, best.number, 8)
    assert [t.token for t in found.promoted_tokens] == [t.token for t in top]
    assert all(f"{t.value:+.2f}" in panel.dashboard_view.effects_view.toPlainText() for t in top)
    shoot(window, "features")
    qtbot.mouseClick(panel.dashboard_view.traces_button, Qt.MouseButton.LeftButton)
    assert (
        window.panels["traces"].is_in_view
        and window.panels["traces"].collect_form.feature_field.text() == f"m3.f{best.number}"
    )
    window.dock_manager.bring_to_front("features")

    # one's own label and an imported one: own first, both searched
    qtbot.keyClicks(panel.dashboard_view.label_field, "ends a span of years")
    qtbot.keyClick(panel.dashboard_view.label_field, Qt.Key.Key_Return)
    assert panel.table_model.caption_of(best.number) == "ends a span of years"
    other = (best.number + 7) % 512
    rows = [
        {"modelId": "demo", "layer": "3-tres-dc", "index": best.number, "description": "imported words"},
        {"modelId": "demo", "layer": "3-tres-dc", "index": other, "description": "names of people"},
    ]
    path = tmp_path / "export.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    panel.import_explanations(path)
    qtbot.waitUntil(lambda: panel.table_model.caption_of(other) == "names of people", timeout=LONG)
    assert panel.table_model.caption_of(best.number) == "ends a span of years"
    chosen(panel, qtbot, "m3", best.number)
    qtbot.waitUntil(lambda: "imported words" in panel.dashboard_view.explanations_label.text(), timeout=LONG)
    assert "https://www.neuronpedia.org/demo/3-tres-dc/" in panel.dashboard_view.explanations_label.text()
    shoot(window, "features-labelled")
    panel.search_field.setText("people NAMES")
    assert [
        panel.list_proxy.mapToSource(panel.list_proxy.index(i, 0)).row()
        for i in range(panel.list_proxy.rowCount())
    ] == [other]
    panel.search_field.setText("no such words")
    assert panel.list_proxy.rowCount() == 0

    # a neighbour is a link
    chosen(panel, qtbot, "m3", best.number)
    near = panel.dashboard_view.dashboard.decoder_neighbours[0].number
    panel.dashboard_view.effects_view.anchorClicked.emit(QUrl(f"feature:m3.f{near}"))
    qtbot.waitUntil(lambda: panel.dashboard_view.dashboard.feature == near, timeout=LONG)
    assert panel.search_field.text() == "" and panel.table_view.currentIndex().isValid()


def test_how_each_dictionary_fits_is_said_where_it_is_chosen(
    open_window, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The share is measured here anew: what is not reconstructed of what layer 0's MLP writes, over its variance."""
    monkeypatch.setattr(features_job, "N_DEMO_PASSAGES", 20)
    window = opened(open_window, qtbot)
    panel = window.panels["features"]
    shipped = Path(str(resource_path("demo", "dictionaries")))
    panel.site_box.setCurrentText("m0")
    model, one = load_model("demo"), load_dictionary(shipped / "m0")
    runs = [run_prompt(model, text) for text in SAMPLE_TEXTS]
    should = torch.cat([run.dictionary_target(one)[1:] for run in runs])
    made = torch.cat([one.reconstruct(run.dictionary_input(one)[1:]) for run in runs])
    share = float((should - made).square().sum() / (should - should.mean(0)).square().sum())
    assert panel.fit_label.isVisible() and panel.fit_label.textFormat() == Qt.TextFormat.PlainText
    fit = panel.fit_label.text()
    assert "m0" in fit and f"{share:.1%} of the variance unexplained" in fit
    assert panel.fit_label.objectName() == "muted" and "warning" not in panel.dictionaries_label.text()

    # one of a2 whose encoder reads noise, under a name with markup, beside one that fits
    good = load_dictionary(shipped / "a2")
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(good.encoder.shape, generator=draw)
    write_saelens_folder(replace(good, name="<b>odd</b>", encoder=noise), tmp_path / "both" / "<b>odd<|b>")
    shutil.copytree(shipped / "m0", tmp_path / "both" / "m0")
    panel.replace_dictionaries(tmp_path / "both")
    qtbot.waitUntil(
        lambda: (
            "2 dictionaries" in panel.dictionaries_label.text()
            and bool(panel.dictionary_overview.misfit_warnings)
        ),
        timeout=LONG,
    )
    assert panel.dictionaries_label.text().endswith("poor fit at a2")
    panel.site_box.setCurrentText("a2")
    said = panel.dictionary_overview.misfit_warnings["a2"]
    assert panel.fit_label.text() == said and "<b>odd" in said and "of the variance at a2 unexplained" in said
    assert panel.fit_label.objectName() == "warning"
    shoot(window, "features-misfit")
    panel.site_box.setCurrentText("m0")
    assert (
        panel.fit_label.text().startswith("The dictionary of m0 leaves")
        and panel.fit_label.objectName() == "muted"
    )


def test_what_cannot_be_opened_is_said(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(open_window, qtbot)
    panel = window.panels["features"]
    failures = []
    window.workspace.failure_reported.disconnect()
    window.workspace.failure_reported.connect(failures.append)
    (tmp_path / "odd.json").write_text("{}")
    panel.import_explanations(tmp_path / "odd.json")
    qtbot.waitUntil(lambda: bool(failures), timeout=LONG)
    assert "no explanation" in failures[0].message

    text = tmp_path / "mine.txt"
    text.write_text("Then Mary and John went to the park. Mary gave a ring to John.\n")
    panel.open_folders((), text)
    qtbot.waitUntil(lambda: "mine.txt" in panel.dictionaries_label.text(), timeout=LONG)
    silent = next(row.number for row in panel.dictionary_overview.features_by_site["m3"] if row.density == 0)
    panel.show_feature("m3", silent)
    qtbot.waitUntil(lambda: "Not active" in panel.dashboard_view.examples_view.toPlainText(), timeout=LONG)
    assert panel.dashboard_view.dashboard.feature == silent

    # folders are opened together, one dictionary a site; one that cannot be added takes nothing away
    shipped = Path(str(resource_path("demo", "dictionaries")))
    assert not panel.file_menu_button.add_dictionaries_action.isEnabled(), "the demo's own are of every site"
    for folder, sites in {"first": ("a2", "m0"), "second": ("m3",), "again": ("a2",)}.items():
        for site in sites:
            shutil.copytree(shipped / site, tmp_path / folder / site)
    panel.replace_dictionaries(tmp_path / "first")
    qtbot.waitUntil(
        lambda: (
            "2 dictionaries" in panel.dictionaries_label.text() and "mine" in panel.dictionaries_label.text()
        ),
        timeout=LONG,
    )
    assert panel.file_menu_button.add_dictionaries_action.isEnabled()
    panel.add_dictionaries(tmp_path / "second")
    qtbot.waitUntil(
        lambda: (
            "3 dictionaries" in panel.dictionaries_label.text() and "mine" in panel.dictionaries_label.text()
        ),
        timeout=LONG,
    )
    assert [panel.site_box.itemText(row) for row in range(panel.site_box.count())] == ["m0", "a2", "m3"]
    for site in ("m0", "a2", "m3"):
        found = chosen(panel, qtbot, site, 5)
        alone = load_dictionary(shipped / site, load_model("demo"))
        assert found.promoted_tokens == tuple(token_effects(load_model("demo"), alone, 5, 8)[0])
    assert window.panels["feature-circuit"]._dictionary_folders == tuple(
        str(tmp_path / name) for name in ("first", "second")
    )
    shoot(window, "features-two-folders")
    failures.clear()
    panel.add_dictionaries(tmp_path / "again")
    qtbot.waitUntil(lambda: bool(failures), timeout=LONG)
    assert "both belong to a2" in failures[0].message
    assert "3 dictionaries" in panel.dictionaries_label.text() and panel.table_view.isEnabled()
    assert panel.dictionary_folders == (str(tmp_path / "first"), str(tmp_path / "second"))
    assert chosen(panel, qtbot, "m3", 6).feature == 6

    # a circuit of theirs brings them all back
    fires = max(panel.dictionary_overview.features_by_site["m3"], key=lambda row: row.greatest)
    chosen(panel, qtbot, "m3", fires.number)
    panel.trace_example(0)
    qtbot.waitUntil(lambda: window.workspace.prompt_circuits.query is not None, timeout=LONG)
    assert window.workspace.prompt_circuits.query.dictionaries == panel.dictionary_folders
    panel.dictionary_overview, panel._open_request, panel.dictionary_folders = None, None, ()
    window.dock_manager.bring_to_front("features")
    qtbot.waitUntil(
        lambda: (
            panel.dictionary_overview is not None
            and list(panel.dictionary_overview.sites) == ["m0", "a2", "m3"]
        ),
        timeout=LONG,
    )

    (tmp_path / "nothing").mkdir()
    panel.replace_dictionaries(tmp_path / "nothing")
    qtbot.waitUntil(lambda: "holds no dictionary" in panel.dictionaries_label.text(), timeout=LONG)
    assert (
        panel.dictionary_overview is None
        and not panel.table_view.isEnabled()
        and not panel.fit_label.isVisible()
    )


def test_a_dictionary_is_trained_stopped_and_goes_on(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(open_window, qtbot)
    panel = window.panels["features"]
    assert window.docks["training"].isHidden()  # until it is asked for
    text = tmp_path / "text.txt"
    text.write_text("\n".join(islice(DemoCorpus(4).passages(), 150)))
    window.workspace.panel_requested.emit("training")
    training = window.panels["training"]
    assert window.docks["training"].isVisible() and training.site_box.count() == 8
    training.site_box.setCurrentText("m1")
    training.text_field.setText(str(text))
    training.folder_field.setText(str(tmp_path / "own"))
    for name, value in {"features": 48, "sparsity": 6, "steps": 600, "batch": 128}.items():
        training.recipe_form.fields[name].setValue(value)
    qtbot.mouseClick(training.train_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Step" in training.note_label.text(), timeout=LONG)
    assert "unexplained" in training.note_label.text() and "L0 6.0" in training.note_label.text()
    qtbot.mouseClick(training.stop_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Stopped" in training.note_label.text(), timeout=LONG)
    assert (tmp_path / "own" / "m1.training").is_file() and training.train_button.isEnabled()
    assert training.finished_training is None

    qtbot.mouseClick(training.train_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: training.finished_training is not None, timeout=LONG)
    course = training.finished_training.history
    assert [point.step for point in course] == list(range(25, 601, 25))
    assert course[-1].loss < 0.5 * course[0].loss
    assert not (tmp_path / "own" / "m1.training").exists()
    drawn = next(mark for mark in training.charts["loss"].spec.marks if isinstance(mark, LineMark))
    assert drawn.points[0, :, 1].tolist() == pytest.approx([point.loss for point in course])
    assert training.charts["dead"].table_rows[1:] == [[point.step, 100 * point.dead] for point in course]
    shoot(window, "training")

    panel.open_folders([tmp_path / "own"], text)
    qtbot.waitUntil(lambda: "48 features of 1 dictionary" in panel.dictionaries_label.text(), timeout=LONG)
