"""The notes: written, read as Markdown, undone, saved and copied."""

from __future__ import annotations

from pathlib import Path

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from circuitviz.document import Document
from circuitviz.document.note_commands import set_notes
from circuitviz.formats import open_document
from circuitviz.workbench.requests.discover_circuit import SearchResult

TEXT = "# Movers\n\nThey copy the *subject*.\n\n- a3.h6 is negative\n"


@pytest.fixture
def notes_host(idle_host: PanelHost, demo_file: Path) -> PanelHost:
    """The demo's circuit without its model, and the notes."""
    idle_host.open_document(demo_file)
    return idle_host


def _write(qtbot: QtBot, editor: object, text: str) -> None:
    editor.setFocus()
    for line in text.split("\n"):
        qtbot.keyClicks(editor, line)
        qtbot.keyClick(editor, Qt.Key.Key_Return)


def test_what_is_written_is_in_the_document_shown_and_undone(notes_host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = notes_host.show("notes"), notes_host.workspace
    assert panel.editor.isVisible() and not workspace.document.is_dirty
    _write(qtbot, panel.editor, "first")
    qtbot.waitUntil(lambda: workspace.document.state.notes == "first\n", timeout=LONG)  # after a rest
    assert workspace.document.is_dirty
    _write(qtbot, panel.editor, "second **bold**")
    qtbot.mouseClick(panel.read_button, Qt.MouseButton.LeftButton)  # at once, too
    assert workspace.document.state.notes == "first\nsecond **bold**\n"
    assert panel.reader.isVisible() and "second bold" in panel.reader.toPlainText()
    qtbot.mouseClick(panel.edit_button, Qt.MouseButton.LeftButton)
    _write(qtbot, panel.editor, "x")
    panel.copy_button.setFocus()  # the focus goes elsewhere
    assert "x" in workspace.document.state.notes
    workspace.undo_stack.undo()  # a session of writing is a step
    assert workspace.document.state.notes == panel.editor.toPlainText() == "first\nsecond **bold**\n"
    workspace.undo_stack.undo()
    assert workspace.document.state.notes == panel.editor.toPlainText() == ""
    assert not workspace.document.is_dirty
    workspace.undo_stack.redo()
    assert panel.editor.toPlainText() == "first\nsecond **bold**\n"


def test_what_is_being_written_goes_with_its_document(
    notes_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    panel, workspace = notes_host.show("notes"), notes_host.workspace
    written_in = workspace.document
    _write(qtbot, panel.editor, "of the first")
    workspace.commit_input_requested.emit()  # as before saving
    notes_host.save(tmp_path / "noted.circuit")
    _write(qtbot, panel.editor, "unsaved")
    workspace.document_closing.emit()
    workspace.set_document(Document())
    assert written_in.state.notes == "of the first\nunsaved\n" and panel.editor.toPlainText() == ""
    workspace.set_document(open_document(tmp_path / "noted.circuit"))
    assert workspace.document.state.notes == "of the first\n"
    assert panel.reader.isVisible() and panel.reader.toPlainText().strip() == "of the first"


def test_a_text_of_a_file_loads_nothing_and_opens_web_pages_only(
    notes_host: PanelHost, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "secret.png"
    QApplication.primaryScreen().grabWindow(0).save(str(picture))
    panel, opened = notes_host.show("notes"), []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    notes_host.workspace.apply_command(
        set_notes(f"![p]({picture.as_uri()}) [a](https://example.org) [b]({picture.as_uri()}) <b>x</b>")
    )
    qtbot.mouseClick(panel.read_button, Qt.MouseButton.LeftButton)
    assert panel.reader.loadResource(2, QUrl(picture.as_uri())) is None
    for link in ("https://example.org", picture.as_uri(), "javascript:1"):
        panel.reader.anchorClicked.emit(QUrl(link))
    assert opened == ["https://example.org"]


def test_notes_are_copied_with_the_methods_paragraph(notes_host: PanelHost, qtbot: QtBot) -> None:
    panel = notes_host.show("notes")
    notes_host.workspace.apply_command(set_notes(TEXT))
    for copy in (
        lambda: qtbot.mouseClick(panel.copy_button, Qt.MouseButton.LeftButton),
        lambda: notes_host.run_command("copy-methods-and-notes"),
    ):
        QGuiApplication.clipboard().clear()
        with qtbot.waitSignal(notes_host.workspace.message_posted, timeout=LONG):
            copy()
        text = QGuiApplication.clipboard().text()
        assert "We searched for the circuit of demo" in text and text.endswith(TEXT.strip())


def test_each_tab_has_its_own_notes(notes_host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = notes_host.show("notes"), notes_host.workspace
    first = workspace.tabs.front
    _write(qtbot, panel.editor, "of the first")
    workspace.tab_controller.open_empty()  # before the rest after which it would be taken over
    assert first.document.state.notes == "of the first\n" and panel.editor.toPlainText() == ""
    _write(qtbot, panel.editor, "of the second")
    second = workspace.tabs.front
    workspace.tab_controller.show(first)
    assert second.document.state.notes == "of the second\n" and panel.reader.toPlainText() == "of the first"
    workspace.undo_stack.undo()
    assert first.document.state.notes == "" and second.document.state.notes == "of the second\n"


def test_nothing_is_written_into_what_a_search_has_so_far(notes_host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = notes_host.show("notes"), notes_host.workspace
    document, scores = workspace.document, workspace.state.scores
    _write(qtbot, panel.editor, "before")
    partial = SearchResult(scores, scores.greedy(10), document.state.origin, True)
    workspace.document_switcher.show_partial_result(workspace.tabs.front, Document(), partial)
    assert document.state.notes == "before\n"
    qtbot.keyClicks(panel.editor, "lost")
    assert panel.editor.isReadOnly() and panel.editor.toPlainText() == ""
    workspace.document_switcher.end_partial_result(workspace.tabs.front)
    assert not panel.editor.isReadOnly() and panel.editor.toPlainText() == "before\n"


def test_what_is_typed_without_a_rest_is_taken_over_while_typing(notes_host: PanelHost, qtbot: QtBot) -> None:
    panel, workspace = notes_host.show("notes"), notes_host.workspace
    panel.editor.setFocus()
    typed = QTimer(
        panel, interval=panel._commit_timer.interval() // 4
    )  # each key comes before the delay is over
    typed.timeout.connect(lambda: qtbot.keyClicks(panel.editor, "a"))
    typed.start()
    qtbot.waitUntil(lambda: workspace.document.state.notes.startswith("a"), timeout=LONG)
    assert typed.isActive()
    typed.stop()


@pytest.mark.parametrize("notes", ["a\r\nb", "a\u00a0b", "a\u2028b"])
def test_showing_notes_of_another_program_changes_nothing(
    notes_host: PanelHost, qtbot: QtBot, notes: str
) -> None:
    panel, workspace = notes_host.show("notes"), notes_host.workspace
    workspace.apply_command(set_notes(notes))
    workspace.apply_command(set_notes("other", 1))
    workspace.undo_stack.undo()
    qtbot.mouseClick(panel.edit_button, Qt.MouseButton.LeftButton)
    qtbot.wait(panel._commit_timer.interval() + 200)
    panel.commit()
    assert workspace.document.state.notes == notes and workspace.undo_stack.canRedo()
    workspace.undo_stack.redo()
    assert panel.editor.toPlainText() == "other"
    workspace.undo_stack.undo()
    qtbot.keyClicks(panel.editor, "x")  # writing goes on from what is shown
    panel.commit()
    assert workspace.document.state.notes == "x" + panel.editor.toPlainText()[1:] != notes
