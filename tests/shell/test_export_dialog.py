"""The export dialog: what is seen is what is saved; methods and BibTeX are copied."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from example_documents import GRAPH, labelled_document
from opening import LONG
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QDoubleSpinBox, QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from circuitviz.document import Document
from circuitviz.draw.web_page import write_web_page
from circuitviz.jobs import JobHandle
from circuitviz.paint import save_figure
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.methods_text import bibtex, methods_paragraph


def shot(widget: object, name: str) -> None:
    if folder := os.environ.get("CIRCUITVIZ_SCREENSHOTS"):
        widget.grab().save(str(Path(folder) / f"{name}.png"))  # type: ignore[attr-defined]


@pytest.fixture
def opened(open_window: Callable[[], MainWindow], monkeypatch: pytest.MonkeyPatch) -> MainWindow:
    window = open_window()
    # looking needs no model
    monkeypatch.setattr(
        window.workspace.worker, "submit", lambda request, _tab: JobHandle(request, lambda: None)
    )
    window.workspace.set_document(labelled_document())
    return window


def test_what_is_seen_is_what_is_saved(
    opened: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.menus.actions["export"].trigger()
    dialog = opened.file_controller.export_dialog
    assert dialog is not None and dialog.isVisible()
    qtbot.waitUntil(lambda: dialog.preview.sheet is not None, timeout=LONG)
    fields = dialog.option_form.fields
    for name, kind, value in (("view", QComboBox, "class"), ("width_mm", QDoubleSpinBox, 84.0)):
        field = fields[name]
        assert isinstance(field, kind)
        field.setCurrentText(value) if isinstance(field, QComboBox) else field.setValue(value)
    caption = fields["caption"]
    assert isinstance(caption, QCheckBox)
    caption.setChecked(True)
    qtbot.waitUntil(
        lambda: "--view class --width-mm 84 --caption" in dialog.command_field.text(), timeout=LONG
    )
    assert "84.0 ×" in dialog.size_label.text()
    shot(dialog, "export-class")
    for theme in ("dark", "light"):
        opened.theme_controller.apply_theme(theme)
        QApplication.processEvents()
        shot(dialog, f"export-{theme}")
    path = tmp_path / "figure.svg"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_given: (str(path), ""))
    dialog.save_button.click()
    opened.workspace.save_service.wait_until_written()
    expected = tmp_path / "expected" / "figure.svg"
    expected.parent.mkdir()
    save_figure(opened.workspace.document, expected, FigureOptions(view="class", width_mm=84, caption=True))
    assert path.read_bytes() == expected.read_bytes()
    assert not opened.workspace.document.is_dirty
    opened.file_controller.show_export_dialog()  # what was chosen is chosen again
    again = opened.file_controller.export_dialog
    assert again is not None and again.current_figure() == FigureOptions(
        view="class", width_mm=84, caption=True
    )
    again.close()


def test_what_cannot_be_drawn_is_said_in_its_place(opened: MainWindow, qtbot: QtBot) -> None:
    opened.workspace.set_document(labelled_document(labelled=False))
    opened.file_controller.show_export_dialog()
    dialog = opened.file_controller.export_dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.preview.sheet is not None, timeout=LONG)
    view = dialog.option_form.fields["view"]
    assert isinstance(view, QComboBox)
    view.setCurrentText("class")
    qtbot.waitUntil(lambda: not dialog.save_button.isEnabled(), timeout=LONG)
    assert "label some heads" in dialog.problem_label.text() and dialog.preview.sheet is None
    shot(dialog, "export-refused")
    view.setCurrentText("head")
    qtbot.waitUntil(lambda: dialog.save_button.isEnabled(), timeout=LONG)
    dialog.close()


def test_methods_and_bibtex_are_copied(opened: MainWindow, qtbot: QtBot) -> None:
    def copied(action: str, what: str) -> None:
        opened.menus.actions[action].trigger()
        qtbot.waitUntil(lambda: opened.status_line.message_label.text() == f"Copied {what}", timeout=LONG)

    copied("copy-methods", "the methods paragraph")
    text = QApplication.clipboard().text()
    for word in ("elsewhere/no-such-model", "eap-ig (Hanna et al. 2024; steps 5)", "64 pairs", "seed 3", "logit-diff", "corrupted",
                 "0.812", "0.751 to 0.860", f"of {GRAPH.n_edges:,} edges"):  # fmt: skip
        assert word in text, word
    copied("copy-bibtex", "the BibTeX entries")
    text = QApplication.clipboard().text()
    assert "@inproceedings{wang2023ioi," in text and "hanna2024faithfulness" in text
    assert "greater-than" not in text and text.count("@") == 3


def test_every_reference_of_a_method_has_its_entry() -> None:
    from circuitviz.discovery import methods
    from circuitviz.resources import resource_path
    from circuitviz.workbench.methods_text import CITATION, _citation_key

    text = resource_path("references.bib").read_text(encoding="utf-8")
    known = {_citation_key(entry) for entry in text.split("\n@")}
    for entry in methods.entries():
        assert set(CITATION.findall(entry.reference)) <= known, (entry.name, entry.reference)
    assert bibtex(Document()).count("@") == 1
    assert "0.812" in methods_paragraph(labelled_document())


def test_a_picture_of_the_canvas_is_copied_by_its_key(opened: MainWindow, qtbot: QtBot) -> None:
    """Twice the pixels of the canvas in front, with what it shows."""
    with qtbot.waitActive(opened):
        opened.activateWindow()
    opened.view.setFocus()
    QApplication.clipboard().clear()
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(opened.view, Qt.Key.Key_I, keys)
    qtbot.waitUntil(lambda: not QApplication.clipboard().image().isNull(), timeout=LONG)
    image = QApplication.clipboard().image()
    assert image.size() == opened.view.viewport().size() * 2
    colours = {
        image.pixelColor(x, y).name() for x in range(0, image.width(), 5) for y in range(0, image.height(), 5)
    }
    assert len(colours) > 10


def test_a_web_page_is_written_in_the_window_s_layout(
    opened: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.menus.actions["export"].trigger()
    dialog = opened.file_controller.export_dialog
    assert dialog is not None
    proposed, path = list[str](), tmp_path / "circuit.html"

    def choose(_parent: object, _title: str, name: str, _filter: str) -> tuple[str, str]:
        proposed.append(name)
        return str(path), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    button = next(b for b in dialog.findChildren(QPushButton) if b.text() == "Web page…")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(path.exists, timeout=LONG)
    qtbot.waitUntil(lambda: path.stat().st_size > 0, timeout=LONG)
    assert Path(proposed[0]).suffix == ".html"
    assert path.read_bytes() == write_web_page(
        opened.workspace.document, methods_paragraph(opened.workspace.document)
    )
    dialog.close()
