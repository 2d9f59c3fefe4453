"""Features through the real window: what the dashboard shows is what the engine says, labels stay."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import Qt, QUrl
from pytestqt.qtbot import QtBot
from screenshots import shoot

import circuitviz.jobs.features as features_job
from circuitviz.app.main import open_arguments
from circuitviz.app.window import MainWindow
from circuitviz.demo.text import DemoCorpus
from circuitviz.features import load_dictionaries, load_dictionary, run_prompt, write_saelens_folder
from circuitviz.features.dashboards import token_effects
from circuitviz.features.fit import SAMPLE_TEXTS
from circuitviz.models import load_model
from circuitviz.panels.charts.sketch import LineMark
from circuitviz.resources import resource_path

LONG = 90_000


@pytest.fixture(autouse=True)
def little_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the demo's text, so that the index is there soon."""
    monkeypatch.setattr(features_job, "DEMO_PASSAGES", 400)


def opened(open_window, qtbot: QtBot) -> MainWindow:
    """The demo's circuit with the features in front, indexed."""
    window: MainWindow = open_window()
    open_arguments(window, None, None, None, demo=True)
    qtbot.waitUntil(lambda: window.workspace.document.evaluation is not None, timeout=LONG)
    window.dock_manager.bring_to_front("features")
    panel = window.panels["features"]
    qtbot.waitUntil(lambda: panel.shelf is not None and bool(panel.shelf.rows), timeout=LONG)
    qtbot.waitUntil(lambda: panel.view.found is not None, timeout=LONG)
    return window


def chosen(panel, qtbot: QtBot, site: str, number: int):
    panel.choose(site, number)
    qtbot.waitUntil(lambda: (panel.view.found.site, panel.view.found.number) == (site, number), timeout=LONG)
    return panel.view.found


def test_a_feature_is_searched_read_labelled_and_followed(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(open_window, qtbot)
    panel = window.panels["features"]
    assert "5,120 features of 8 dictionaries" in panel.where.text() and "demo text" in panel.where.text()

    # the strongest feature of the MLP of layer 3, by a click on the list's head
    panel.site.setCurrentText("m3")
    panel.table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    panel.table.setCurrentIndex(panel.filter.index(0, 0))
    best = max(panel.shelf.rows["m3"], key=lambda row: row.greatest)
    qtbot.waitUntil(
        lambda: panel.view.found.number == best.number and panel.view.found.site == "m3", timeout=LONG
    )
    found = panel.view.found
    assert found.statistics.row == best and found.statistics.examples[0].activation == pytest.approx(
        best.greatest
    )
    shown = panel.view.examples.toPlainText()
    assert f"{best.greatest:.2f}" in shown
    first = found.statistics.examples[0]
    at = first.position - first.first
    assert "".join(found.words[0][max(0, at - 3) : at + 4]) in shown
    assert panel.view.examples.toHtml().count("background-color") >= len(found.statistics.examples)
    model = load_model("demo")
    one = next(d for d in load_dictionaries([resource_path("demo", "dictionaries")], model) if d.name == "m3")
    top, _ = token_effects(model, one, best.number, 8)
    assert [t.token for t in found.promoted_tokens] == [t.token for t in top]
    assert all(f"{t.value:+.2f}" in panel.view.facts.toPlainText() for t in top)
    shoot(window, "features")
    qtbot.mouseClick(panel.view.traces, Qt.MouseButton.LeftButton)
    assert (
        window.panels["traces"].seen and window.panels["traces"].form.feature.text() == f"m3.f{best.number}"
    )
    window.dock_manager.bring_to_front("features")

    # one's own label and an imported one: own first, both searched
    qtbot.keyClicks(panel.view.label, "ends a span of years")
    qtbot.keyClick(panel.view.label, Qt.Key.Key_Return)
    assert panel.rows.caption(best.number) == "ends a span of years"
    other = (best.number + 7) % 512
    rows = [
        {"modelId": "demo", "layer": "3-tres-dc", "index": best.number, "description": "imported words"},
        {"modelId": "demo", "layer": "3-tres-dc", "index": other, "description": "names of people"},
    ]
    path = tmp_path / "export.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    panel.import_explanations(path)
    qtbot.waitUntil(lambda: panel.rows.caption(other) == "names of people", timeout=LONG)
    assert panel.rows.caption(best.number) == "ends a span of years"
    chosen(panel, qtbot, "m3", best.number)
    qtbot.waitUntil(lambda: "imported words" in panel.view.told.text(), timeout=LONG)
    assert "https://www.neuronpedia.org/demo/3-tres-dc/" in panel.view.told.text()
    shoot(window, "features-labelled")
    panel.search.setText("people NAMES")
    assert [
        panel.filter.mapToSource(panel.filter.index(i, 0)).row() for i in range(panel.filter.rowCount())
    ] == [other]
    panel.search.setText("no such words")
    assert panel.filter.rowCount() == 0

    # a neighbour is a link
    chosen(panel, qtbot, "m3", best.number)
    near = panel.view.found.decoder_neighbours[0].number
    panel.view.facts.anchorClicked.emit(QUrl(f"feature:m3.f{near}"))
    qtbot.waitUntil(lambda: panel.view.found.number == near, timeout=LONG)
    assert panel.search.text() == "" and panel.table.currentIndex().isValid()


def test_how_each_dictionary_fits_is_said_where_it_is_chosen(
    open_window, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The share is measured here anew: what is not reconstructed of what layer 0's MLP writes, over its variance."""
    monkeypatch.setattr(features_job, "DEMO_PASSAGES", 20)
    window = opened(open_window, qtbot)
    panel = window.panels["features"]
    shipped = Path(str(resource_path("demo", "dictionaries")))
    panel.site.setCurrentText("m0")
    model, one = load_model("demo"), load_dictionary(shipped / "m0")
    runs = [run_prompt(model, text) for text in SAMPLE_TEXTS]
    should = torch.cat([run.dictionary_target(one)[1:] for run in runs])
    made = torch.cat([one.reconstruct(run.dictionary_input(one)[1:]) for run in runs])
    share = float((should - made).square().sum() / (should - should.mean(0)).square().sum())
    assert panel.fit.isVisible() and panel.fit.textFormat() == Qt.TextFormat.PlainText
    assert (
        panel.fit.text()
        == f"The dictionary of m0 leaves {share:.1%} of the variance unexplained on sample text."
    )
    assert panel.fit.objectName() == "muted" and "warning" not in panel.where.text()

    # one of a2 whose encoder reads noise, under a name with markup, beside one that fits
    good = load_dictionary(shipped / "a2")
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(good.encoder.shape, generator=draw)
    write_saelens_folder(replace(good, name="<b>odd</b>", encoder=noise), tmp_path / "both" / "<b>odd<|b>")
    shutil.copytree(shipped / "m0", tmp_path / "both" / "m0")
    panel.replace(tmp_path / "both")
    qtbot.waitUntil(
        lambda: "2 dictionaries" in panel.where.text() and bool(panel.shelf.misfit_warnings), timeout=LONG
    )
    assert panel.where.text().endswith("warning about a2")
    panel.site.setCurrentText("a2")
    said = panel.shelf.misfit_warnings["a2"]
    assert panel.fit.text() == said and "<b>odd" in said and "of the variance at a2 unexplained" in said
    assert panel.fit.objectName() == "warning"
    shoot(window, "features-misfit")
    panel.site.setCurrentText("m0")
    assert panel.fit.text().startswith("The dictionary of m0 leaves") and panel.fit.objectName() == "muted"


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
    panel.open((), text)
    qtbot.waitUntil(lambda: "mine.txt" in panel.where.text(), timeout=LONG)
    silent = next(row.number for row in panel.shelf.rows["m3"] if row.density == 0)
    panel.choose("m3", silent)
    qtbot.waitUntil(lambda: "never fires" in panel.view.examples.toPlainText(), timeout=LONG)
    assert panel.view.found.number == silent

    # folders are opened together, one dictionary a site; one that cannot be added takes nothing away
    shipped = Path(str(resource_path("demo", "dictionaries")))
    assert not panel.files.more.isEnabled(), "the demo's own are of every site"
    for folder, sites in {"first": ("a2", "m0"), "second": ("m3",), "again": ("a2",)}.items():
        for site in sites:
            shutil.copytree(shipped / site, tmp_path / folder / site)
    panel.replace(tmp_path / "first")
    qtbot.waitUntil(
        lambda: "2 dictionaries" in panel.where.text() and "mine" in panel.where.text(), timeout=LONG
    )
    assert panel.files.more.isEnabled()
    panel.add(tmp_path / "second")
    qtbot.waitUntil(
        lambda: "3 dictionaries" in panel.where.text() and "mine" in panel.where.text(), timeout=LONG
    )
    assert [panel.site.itemText(row) for row in range(panel.site.count())] == ["m0", "a2", "m3"]
    for site in ("m0", "a2", "m3"):
        found = chosen(panel, qtbot, site, 5)
        alone = load_dictionary(shipped / site, load_model("demo"))
        assert found.promoted_tokens == tuple(token_effects(load_model("demo"), alone, 5, 8)[0])
    assert window.panels["feature-circuit"]._dictionary_folders == tuple(
        str(tmp_path / name) for name in ("first", "second")
    )
    shoot(window, "features-two-folders")
    failures.clear()
    panel.add(tmp_path / "again")
    qtbot.waitUntil(lambda: bool(failures), timeout=LONG)
    assert "both belong to a2" in failures[0].message
    assert "3 dictionaries" in panel.where.text() and panel.table.isEnabled()
    assert panel.folders == (str(tmp_path / "first"), str(tmp_path / "second"))
    assert chosen(panel, qtbot, "m3", 6).number == 6

    # a circuit of theirs brings them all back
    fires = max(panel.shelf.rows["m3"], key=lambda row: row.greatest)
    chosen(panel, qtbot, "m3", fires.number)
    panel.trace(0)
    qtbot.waitUntil(lambda: window.workspace.prompt_circuits.query is not None, timeout=LONG)
    assert window.workspace.prompt_circuits.query.dictionaries == panel.folders
    panel.shelf, panel._asked, panel.folders = None, None, ()
    window.dock_manager.bring_to_front("features")
    qtbot.waitUntil(
        lambda: panel.shelf is not None and list(panel.shelf.sites) == ["m0", "a2", "m3"], timeout=LONG
    )

    (tmp_path / "nothing").mkdir()
    panel.replace(tmp_path / "nothing")
    qtbot.waitUntil(lambda: "holds no dictionary" in panel.where.text(), timeout=LONG)
    assert panel.shelf is None and not panel.table.isEnabled() and not panel.fit.isVisible()


def test_a_dictionary_is_trained_stopped_and_goes_on(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    window = opened(open_window, qtbot)
    panel = window.panels["features"]
    assert window.docks["training"].isHidden()  # until it is asked for
    text = tmp_path / "text.txt"
    text.write_text("\n".join(islice(DemoCorpus(4).passages(), 150)))
    window.workspace.panel_requested.emit("training")
    training = window.panels["training"]
    assert window.docks["training"].isVisible() and training.site.count() == 8
    training.site.setCurrentText("m1")
    training.text.setText(str(text))
    training.folder.setText(str(tmp_path / "own"))
    for name, value in {"features": 48, "sparsity": 6, "steps": 600, "batch": 128}.items():
        training.form.fields[name].setValue(value)
    qtbot.mouseClick(training.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Step" in training.note.text(), timeout=LONG)
    assert "unexplained" in training.note.text() and "L0 6.0" in training.note.text()
    qtbot.mouseClick(training.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Stopped" in training.note.text(), timeout=LONG)
    assert (tmp_path / "own" / "m1.training").is_file() and training.start.isEnabled()
    assert training.trained is None

    qtbot.mouseClick(training.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: training.trained is not None, timeout=LONG)
    course = training.trained.course
    assert [point.step for point in course] == list(range(25, 601, 25))
    assert course[-1].loss < 0.5 * course[0].loss
    assert not (tmp_path / "own" / "m1.training").exists()
    drawn = next(mark for mark in training.charts["loss"].spec.marks if isinstance(mark, LineMark))
    assert drawn.points[0, :, 1].tolist() == pytest.approx([point.loss for point in course])
    assert training.charts["dead"].rows[1:] == [[point.step, 100 * point.dead] for point in course]
    shoot(window, "training")

    panel.open([tmp_path / "own"], text)
    qtbot.waitUntil(lambda: "48 features of 1 dictionary" in panel.where.text(), timeout=LONG)
