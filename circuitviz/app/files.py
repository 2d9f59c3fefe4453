"""Opening, saving and exporting from the window: nothing that a person made is lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox

from circuitviz.app.on_disk import OnDisk
from circuitviz.app.ownership import Ownership
from circuitviz.canvas.looking import look, looking
from circuitviz.formats import export_document, export_warning
from circuitviz.graph import Graph, Shape
from circuitviz.layout import layouts
from circuitviz.panels.writer import Told, nobody
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
        self.desk.searches.may_replace = self.may_replace
        self.desk.document_left.connect(self.keep_view)
        self.desk.reader.preload(load_figures, layouts.names)

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
        layout = self.desk.document.view.get("layout")
        if self.desk.preview is None:
            path = self.desk.document.path
            if path is None or not self.ownership.take(path):
                self.ownership.release()
            self.on_disk.follow(self.desk.document)
        circuit = self.desk.document.state.circuit
        usual = "tokens" if circuit is not None and circuit.graph.is_of_prompt else "layered"
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
            nodes = _among(chosen.get("nodes"), drawn.by_name)
            self.desk.select(nodes, _among(chosen.get("edges"), edges))
            if len(nodes) == 1 and view.get("zoom") is None:  # where a person looked comes first
                self.window.view.bring_into_sight(*nodes)

    def keep_view(self) -> None:
        """Write down how the document is looked at now, unless a search's partial result is what is seen."""
        desk = self.desk
        if desk.preview is not None:
            return
        selected = {"nodes": sorted(desk.nodes), "edges": sorted(desk.edges)}
        looked = {} if self.window.drawing.pending else looking(self.window.view)
        now = {"layout": self.window.layout_name, "selected": selected, **looked}
        desk.document.view.update(now)

    def close(self) -> None:
        """The window goes: all is on the disk, nothing is left to recover, the file is free for others."""
        self.window.chrome.writing.finish()
        self.window.recovery.close()
        self.ownership.release()

    def save(self, told: Told = nobody) -> bool:
        """Save where the document lies, or is about to; a file that holds another circuit is not written."""
        document = self.desk.own
        path = self.desk.writer.saving_to(document) or (document.path if document.path_is_its_own else None)
        return self.save_to(path, told) if path is not None else self.save_as(told)

    def save_as(self, told: Told = nobody) -> bool:
        """Choose a place and save."""
        kinds = "Circuits (*.circuit)"
        path, _ = QFileDialog.getSaveFileName(self.window, "Save the circuit", "circuit.circuit", kinds)
        return bool(path) and self.save_to(Path(path), told)

    def save_to(self, path: Path, told: Told = nobody) -> bool:
        """Begin to save to a path; whether it has begun. ``told`` hears whether it is saved.

        A failure is shown and changes nothing.
        """
        path = path if path.suffix else path.with_suffix(".circuit")
        if not self.on_disk.may_write(path) or not self.desk.guarded(self.ownership.check, path):
            return False
        self.keep_view()
        document = self.desk.own

        def done(saved: bool) -> None:
            now = self.desk.own
            if saved:
                self.on_disk.written(document)
                self.settings.add_recent(path)
                self.window.retitle()
            if (document is not now or not saved) and not self.desk.writer.saving:
                self.ownership.release() if now.path is None else self.ownership.take(now.path)
            self.on_disk.follow(now)
            told(saved)

        self.desk.writer.save(path, done)
        return True

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

    def ask_data(self) -> Path | None:
        """Choose a place for another tool's file, which its suffix names."""
        path, _ = QFileDialog.getSaveFileName(self.window, "Export", "circuit.json", DATA)
        return Path(path) if path else None

    def export_to(self, path: Path, figure: Figure | None = None, told: Told = nobody) -> None:
        """Begin to write a picture or another tool's file, and tell whether it was written."""
        from circuitviz.pictures import Figure, load_shipped, pictures, save_picture

        now = self.desk.document.snapshot()
        if path.suffix.lower() in [entry.value.suffix for entry in pictures.entries()]:
            load_shipped()
            figure = figure or Figure(layout=self.window.layout_name)
            self.desk.writer.export(path, partial(save_picture, now, path, figure), told)
        else:
            note = export_warning(now, path)
            self.desk.writer.export(path, partial(export_document, now, path), told, note)

    def copy_methods(self) -> None:
        """The methods paragraph to the clipboard."""
        from circuitviz.pictures.prose import methods_paragraph

        self._copy(methods_paragraph, "the methods paragraph")

    def copy_bibtex(self) -> None:
        """The entries of what the document cites to the clipboard."""
        from circuitviz.pictures.prose import bibtex

        self._copy(bibtex, "the BibTeX entries")

    def _copy(self, made: Callable[[Document], str], what: str) -> None:
        def take(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            self.desk.say(f"Copied {what}")

        self.desk.writer.make("copy", partial(made, self.desk.document.snapshot()), take)

    def may_leave(self) -> bool:
        """Ask before a search is ended or unsaved work is lost; what is being saved is saved first."""
        return self.may_end_search() and self.may_replace()

    def may_end_search(self) -> bool:
        """Ask before a search that is under way is ended."""
        if not self.desk.searches.under_way:
            return True
        buttons = QMessageBox.StandardButton
        choice = QMessageBox.question(
            self.window,
            "circuitviz",
            "A search for a circuit is still running; what it has found so far would be lost. End it?",
            buttons.Yes | buttons.No,
            buttons.No,
        )
        return bool(choice == buttons.Yes)

    def may_replace(self) -> bool:
        """Ask before unsaved work makes way for something else."""
        self.desk.writer.finish(exports=False)
        if not self.desk.own.dirty or self.desk.own.state.circuit is None:
            return True
        buttons = QMessageBox.StandardButton
        choice = QMessageBox.question(
            self.window,
            "circuitviz",
            "This circuit has changes that are not saved. Save them?",
            buttons.Save | buttons.Discard | buttons.Cancel,
        )
        if choice == buttons.Save:
            saved: list[bool] = []
            self.save(saved.append)
            self.desk.writer.finish(exports=False)
            return saved == [True]
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
