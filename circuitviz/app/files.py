"""Opening, saving and exporting from the window: nothing that a person made is lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox

from circuitviz.app.on_disk import OnDisk
from circuitviz.app.ownership import Ownership
from circuitviz.canvas.looking import look, looking
from circuitviz.formats import export_document
from circuitviz.graph import Graph, Shape
from circuitviz.layout import layouts
from circuitviz.session import Document

if TYPE_CHECKING:
    from circuitviz.app.export_dialog import ExportDialog
    from circuitviz.app.window import MainWindow
    from circuitviz.pictures import Figure

PICTURES = "Pictures (*.svg *.pdf *.png *.tex)"
DATA = (
    "EAP-IG and MIB (*.json);;Attribution graph (*.graph.json);;Table of edges (*.csv);;"
    "Table of nodes (*.nodes.csv);;GraphML (*.graphml);;Graphviz (*.dot)"
)


class Files(QObject):
    """The window's way to the disk; failures are shown in a dialog and change nothing."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.desk, self.settings = window, window.desk, window.settings
        self.dialog: ExportDialog | None = None
        self.ownership, self.on_disk = Ownership(window), OnDisk(window)
        self.desk.reader.preload(load_figures)

    def ask_open(self) -> None:
        """Choose a file and open it."""
        kinds = "Circuits (*.circuit *.json *.graphml *.dot *.csv);;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self.window, "Open a circuit", "", kinds)
        if path:
            self.open_path(Path(path))

    def open_path(self, path: Path, *, told: str = "") -> None:
        """Read a file, and show it unless unsaved work is to be kept or another window has it.

        ``told`` is said once it is open, instead of its name.
        """

        def show(document: Document) -> None:
            if not self.may_leave():
                return
            if not self.ownership.take(path):
                self.ownership.tell(path)
                return
            self.desk.show(path, document)
            self.settings.add_recent(path)
            if told:
                self.desk.say(told)

        self.desk.open(path, show)

    def open_copy(self, path: Path) -> None:
        """Open what a file holds as a document that is nowhere saved yet."""

        def show(document: Document) -> None:
            document.path = None
            document.mark_unsaved()
            self.desk.set_document(document)
            self.desk.say(f"Opened a copy of {path.name}; it is not saved yet")

        self.desk.open(path, show)

    def opened(self) -> None:
        """Another document is on the desk: own its file, and go back to its layout."""
        path, layout = self.desk.document.path, self.desk.document.view.get("layout")
        if path is None or not self.ownership.take(path):
            self.ownership.release()
        self.on_disk.follow(path)
        usual = "layered" if self.desk.asking.question is None else "tokens"
        self.window.layout_name = layout if layout in layouts.names() else usual

    def shown(self) -> None:
        """Once it is drawn, go back to what was in sight and selected."""
        self.window.drawing.then(self._look_again)

    def _look_again(self) -> None:
        view = self.desk.document.view
        look(self.window.view, view)
        chosen = view.get("selected")
        if isinstance(chosen, dict) and self.desk.state.circuit is not None:
            drawn = self.window.view.picture
            edges = {edge.name for edge in drawn.edges}
            self.desk.select(_among(chosen.get("nodes"), drawn.by_name), _among(chosen.get("edges"), edges))

    def keep_view(self) -> None:
        """Write down how the document is looked at now."""
        desk = self.desk
        selected = {"nodes": sorted(desk.nodes), "edges": sorted(desk.edges)}
        looked = {} if self.window.drawing.pending else looking(self.window.view)
        now = {"layout": self.window.layout_name, "selected": selected, **looked}
        desk.document.view.update(now)

    def close(self) -> None:
        """The window goes: nothing is left to recover, and the file is free for others."""
        self.window.recovery.close()
        self.ownership.release()

    def save(self) -> bool:
        """Save where the document lies."""
        path = self.desk.document.path
        return self.save_to(path) if path is not None else self.save_as()

    def save_as(self) -> bool:
        """Choose a place and save."""
        kinds = "Circuits (*.circuit)"
        path, _ = QFileDialog.getSaveFileName(self.window, "Save the circuit", "circuit.circuit", kinds)
        return bool(path) and self.save_to(Path(path))

    def save_to(self, path: Path) -> bool:
        """Save to a path; a failure is shown and changes nothing."""
        path = path if path.suffix else path.with_suffix(".circuit")
        if not self.on_disk.may_write(path):
            return False
        self.keep_view()

        def work() -> None:
            self.ownership.check(path)
            self.desk.save(path)

        done = self.desk.guarded(work)
        if done:
            self.on_disk.follow(path)
            self.settings.add_recent(path)
            self.window.retitle()
        return done

    def ask_export(self) -> None:
        """Show the figure with all that can be chosen of it."""
        from circuitviz.app.export_dialog import ExportDialog

        self.dialog = ExportDialog(self.window)
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.open()

    def ask_figure_place(self, suffix: str) -> Path | None:
        """Choose where a figure goes."""
        stem = self.desk.document.path.stem if self.desk.document.path else "circuit"
        path, _ = QFileDialog.getSaveFileName(self.window, "Save the figure", f"{stem}{suffix}", PICTURES)
        return Path(path) if path else None

    def ask_data(self) -> bool:
        """Choose a place for another tool's file, by its suffix, and write it."""
        path, _ = QFileDialog.getSaveFileName(self.window, "Export", "circuit.json", DATA)
        return bool(path) and self.export_to(Path(path))

    def export_to(self, path: Path, figure: Figure | None = None) -> bool:
        """Write a picture or another tool's file."""
        from circuitviz.pictures import Figure, pictures, save_picture

        kinds = [entry.value.suffix for entry in pictures.entries()]
        if path.suffix.lower() in kinds:
            figure = figure or Figure(layout=self.window.layout_name)
            done = self.desk.guarded(save_picture, self.desk.document, path, figure)
        else:
            done = self.desk.guarded(export_document, self.desk.document, path)
        if done:
            self.desk.say(f"Exported {path.name}")
        return done

    def copy_methods(self) -> None:
        """The methods paragraph to the clipboard."""
        from circuitviz.pictures.prose import methods_paragraph

        self._copy(methods_paragraph, "the methods paragraph")

    def copy_bibtex(self) -> None:
        """The entries of what the document cites to the clipboard."""
        from circuitviz.pictures.prose import bibtex

        self._copy(bibtex, "the BibTeX entries")

    def _copy(self, made: Callable[[Document], str], what: str) -> None:
        def work() -> None:
            QGuiApplication.clipboard().setText(made(self.desk.document))
            self.desk.say(f"Copied {what}")

        self.desk.guarded(work)

    def may_leave(self) -> bool:
        """Ask before unsaved work is lost."""
        if not self.desk.document.dirty or self.desk.document.state.circuit is None:
            return True
        buttons = QMessageBox.StandardButton
        choice = QMessageBox.question(
            self.window,
            "circuitviz",
            "This circuit has changes that are not saved. Save them?",
            buttons.Save | buttons.Discard | buttons.Cancel,
        )
        if choice == buttons.Save:
            return self.save()
        return bool(choice == buttons.Discard)


def _among(names: object, drawn: Collection[str]) -> frozenset[str]:
    """Those of a file's names that are drawn; a file may say anything."""
    known = names if isinstance(names, list) else []
    return frozenset(name for name in known if isinstance(name, str) and name in drawn)


def load_figures() -> None:
    """Everything that a first figure, file or methods paragraph would otherwise have to import."""
    from circuitviz.app import export_dialog
    from circuitviz.formats import formats
    from circuitviz.pictures import pictures, prose

    assert export_dialog and prose
    pictures.names()
    formats.names()
    graph = Graph.transformer(Shape(1, 1, 1))
    for layout in layouts.entries():
        layout.value(graph, [node.name for node in graph.nodes], graph.mask, {})
