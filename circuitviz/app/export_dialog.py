"""The circuit's figure: its views, its methods paragraph, and its data for other tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QPushButton

from circuitviz.layout import layouts
from circuitviz.options import Option
from circuitviz.panels.figures import FigureDialog
from circuitviz.panels.writer import Told
from circuitviz.pictures import Figure, Sheet, sheet_of

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


class ExportDialog(FigureDialog):
    """The circuit on the desk as a figure."""

    def __init__(self, window: MainWindow) -> None:
        self.window_, self.document = window, window.desk.document
        start = self.document.view.get("figure", {"layout": window.layout_name})
        super().__init__(window, window.desk, "Export a figure", Figure, start)

    def sheet(self, figure: Figure, suffix: str) -> Callable[[], Sheet]:
        """The circuit on paper, as it is now."""
        source = self.document.path.stem if self.document.path else "circuit"
        return partial(sheet_of, self.document.snapshot(), figure, f"{source}{suffix}")

    def keep(self, figure: Figure) -> None:
        """With the document: opened again, it is drawn the same."""
        self.document.view["figure"] = asdict(figure)

    def write(self, path: Path, figure: Figure, told: Told) -> None:
        """Have the figure written."""
        self.window_.files.export_to(path, figure, told)

    def place(self, suffix: str) -> Path | None:
        """Ask where the figure goes."""
        return self.window_.files.ask_figure_place(suffix)

    def option(self, entry: Option, value: object) -> Option:
        """The layouts that there are."""
        entry = super().option(entry, value)
        return replace(entry, choices=tuple(layouts.names())) if entry.name == "layout" else entry

    def buttons(self) -> Sequence[Sequence[QPushButton]]:
        """What a paper needs beside the figure, and the data instead of it."""
        other = QPushButton("Data instead…")
        other.setToolTip("Edges and nodes as CSV, GraphML, DOT or EAP-IG JSON")
        other.clicked.connect(self._other)
        methods, entries = QPushButton("Copy methods text"), QPushButton("Copy BibTeX")
        methods.clicked.connect(self.window_.files.copy_methods)
        entries.clicked.connect(self.window_.files.copy_bibtex)
        return ((methods, entries), (other,))

    def _other(self) -> None:
        if (path := self.window_.files.ask_data()) is not None:
            self._begin(path)
            self.window_.files.export_to(path, told=self._end)
