"""Opening, saving and exporting, with their dialogs and questions about unsaved work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.document import Document
from circuitviz.draw.registry import figure_formats
from circuitviz.formats import export_document, export_warning, formats
from circuitviz.graph import Graph, ModelShape
from circuitviz.jobs.job_handle import JobHandle
from circuitviz.layout import layouts
from circuitviz.paint import save_figure
from circuitviz.panels.widgets.file_dialogs import ask_open_file, ask_save_file
from circuitviz.scene.camera import Camera
from circuitviz.scene.document_layout import saved_layout
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.text_metrics import load_shipped_fonts
from circuitviz.shell.canvas_updater import CanvasUpdater
from circuitviz.shell.document_window import find_asking_window
from circuitviz.shell.export_dialog import ExportDialog
from circuitviz.shell.external_changes import ExternalChangeMonitor
from circuitviz.shell.settings import Settings
from circuitviz.shell.window_file_lock import WindowFileLock
from circuitviz.workbench.methods_text import bibtex, methods_paragraph
from circuitviz.workbench.shared_page import PAGE_SUFFIX, save_web_page
from circuitviz.workspace import Workspace
from circuitviz.workspace.file_names import propose_free_stem, propose_stem
from circuitviz.workspace.save_service import DoneCallback, ignore_result
from circuitviz.workspace.tabs import DocumentTab

CIRCUITS = "circuits"  # whose dialogs share the last folder
OPEN_FILE_FILTER = "Circuits (*.circuit *.json *.graphml *.csv);;All files (*)"
CIRCUIT_FILE_FILTER = "Circuits (*.circuit)"
PICTURE_FILE_FILTER = "Pictures (*.svg *.pdf *.png *.tex)"
DATA_FILE_FILTER = (
    "EAP-IG and MIB (*.json);;Attribution graph (*.graph.json);;Table of edges (*.csv);;"
    "Table of nodes (*.nodes.csv);;GraphML (*.graphml);;Graphviz (*.dot);;Web page (*.html)"
)


class FileController(QObject):
    """Opens, saves and exports the document; failures are shown in a dialog and change nothing."""

    saved = Signal()  # the document has another path, perhaps

    def __init__(
        self, window: QWidget, workspace: Workspace, view: CircuitView, canvas_updater: CanvasUpdater,
        settings: Settings,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._window, self._workspace, self._settings = window, workspace, settings
        self._view, self._canvas_updater = view, canvas_updater
        self.export_dialog: ExportDialog | None = None
        self.file_lock = WindowFileLock(window, self.open_copy)
        self.external_changes = ExternalChangeMonitor(window, workspace)
        workspace.document_closing.connect(self.record_view)
        workspace.tabs.changed.connect(self._follow_tabs)
        self._known_documents: list[tuple[Document, Path | None]] = []
        workspace.file_loader.preload_modules(preload_figure_modules, layouts.names)

    @property
    def _asking_window(self) -> QWidget:
        """What is asked is over the dialog that asks, or the window that the person is in."""
        return QApplication.activeModalWidget() or find_asking_window(self._window)

    # opening

    def ask_and_open(self) -> None:
        """Let the person choose a file, and open it."""
        path = ask_open_file(
            self._asking_window, "Open a circuit", OPEN_FILE_FILTER, CIRCUITS, self._settings
        )
        if path is not None:
            self.open_path(path)

    def ask_and_open_from(self, folder: Path) -> None:
        """Let the person choose a file of a folder, and open it."""
        self._settings.remember_folder(folder, CIRCUITS)
        self.ask_and_open()

    def open_path(self, path: Path, *, message: str = "") -> JobHandle | None:
        """Read a file and show it in a tab of its own, unless another window has it.

        A file that a tab has open comes to the front; where another program has changed it since, the person
        is asked whether to read it again.

        Args:
            path: The file.
            message: Shown once it is open, instead of its name.

        Returns:
            The job that reads it; None where a tab has it as it is.
        """
        if (tab := self._workspace.tabs.tab_at(path)) is not None:
            self._workspace.tab_controller.show(tab)
            if not self.external_changes.has_changed(path, tab.user_document):
                self._settings.add_recent_file(path)
                self._workspace.post_message(f"{path.name} is open in this tab")
                return None
            if not self._confirm_reload(path, tab):
                return None
        revision = None if tab is None else tab.user_document.revision

        def show(document: Document) -> None:
            self._workspace.commit_input_requested.emit()
            is_changed = tab is not None and tab.user_document.revision != revision
            if tab is not None and is_changed and not self._confirm_reload(path, tab):
                return  # it was edited while the file was read
            if not self.file_lock.acquire_lock(path):
                self.file_lock.offer_copy(path)
                return
            if tab is not None and tab in self._workspace.tabs.tabs:
                self._workspace.tab_controller.reload(tab, document)
            else:
                self._workspace.show_opened_document(path, document)
            self._settings.add_recent_file(path)
            if message:
                self._workspace.post_message(message)

        return self._workspace.open_file(path, show)

    def open_copy(self, path: Path) -> None:
        """Open what a file holds as a document that is nowhere saved yet."""

        def show(document: Document) -> None:
            document.path = None
            document.mark_unsaved()
            self._workspace.set_document(document)
            self._workspace.post_message(f"Opened a copy of {path.name}; it is not saved yet")

        self._workspace.open_file(path, show)

    def _follow_tabs(self) -> None:
        """Lock and watch the files that are open now, and no others."""
        documents = [tab.user_document for tab in self._workspace.tabs.tabs]
        known = [(document, document.path) for document in documents]
        if known == self._known_documents:
            return
        self._known_documents = known
        paths = [path for _, path in known if path is not None]
        for path in paths:
            self.file_lock.acquire_lock(path)
        self.file_lock.keep_only([*paths, *self._workspace.save_service.pending_saves])
        self.external_changes.watch_documents()

    def on_document_opened(self) -> None:
        """Another document is on the screen: go back to its layout."""
        self._canvas_updater.layout_name = saved_layout(self._workspace.document)

    def on_document_shown(self) -> None:
        """Once it is drawn, go back to what was in sight and selected."""
        self._canvas_updater.call_when_drawn(self._restore_view)

    def _restore_view(self) -> None:
        view = self._workspace.document.view
        self._view.set_camera(Camera.from_json(view))
        chosen = view.get("selected")
        if isinstance(chosen, dict) and self._workspace.state.circuit is not None:
            scene = self._view.circuit_scene
            nodes = _drawn_names(chosen.get("nodes"), scene.by_name)
            self._workspace.set_selection(nodes, _drawn_names(chosen.get("edges"), scene.edge_rows))
            if len(nodes) == 1 and view.get("zoom") is None:  # where a person looked comes first
                self._view.scroll_to_node(*nodes)

    def record_view(self) -> None:
        """Write down how the document is looked at now, unless a search's partial result is what is seen."""
        workspace = self._workspace
        if workspace.partial_result is not None:
            return
        selected = {"nodes": sorted(workspace.selected_nodes), "edges": sorted(workspace.selected_edges)}
        camera = {} if self._canvas_updater.is_pending else self._view.camera.to_json()
        workspace.document.view.update(
            {"layout": self._canvas_updater.layout_name, "selected": selected, **camera}
        )

    # saving

    def save_document(self, on_done: DoneCallback = ignore_result) -> bool:
        """Save to the document's file, or where it is being saved to.

        A file that holds another circuit is not written: the person chooses another one.

        Args:
            on_done: Told whether it was saved.

        Returns:
            Whether saving has begun.
        """
        document = self._workspace.user_document
        path = self._workspace.save_service.pending_save_path(document)
        if path is None and document.is_path_of_same_subject:
            path = document.path
        return self.save_to(path, on_done) if path is not None else self.save_as(on_done)

    def save_as(self, on_done: DoneCallback = ignore_result) -> bool:
        """Save to a path that the person chooses; the arguments are those of ``save_document``."""
        folder = Path(self._settings.last_folder(CIRCUITS))
        stem = propose_free_stem(self._workspace.user_document, folder, ".circuit")
        name = f"{stem}.circuit"
        path = ask_save_file(
            self._asking_window, "Save the circuit", name, CIRCUIT_FILE_FILTER, CIRCUITS, self._settings
        )
        return path is not None and self.save_to(path, on_done)

    def save_to(self, path: Path, on_done: DoneCallback = ignore_result) -> bool:
        """Save to a path; the other arguments are those of ``save_document``."""
        path = path if path.suffix else path.with_suffix(".circuit")
        workspace = self._workspace
        if workspace.partial_result is not None:  # what is on the screen is not in a document yet
            workspace.post_message("The circuit can be saved once its search has ended")
            return False
        workspace.commit_input_requested.emit()
        if not self.external_changes.confirm_overwrite(path):
            return False
        if not workspace.run_guarded(self.file_lock.require_lock, path, title=f"Could not save {path.name}"):
            return False
        self.record_view()
        document = workspace.user_document

        def end(is_saved: bool) -> None:
            if is_saved:
                self.external_changes.record_stamp(document)
                self._settings.add_recent_file(path)
                self.saved.emit()
            self._known_documents = []  # the file is another one, and watched anew
            workspace.tabs.changed.emit()
            on_done(is_saved)

        workspace.save_service.start_save(path, end)
        return True

    # exporting

    def show_export_dialog(self) -> None:
        """Show the figure with all that can be chosen of it."""
        self.export_dialog = ExportDialog(self._asking_window, self._workspace, self, self._window_figure())
        self.export_dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.export_dialog.open()

    def _window_figure(self) -> FigureOptions:
        """The layout and the colours of edges that the window shows."""
        layout, edge_colours = self._canvas_updater.layout_name, self._settings.edge_colours
        return FigureOptions(layout=layout, edge_colours=edge_colours)

    def ask_figure_path(self, suffix: str) -> Path | None:
        """Let the person choose where a figure goes."""
        name = f"{propose_stem(self._workspace.document)}{suffix}"
        return ask_save_file(
            self._asking_window, "Save the figure", name, PICTURE_FILE_FILTER, "figures", self._settings
        )

    def ask_data_path(self, suffix: str = ".json") -> Path | None:
        """Let the person choose another tool's file or a web page; its suffix names the format."""
        name = f"{propose_stem(self._workspace.document)}{suffix}"
        return ask_save_file(self._asking_window, "Export", name, DATA_FILE_FILTER, "exports", self._settings)

    def export_to(
        self, path: Path, figure: FigureOptions | None = None, on_done: DoneCallback = ignore_result
    ) -> None:
        """Begin to write a picture, a web page or another tool's file.

        Args:
            path: Its suffix names the format.
            figure: The options of a picture.
            on_done: Told whether it was written.
        """
        document, note = self._workspace.document.snapshot(), ""
        if path.suffix.lower() in [entry.value.suffix for entry in figure_formats.entries()]:
            load_shipped_fonts()
            write = partial(save_figure, document, path, figure or self._window_figure())
        elif path.suffix.lower() == PAGE_SUFFIX:
            write = partial(save_web_page, document, path, self._canvas_updater.layout_name)
        else:
            write, note = partial(export_document, document, path), export_warning(document, path)
        self._workspace.save_service.start_export(path, write, on_done, note)

    def copy_methods(self) -> None:
        """Copy the methods paragraph."""
        self._copy_text(methods_paragraph, "the methods paragraph")

    def copy_bibtex(self) -> None:
        """Copy the entries of what the document cites."""
        self._copy_text(bibtex, "the BibTeX entries")

    def _copy_text(self, make_text: Callable[[Document], str], description: str) -> None:
        def copy(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            self._workspace.post_message(f"Copied {description}")

        work = partial(make_text, self._workspace.document.snapshot())
        self._workspace.save_service.run_latest("copy", work, copy, f"Could not copy {description}")

    # leaving

    def close_files(self) -> None:
        """Let other windows have the files."""
        self.file_lock.keep_only(())

    def confirm_leave(self) -> bool:
        """Ask before the window closes, once for all its tabs."""
        return self.confirm_close(self._workspace.tabs.tabs)

    def confirm_close(self, tabs: Sequence[DocumentTab], window: QWidget | None = None) -> bool:
        """Ask before searches are ended or unsaved work is lost; what is being saved is saved first.

        Args:
            tabs: Those that are to be closed.
            window: The one that is closed with them, over which it is asked; None: the main window.
        """
        self._workspace.commit_input_requested.emit()  # what was typed last is unsaved work, too
        parent = window or self._window
        return self._confirm_end_searches(tabs, parent) and self._confirm_discard(tabs, parent)

    def _confirm_end_searches(self, tabs: Sequence[DocumentTab], parent: QWidget) -> bool:
        n_searches = sum(tab.search is not None for tab in tabs)
        if not n_searches:
            return True
        subject = (
            "A search for a circuit is" if n_searches == 1 else f"{n_searches} searches for circuits are"
        )
        buttons = QMessageBox.StandardButton
        choice = QMessageBox.question(
            parent,
            "circuitviz",
            f"{subject} not finished; what was found so far would be lost. End "
            f"{'it' if n_searches == 1 else 'them'}?",
            buttons.Yes | buttons.No,
            buttons.No,
        )
        return bool(choice == buttons.Yes)

    def _confirm_discard(self, tabs: Sequence[DocumentTab], parent: QWidget) -> bool:
        """Ask once before unsaved work of some tabs is discarded."""
        workspace = self._workspace
        workspace.save_service.wait_until_written(include_exports=False)
        # one whose search came to nothing while another question was open is gone
        unsaved = [tab for tab in tabs if tab in workspace.tabs.tabs and tab.has_unsaved_work]
        if not unsaved:
            return True
        display_names = dict(zip(workspace.tabs.tabs, workspace.tabs.display_names(), strict=True))
        names = "\n".join(f"    {display_names[tab]}" for tab in unsaved)
        text = f"{display_names[unsaved[0]]} has changes that are not saved. Save them?"
        if len(unsaved) > 1:
            text = f"{len(unsaved)} circuits have changes that are not saved. Save all of them?\n\n{names}"
        else:
            workspace.tab_controller.show(unsaved[0])
        buttons = QMessageBox.StandardButton
        many = len(unsaved) > 1
        save, discard = (buttons.SaveAll, buttons.Discard) if many else (buttons.Save, buttons.Discard)
        choice = QMessageBox.question(parent, "circuitviz", text, save | discard | buttons.Cancel)
        if choice == save:
            return all(self._save_tab(tab) for tab in unsaved)
        return bool(choice == discard)

    def _save_tab(self, tab: DocumentTab) -> bool:
        """Bring a tab to the front and save it, and wait for that; whether it was saved."""
        saved: list[bool] = []
        self._workspace.tab_controller.show(tab)
        self.save_document(saved.append)
        self._workspace.save_service.wait_until_written(include_exports=False)
        return saved == [True]

    def _confirm_reload(self, path: Path, tab: DocumentTab) -> bool:
        """Ask before a file that another program has changed is read again into its tab."""
        self._workspace.commit_input_requested.emit()  # what was typed last would be lost, too
        buttons = QMessageBox.StandardButton
        is_dirty = tab.user_document.is_dirty
        lost = " Your changes since you last saved would be lost." if is_dirty else ""
        choice = QMessageBox.question(
            self._asking_window,
            "circuitviz",
            f"'{path.name}' was changed by another program since it was read. Read it again?{lost}",
            buttons.Yes | buttons.No,
            buttons.No if is_dirty else buttons.Yes,
        )
        return bool(choice == buttons.Yes)


def _drawn_names(names: object, drawn: Collection[str]) -> frozenset[str]:
    """Those of a file's names that are drawn; a file may say anything."""
    known = names if isinstance(names, list) else []
    return frozenset(name for name in known if isinstance(name, str) and name in drawn)


def preload_figure_modules() -> None:
    """Import every format and layout that a first figure or file needs."""
    figure_formats.names()
    formats.names()
    graph = Graph.transformer(ModelShape(1, 1, 1))
    for layout in layouts.entries():
        layout.value(graph, [node.name for node in graph.nodes], graph.mask, {})
