"""Opening, saving and exporting from the window: nothing that a person made is lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox

from circuitviz.canvas.camera import camera_state, restore_camera
from circuitviz.document import Document
from circuitviz.formats import export_document, export_warning
from circuitviz.graph import Graph, ModelShape
from circuitviz.layout import layouts
from circuitviz.shell.external_changes import ExternalChangeMonitor
from circuitviz.shell.window_file_lock import WindowFileLock
from circuitviz.workspace.save_service import DoneCallback, ignore_result

if TYPE_CHECKING:
    from circuitviz.shapes.figure_options import FigureOptions
    from circuitviz.shell.export_dialog import ExportDialog
    from circuitviz.shell.main_window import MainWindow

PICTURE_FILE_FILTER = "Pictures (*.svg *.pdf *.png *.tex)"
DATA_FILE_FILTER = (
    "EAP-IG and MIB (*.json);;Attribution graph (*.graph.json);;Table of edges (*.csv);;"
    "Table of nodes (*.nodes.csv);;GraphML (*.graphml);;Graphviz (*.dot)"
)


class FileController(QObject):
    """The window's way to the disk; failures are shown in a dialog and change nothing."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.workspace, self.settings = window, window.workspace, window.settings
        self.export_dialog: ExportDialog | None = None
        self.file_lock, self.external_changes = WindowFileLock(window), ExternalChangeMonitor(window)
        self.workspace.search_controller.confirm_replace = self.confirm_replace
        self.workspace.document_closing.connect(self.record_view)
        self.workspace.file_loader.preload_modules(preload_figure_modules, layouts.names)

    def ask_and_open(self) -> None:
        """Choose a file and open it."""
        kinds = "Circuits (*.circuit *.json *.graphml *.dot *.csv);;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self.window, "Open a circuit", "", kinds)
        if path:
            self.open_path(Path(path))

    def open_path(self, path: Path, *, message: str = "") -> None:
        """Read a file, and show it unless unsaved work is to be kept or another window has it.

        ``message`` is said once it is open, instead of its name.
        """

        def show(document: Document) -> None:
            if not self.confirm_leave():
                return
            if not self.file_lock.acquire_lock(path):
                self.file_lock.offer_copy(path)
                return
            self.workspace.show_opened_document(path, document)
            self.settings.add_recent_file(path)
            if message:
                self.workspace.post_message(message)

        self.workspace.open_file(path, show)

    def open_copy(self, path: Path) -> None:
        """Open what a file holds as a document that is nowhere saved yet."""

        def show(document: Document) -> None:
            document.path = None
            document.mark_unsaved()
            self.workspace.set_document(document)
            self.workspace.post_message(f"Opened a copy of {path.name}; it is not saved yet")

        self.workspace.open_file(path, show)

    def on_document_opened(self) -> None:
        """Another document is on the desk: own its file, and go back to its layout."""
        layout = self.workspace.document.view.get("layout")
        if self.workspace.partial_result is None:
            path = self.workspace.document.path
            if path is None or not self.file_lock.acquire_lock(path):
                self.file_lock.release_lock()
            self.external_changes.watch_document(self.workspace.document)
        circuit = self.workspace.document.state.circuit
        usual = "tokens" if circuit is not None and circuit.graph.is_of_prompt else "layered"
        self.window.layout_name = layout if layout in layouts.names() else usual

    def on_document_shown(self) -> None:
        """Once it is drawn, go back to what was in sight and selected."""
        self.window.canvas_updater.call_when_drawn(self._restore_view)

    def _restore_view(self) -> None:
        view = self.workspace.document.view
        restore_camera(self.window.view, view)
        chosen = view.get("selected")
        if isinstance(chosen, dict) and self.workspace.state.circuit is not None:
            drawn = self.window.view.circuit_scene
            edges = {edge.name for edge in drawn.edges}
            nodes = _drawn_names(chosen.get("nodes"), drawn.by_name)
            self.workspace.set_selection(nodes, _drawn_names(chosen.get("edges"), edges))
            if len(nodes) == 1 and view.get("zoom") is None:  # where a person looked comes first
                self.window.view.scroll_to_node(*nodes)

    def record_view(self) -> None:
        """Write down how the document is looked at now, unless a search's partial result is what is seen."""
        desk = self.workspace
        if desk.partial_result is not None:
            return
        selected = {"nodes": sorted(desk.selected_nodes), "edges": sorted(desk.selected_edges)}
        looked = {} if self.window.canvas_updater.is_pending else camera_state(self.window.view)
        now = {"layout": self.window.layout_name, "selected": selected, **looked}
        desk.document.view.update(now)

    def close_files(self) -> None:
        """The window goes: all is on the disk, nothing is left to recover, the file is free for others."""
        self.window.menus.write_progress.wait_until_written()
        self.window.crash_recovery.close_autosaves()
        self.file_lock.release_lock()

    def save_document(self, on_done: DoneCallback = ignore_result) -> bool:
        """Save where the document lies, or is about to; a file that holds another circuit is not written."""
        document = self.workspace.user_document
        path = self.workspace.save_service.pending_save_path(document) or (
            document.path if document.is_path_of_same_subject else None
        )
        return self.save_to(path, on_done) if path is not None else self.save_as(on_done)

    def save_as(self, on_done: DoneCallback = ignore_result) -> bool:
        """Choose a place and save."""
        kinds = "Circuits (*.circuit)"
        path, _ = QFileDialog.getSaveFileName(self.window, "Save the circuit", "circuit.circuit", kinds)
        return bool(path) and self.save_to(Path(path), on_done)

    def save_to(self, path: Path, on_done: DoneCallback = ignore_result) -> bool:
        """Begin to save to a path; whether it has begun. ``on_done`` hears whether it is saved.

        A failure is shown and changes nothing.
        """
        path = path if path.suffix else path.with_suffix(".circuit")
        if not self.external_changes.confirm_overwrite(path) or not self.workspace.run_guarded(
            self.file_lock.require_lock, path
        ):
            return False
        self.record_view()
        document = self.workspace.user_document

        def done(saved: bool) -> None:
            now = self.workspace.user_document
            if saved:
                self.external_changes.record_stamp(document)
                self.settings.add_recent_file(path)
                self.window.update_title()
            if (document is not now or not saved) and not self.workspace.save_service.pending_saves:
                self.file_lock.release_lock() if now.path is None else self.file_lock.acquire_lock(now.path)
            self.external_changes.watch_document(now)
            on_done(saved)

        self.workspace.save_service.start_save(path, done)
        return True

    def show_export_dialog(self) -> None:
        """Show the figure with all that can be chosen of it."""
        from circuitviz.shell.export_dialog import ExportDialog

        self.export_dialog = ExportDialog(self.window)
        self.export_dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.export_dialog.open()

    def ask_figure_path(self, suffix: str) -> Path | None:
        """Choose where a figure goes."""
        stem = self.workspace.document.path.stem if self.workspace.document.path else "circuit"
        path, _ = QFileDialog.getSaveFileName(
            self.window, "Save the figure", f"{stem}{suffix}", PICTURE_FILE_FILTER
        )
        return Path(path) if path else None

    def ask_data_path(self) -> Path | None:
        """Choose a place for another tool's file, which its suffix names."""
        path, _ = QFileDialog.getSaveFileName(self.window, "Export", "circuit.json", DATA_FILE_FILTER)
        return Path(path) if path else None

    def export_to(
        self, path: Path, figure: FigureOptions | None = None, on_done: DoneCallback = ignore_result
    ) -> None:
        """Begin to write a picture or another tool's file, and tell whether it was written."""
        from circuitviz.draw.registry import figure_formats
        from circuitviz.paint import save_figure
        from circuitviz.shapes.figure_options import FigureOptions
        from circuitviz.shapes.text_metrics import load_shipped_fonts

        now = self.workspace.document.snapshot()
        if path.suffix.lower() in [entry.value.suffix for entry in figure_formats.entries()]:
            load_shipped_fonts()
            figure = figure or FigureOptions(layout=self.window.layout_name)
            self.workspace.save_service.start_export(path, partial(save_figure, now, path, figure), on_done)
        else:
            note = export_warning(now, path)
            self.workspace.save_service.start_export(path, partial(export_document, now, path), on_done, note)

    def copy_methods(self) -> None:
        """The methods paragraph to the clipboard."""
        from circuitviz.workbench.methods_text import methods_paragraph

        self._copy_text(methods_paragraph, "the methods paragraph")

    def copy_bibtex(self) -> None:
        """The entries of what the document cites to the clipboard."""
        from circuitviz.workbench.methods_text import bibtex

        self._copy_text(bibtex, "the BibTeX entries")

    def _copy_text(self, make_text: Callable[[Document], str], description: str) -> None:
        def take(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            self.workspace.post_message(f"Copied {description}")

        self.workspace.save_service.run_latest(
            "copy", partial(make_text, self.workspace.document.snapshot()), take
        )

    def confirm_leave(self) -> bool:
        """Ask before a search is ended or unsaved work is lost; what is being saved is saved first."""
        return self.confirm_end_search() and self.confirm_replace()

    def confirm_end_search(self) -> bool:
        """Ask before a search that is under way is ended."""
        if not self.workspace.search_controller.is_running:
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

    def confirm_replace(self) -> bool:
        """Ask before unsaved work makes way for something else."""
        self.workspace.save_service.wait_until_written(include_exports=False)
        if not self.workspace.user_document.is_dirty or self.workspace.user_document.state.circuit is None:
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
            self.save_document(saved.append)
            self.workspace.save_service.wait_until_written(include_exports=False)
            return saved == [True]
        return bool(choice == buttons.Discard)


def _drawn_names(names: object, drawn: Collection[str]) -> frozenset[str]:
    """Those of a file's names that are drawn; a file may say anything."""
    known = names if isinstance(names, list) else []
    return frozenset(name for name in known if isinstance(name, str) and name in drawn)


def preload_figure_modules() -> None:
    """Everything that a first figure, file or methods paragraph would otherwise have to import."""
    from circuitviz.draw.registry import figure_formats
    from circuitviz.formats import formats
    from circuitviz.shell import export_dialog
    from circuitviz.workbench import methods_text

    assert export_dialog and methods_text
    figure_formats.names()
    formats.names()
    graph = Graph.transformer(ModelShape(1, 1, 1))
    for layout in layouts.entries():
        layout.value(graph, [node.name for node in graph.nodes], graph.mask, {})
