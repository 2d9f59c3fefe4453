"""The circuit's figure: its views, its methods paragraph, and its data for other tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtWidgets import QPushButton, QWidget

from circuitviz.draw.registry import FigurePage
from circuitviz.layout import layouts
from circuitviz.options import Option
from circuitviz.paint import make_figure_page
from circuitviz.panels.figures import FigureDialog
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.workbench.shared_page import PAGE_SUFFIX
from circuitviz.workspace import Workspace
from circuitviz.workspace.save_service import DoneCallback, ignore_result


class FigureFiles(Protocol):
    """Where the figure and its data go."""

    def ask_figure_path(self, suffix: str) -> Path | None:
        """Let the person choose where a figure goes."""

    def ask_data_path(self, suffix: str = ".json") -> Path | None:
        """Let the person choose another tool's file, or a web page."""

    def export_to(
        self, path: Path, figure: FigureOptions | None = None, on_done: DoneCallback = ignore_result
    ) -> None:
        """Begin to write a picture or another tool's file."""

    def copy_methods(self) -> None:
        """Copy the methods paragraph."""

    def copy_bibtex(self) -> None:
        """Copy the BibTeX entries."""


class ExportDialog(FigureDialog):
    """The circuit on the screen as a figure."""

    def __init__(
        self, parent: QWidget, workspace: Workspace, files: FigureFiles, window_options: FigureOptions
    ) -> None:
        """``window_options``: how the window shows the circuit, where the document does not say otherwise."""
        self._files, self.document = files, workspace.document
        initial = asdict(window_options) | self.document.view.get("figure", {})
        super().__init__(parent, workspace, "Export a figure", FigureOptions, initial)

    def make_sheet(self, figure: FigureOptions, suffix: str) -> Callable[[], FigurePage]:
        """The circuit on paper, as it is now."""
        source = self.document.path.stem if self.document.path else "circuit"
        return partial(make_figure_page, self.document.snapshot(), figure, f"{source}{suffix}")

    def remember_options(self, figure: FigureOptions) -> None:
        """With the document: opened again, it is drawn the same."""
        self.document.view["figure"] = asdict(figure)

    def write_figure(self, path: Path, figure: FigureOptions, on_done: DoneCallback) -> None:
        """Have the figure written."""
        self._files.export_to(path, figure, on_done)

    def ask_path(self, suffix: str) -> Path | None:
        """Ask where the figure goes."""
        return self._files.ask_figure_path(suffix)

    def customise_option(self, entry: Option, value: object) -> Option:
        """The layouts that there are."""
        entry = super().customise_option(entry, value)
        return replace(entry, choices=tuple(layouts.names())) if entry.name == "layout" else entry

    def extra_buttons(self) -> Sequence[Sequence[QPushButton]]:
        """What a paper needs beside the figure, and the data instead of it."""
        other = QPushButton("Data instead…")
        other.setToolTip("Edges and nodes as CSV, GraphML, DOT or EAP-IG JSON")
        other.clicked.connect(self._export_data)
        methods, entries = QPushButton("Copy methods text"), QPushButton("Copy BibTeX")
        methods.clicked.connect(self._files.copy_methods)
        entries.clicked.connect(self._files.copy_bibtex)
        page = QPushButton("Web page…")
        page.setToolTip("One file that opens in any browser, with zoom, search, filters, labels and numbers")
        page.clicked.connect(self._export_page)
        return ((methods, entries), (page, other))

    def _export_data(self) -> None:
        self._write_other_file(self._files.ask_data_path())

    def _export_page(self) -> None:
        self._write_other_file(self._files.ask_data_path(PAGE_SUFFIX))

    def _write_other_file(self, path: Path | None) -> None:
        if path is not None:
            self._begin_writing(path)
            self._files.export_to(path, on_done=self._end_writing)
