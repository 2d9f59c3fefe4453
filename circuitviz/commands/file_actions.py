"""Opening, saving, exporting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("new", "Start page", "File", "Ctrl+N")
def _new(window: MainWindow) -> None:
    window.show_start_page()


@command("open", "Open…", "File", "Ctrl+O", "open", in_toolbar=True)
def _open(window: MainWindow) -> None:
    window.file_controller.ask_and_open()


@command("save", "Save", "File", "Ctrl+S", "save", "circuit", in_toolbar=True)
def _save(window: MainWindow) -> None:
    window.file_controller.save_document()


@command("save-as", "Save as…", "File", "Ctrl+Shift+S", condition="circuit")
def _save_as(window: MainWindow) -> None:
    window.file_controller.save_as()


@command("export", "Export…", "File", "Ctrl+E", "export", "circuit", in_toolbar=True)
def _export(window: MainWindow) -> None:
    window.file_controller.show_export_dialog()


@command("quit", "Quit", "File", "Ctrl+Q")
def _quit(window: MainWindow) -> None:
    window.close()
