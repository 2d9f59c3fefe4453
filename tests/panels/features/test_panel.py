"""The Features panel: what the dashboard shows is what the engine says, and labels stay."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt, QUrl
from PySide6.QtWidgets import QInputDialog
from pytestqt.qtbot import QtBot

from circuitviz.features import load_dictionaries, load_dictionary
from circuitviz.features.dashboards import token_effects
from circuitviz.models import load_model
from circuitviz.resources import resource_path

pytestmark = pytest.mark.usefixtures("little_text")


def chosen(panel, qtbot: QtBot, site: str, number: int):
    panel.show_feature(site, number)
    qtbot.waitUntil(
        lambda: (
            (panel.dashboard_view.dashboard.site, panel.dashboard_view.dashboard.feature) == (site, number)
        ),
        timeout=LONG,
    )
    return panel.dashboard_view.dashboard


def listed(panel) -> list[int]:
    """Numbers of the features in the list."""
    proxy = panel.list_proxy
    return [proxy.mapToSource(proxy.index(row, 0)).row() for row in range(proxy.rowCount())]


@pytest.mark.long
def test_a_feature_is_searched_read_labelled_and_followed(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    traces = demo_host.panel("traces")
    panel = demo_host.show_features()
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
    assert all(
        f"{t.value:+.2f}".replace("-", "−") in panel.dashboard_view.effects_view.toPlainText() for t in top
    )
    qtbot.mouseClick(panel.dashboard_view.traces_button, Qt.MouseButton.LeftButton)
    assert demo_host.requested_panels == ["traces"]
    assert traces.collect_form.feature_field.text() == f"m3.f{best.number}"

    # one's own label and an imported one: own first, both searched
    qtbot.keyClicks(panel.dashboard_view.label_field, "ends a span of years")
    qtbot.keyClick(panel.dashboard_view.label_field, Qt.Key.Key_Return)
    assert panel.table_model.caption_of(best.number) == "ends a span of years"
    steps = demo_host.workspace.undo_stack  # no circuit has it, and its label is undone all the same
    assert steps.undoText() == f"Label m3.f{best.number}"
    steps.undo()
    assert panel.table_model.caption_of(best.number) != "ends a span of years"
    qtbot.waitUntil(lambda: panel.dashboard_view.label_field.text() == "", timeout=LONG)
    steps.redo()
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
    panel.search_field.setText("people NAMES")
    qtbot.waitUntil(lambda: listed(panel) == [other], timeout=LONG)
    panel.search_field.setText("no such words")
    qtbot.waitUntil(lambda: listed(panel) == [], timeout=LONG)

    # a neighbour is a link
    chosen(panel, qtbot, "m3", best.number)
    near = panel.dashboard_view.dashboard.decoder_neighbours[0].number
    panel.dashboard_view.effects_view.anchorClicked.emit(QUrl(f"feature:m3.f{near}"))
    qtbot.waitUntil(lambda: panel.dashboard_view.dashboard.feature == near, timeout=LONG)
    assert panel.search_field.text() == "" and panel.table_view.currentIndex().isValid()


def test_what_cannot_be_opened_is_said(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = demo_host.show_features()
    failures = demo_host.failures
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
    assert demo_host.workspace.dictionary_folders == tuple(
        str(tmp_path / name) for name in ("first", "second")
    )
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
    qtbot.waitUntil(lambda: demo_host.workspace.prompt_circuits.query is not None, timeout=LONG)
    assert demo_host.workspace.prompt_circuits.query.dictionaries == panel.dictionary_folders
    panel.dictionary_overview, panel._open_request, panel.dictionary_folders = None, None, ()
    demo_host.show("features")
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

    # a name that was not downloaded, without a network
    name = "somebody/transcoders"
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: (f" {name} ", True))
    panel.file_menu_button.open_by_name_action.trigger()
    qtbot.waitUntil(lambda: f"'{name}' was not downloaded" in panel.dictionaries_label.text(), timeout=LONG)
    assert panel.dictionary_folders == (name,)
