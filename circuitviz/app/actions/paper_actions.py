"""What a paper needs beside the figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("copy-methods", "Copy the methods paragraph", "Edit", needs="circuit")
def _copy_methods(window: MainWindow) -> None:
    window.files.copy_methods()


@action("copy-bibtex", "Copy the BibTeX entries", "Edit", needs="circuit")
def _copy_bibtex(window: MainWindow) -> None:
    window.files.copy_bibtex()
