"""Opening, saving, exporting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("new", "Start page", "File", "Ctrl+N")
def _new(window: MainWindow) -> None:
    window.show_start()


@action("open", "Open…", "File", "Ctrl+O", "open", toolbar=True)
def _open(window: MainWindow) -> None:
    window.files.ask_open()


@action("save", "Save", "File", "Ctrl+S", "save", "circuit", toolbar=True)
def _save(window: MainWindow) -> None:
    window.files.save()


@action("save-as", "Save as…", "File", "Ctrl+Shift+S", needs="circuit")
def _save_as(window: MainWindow) -> None:
    window.files.save_as()


@action("export", "Export…", "File", "Ctrl+E", "export", "circuit", toolbar=True)
def _export(window: MainWindow) -> None:
    window.files.ask_export()


@action("quit", "Quit", "File", "Ctrl+Q")
def _quit(window: MainWindow) -> None:
    window.close()
