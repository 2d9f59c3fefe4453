"""The Training panel: a dictionary is trained, stopped and trained on."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.panels.widgets.form_check import CHECK_DELAY_MS
from circuitviz.shapes.charts.chart_spec import LineMark
from circuitviz.training.demo.corpus import DemoCorpus

pytestmark = pytest.mark.usefixtures("little_text")


def test_a_dictionary_is_trained_stopped_and_goes_on(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = demo_host.show_features()
    text = tmp_path / "text.txt"
    text.write_text("\n".join(islice(DemoCorpus(4).passages(), 150)))
    training = demo_host.show("training")
    assert training.site_box.count() == 9 and training.site_box.itemText(8) == "cross-layer"
    training.site_box.setCurrentText("m1")
    training.text_field.setText(str(text))
    training.folder_field.setText(str(tmp_path / "own"))
    for name, value in {"features": 48, "sparsity": 6, "steps": 600, "batch": 128}.items():
        training.recipe_form.fields[name].setValue(value)
    qtbot.mouseClick(training.train_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(training.history) and "left" in training.note_label.text(), timeout=LONG)
    assert "tokens/s" in training.note_label.text() and "L0 6.0" in training.note_label.text()
    qtbot.mouseClick(training.stop_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Stopped" in training.note_label.text(), timeout=LONG)
    assert (tmp_path / "own" / "m1.training").is_file() and training.train_button.isEnabled()
    assert training.finished_training is None
    assert (tmp_path / "own" / "m1" / "cfg.json").is_file()  # what is trained so far can be used

    qtbot.mouseClick(training.train_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: training.finished_training is not None, timeout=LONG)
    course = training.finished_training.history["m1"]
    assert [point.step for point in course] == list(range(25, 601, 25))
    assert course[-1].loss < 0.5 * course[0].loss
    assert not (tmp_path / "own" / "m1.training").exists()
    drawn = next(mark for mark in training.charts["loss"].spec.marks if isinstance(mark, LineMark))
    assert drawn.points[0, :, 1].tolist() == pytest.approx([point.loss for point in course])
    assert training.charts["dead"].table_rows[1:] == [[point.step, 100 * point.dead] for point in course]

    panel.open_folders([tmp_path / "own"], text)
    qtbot.waitUntil(lambda: "48 features of 1 dictionary" in panel.dictionaries_label.text(), timeout=LONG)


@pytest.mark.parametrize(
    ("typed", "names"), [("a1, m1", ["a1", "m1"]), ("cross-layer", ["m0", "m1", "m2", "m3"])]
)
def test_several_sites_and_all_layers_are_trained_at_once(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path, typed: str, names: list[str]
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n".join(islice(DemoCorpus(4).passages(), 60)))
    panel = demo_host.show("training")
    panel.site_box.setFocus()
    panel.site_box.lineEdit().selectAll()
    qtbot.keyClicks(panel.site_box, typed)
    panel.text_field.setText(str(text))
    panel.folder_field.setText(str(tmp_path / "own"))
    for name, value in {"features": 16, "sparsity": 2, "steps": 50, "batch": 64}.items():
        panel.recipe_form.fields[name].setValue(value)
    qtbot.mouseClick(panel.train_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.finished_training is not None, timeout=LONG)
    assert list(panel.history) == names
    lines = [mark for mark in panel.charts["l0"].spec.marks if isinstance(mark, LineMark)]
    assert len(lines) == len(names)
    assert len(panel.charts["l0"].table_rows) == 1 + 2 * len(names)
    assert "loss recovered" in panel.note_label.text() and str(tmp_path / "own") in panel.note_label.text()


def test_what_does_not_fit_is_said_before_the_training(demo_host: PanelHost, qtbot: QtBot) -> None:
    panel = demo_host.show("training")
    for typed, message in (("m9", "layers 0 to 3"), ("a1,a1", "name one twice")):
        panel.site_box.setEditText(typed)
        qtbot.waitUntil(lambda said=message: said in panel.form_check.text(), timeout=LONG)


def test_a_wrong_file_is_said_when_it_is_typed(idle_host: PanelHost, qtbot: QtBot, tmp_path: Path) -> None:
    panel = idle_host.show("training")
    panel.text_field.setFocus()
    qtbot.keyClicks(panel.text_field, str(tmp_path / "gone.txt"))
    assert not panel.train_button.isEnabled()
    qtbot.waitUntil(lambda: "gone.txt" in panel.form_check.text(), timeout=LONG)
    (tmp_path / "there.txt").write_text("words")
    panel.text_field.clear()
    qtbot.keyClicks(panel.text_field, str(tmp_path / "there.txt"))
    qtbot.wait(2 * CHECK_DELAY_MS)
    assert not panel.form_check.text()


def test_a_text_that_is_too_short_is_said_before_the_training(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = demo_host.show("training")
    (tmp_path / "short.txt").write_text("Then Mary gave a book to John.")
    panel.text_field.setText(str(tmp_path / "short.txt"))
    qtbot.waitUntil(lambda: "at least 256 are needed" in panel.form_check.text(), timeout=LONG)
    panel.text_field.clear()  # the demo's own text
    qtbot.wait(2 * CHECK_DELAY_MS)
    assert not panel.form_check.text()
