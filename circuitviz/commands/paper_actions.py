"""What a paper needs beside the figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("copy-methods", "Copy the methods paragraph", "Edit", condition="circuit")
def _copy_methods(window: MainWindow) -> None:
    window.file_controller.copy_methods()


@command("copy-bibtex", "Copy the BibTeX entries", "Edit", condition="circuit")
def _copy_bibtex(window: MainWindow) -> None:
    window.file_controller.copy_bibtex()
