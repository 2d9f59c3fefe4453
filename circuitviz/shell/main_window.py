"""The main window puts canvas, docks and actions together; the desk does the work."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QChildEvent, QEvent
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QMainWindow, QMessageBox, QStackedWidget, QWidget

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.document import Document, expand_nodes, move_nodes, restore_all, toggle_ablation
from circuitviz.layout import layouts
from circuitviz.scene.theme import Theme
from circuitviz.shell.basis_switcher import BasisSwitcher
from circuitviz.shell.canvas_updater import CanvasUpdater
from circuitviz.shell.command_palette import CommandPalette
from circuitviz.shell.crash_recovery import CrashRecovery
from circuitviz.shell.dock_manager import DockManager
from circuitviz.shell.drag_and_drop import DropHandler
from circuitviz.shell.failure_dialog import show_failure
from circuitviz.shell.file_controller import FileController
from circuitviz.shell.find_bar import FindBar
from circuitviz.shell.group_controller import GroupController
from circuitviz.shell.notice_bar import NoticeBar, stack_above
from circuitviz.shell.path_highlight import PathHighlight
from circuitviz.shell.settings import Settings
from circuitviz.shell.start_page import StartPage
from circuitviz.shell.theme_controller import ThemeController
from circuitviz.shell.tour import Tour
from circuitviz.shell.window_menus import WindowMenus
from circuitviz.workbench.requests.messages import JobFailed
from circuitviz.workbench.requests.torch_threads import SetTorchThreads
from circuitviz.workspace.comparison_text import describe_isolated_nodes, restrict_to_circuit
from circuitviz.workspace.workspace import Workspace


class MainWindow(QMainWindow):
    """Window, canvas, docks. Not a line of engine: everything long goes to the desk's worker."""

    def __init__(self, workspace: Workspace | None = None, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.workspace = workspace or Workspace()
        self.theme_controller = ThemeController(self)
        self.view = CircuitView()
        self.start_page = StartPage()
        self.failure_dialog: QMessageBox | None = None
        self.layout_name = "layered"
        self.pages = QStackedWidget()
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(self.view)
        self.notice_bar = NoticeBar(self)
        self.setCentralWidget(stack_above(self.notice_bar, self.pages))
        self.setAcceptDrops(True)
        self.setMinimumSize(900, 600)
        self.resize(1280, 800)
        self.dock_manager = DockManager(self)
        self.panels, self.docks = self.dock_manager.panels, self.dock_manager.docks
        self.file_controller = FileController(self)
        self.crash_recovery = CrashRecovery(self)
        self.drop_handler = DropHandler(self)
        self.group_controller = GroupController(self)
        self.canvas_updater = CanvasUpdater(self)
        self.basis_switcher = BasisSwitcher(self)
        self.path_highlight = PathHighlight(self)
        self.menus = WindowMenus(self)
        self.command_palette = CommandPalette(self)
        self.tour = Tour(self)
        self._connect_signals()
        self.find_bar = FindBar(self)  # after the canvas has heard of a change
        self.theme_controller.apply_settings()
        self.set_device(self.settings.device)
        self.workspace.submit_request(SetTorchThreads(self.settings.n_threads))
        if (kept := self.settings.window_geometry) is not None:
            self.restoreGeometry(kept[0])
            self.restoreState(kept[1])
        self.dock_manager.lay_out_hidden_docks()
        self.show_start_page()

    def _connect_signals(self) -> None:
        desk, start = self.workspace, self.start_page
        self.view.what_if_requested.connect(desk.live_faithfulness.show_what_if)
        self.view.nodes_moved.connect(lambda places: desk.apply_command(move_nodes(places)))
        desk.state_changed.connect(self.redraw_canvas)
        desk.document_opened.connect(self.on_document_opened)
        desk.document_shown.connect(self.file_controller.on_document_shown)
        desk.failure_reported.connect(self.show_failure)
        desk.prompt_circuits.circuit_arriving.connect(lambda: setattr(self, "layout_name", "tokens"))
        desk.prompt_circuits.answer_shown.connect(lambda: self.canvas_updater.call_when_drawn(self.view.fit))
        desk.undo_stack.cleanChanged.connect(lambda _clean: self.update_title())
        start.example_chosen.connect(self.find_example_circuit)
        start.file_chosen.connect(self.file_controller.open_path)
        start.open_requested.connect(self.file_controller.ask_and_open)
        start.model_requested.connect(lambda: self.panels["discovery"].browse_model())  # type: ignore[attr-defined]
        start.task_requested.connect(lambda: self.panels["discovery"].browse_task())  # type: ignore[attr-defined]

    # what is shown

    def redraw_canvas(self) -> None:
        """Draw the desk's state."""
        state = self.workspace.state
        bare = bool(self.dock_manager.hidden_names)
        if state.circuit is not None:
            self.dock_manager.set_circuit_docks_visible(True)
            self.pages.setCurrentWidget(self.view)
        self.canvas_updater.redraw(
            is_deferred=bare
        )  # to bring the docks is a frame's work, and to draw is another's
        self.update_title()
        self.menus.update_enabled_actions()

    def update_title(self) -> None:
        """File name and modified mark."""
        name = self.workspace.document.path.name if self.workspace.document.path else "Untitled circuit"
        shown = "circuitviz" if self.workspace.state.circuit is None else f"{name}[*] – circuitviz"
        self.setWindowTitle(shown)
        self.setWindowModified(self.workspace.document.is_dirty and self.workspace.state.circuit is not None)

    def show_start_page(self) -> None:
        """The start page; the open circuit stays open behind it."""
        self.start_page.show_recent_files(self.settings.recent_files)
        self.pages.setCurrentWidget(self.start_page)
        if self.workspace.state.circuit is None:
            self.dock_manager.set_circuit_docks_visible(False)

    def on_document_opened(self) -> None:
        """Another document is on the desk."""
        self.file_controller.on_document_opened()
        self.canvas_updater.reset()
        self.view.circuit_scene = type(self.view.circuit_scene)()

    def show_failure(self, failed: JobFailed) -> None:
        """One dialog at a time; the application goes on."""
        if self.failure_dialog is not None:
            self.failure_dialog.close()
            self.failure_dialog.deleteLater()
        self.failure_dialog = show_failure(failed, self)

    # actions

    def find_example_circuit(self, task: str) -> None:
        """Find the circuit of a built-in task on the demo model."""
        if self.file_controller.confirm_leave():
            self.workspace.set_document(Document())
            form = self.panels["discovery"]
            form.model_box.setEditText("demo")  # type: ignore[attr-defined]
            form.task_box.setEditText(task)  # type: ignore[attr-defined]
            self.pages.setCurrentWidget(self.view)
            self.view.show_scene(type(self.view.circuit_scene)(), "Loading the demo model …")
            form.start_search(is_example=True)  # type: ignore[attr-defined]

    def start_discovery(self) -> None:
        """Start the discovery that the form describes."""
        self.panels["discovery"].start_search()  # type: ignore[attr-defined]

    def toggle_ablation(self) -> None:
        """Take the selection out of the circuit, or put it back."""
        nodes, edges = restrict_to_circuit(
            self.workspace.state, self.workspace.selected_nodes, self.workspace.selected_edges
        )
        if (
            self.workspace.selected_nodes
            and not expand_nodes(self.workspace.state, self.workspace.selected_nodes)
            and not edges
        ):
            target = ", ".join(sorted(self.workspace.selected_nodes))
            self.workspace.post_message(
                f"The circuit is of {target}, which therefore stays; take out what leads there."
            )
        elif nodes or edges:
            self.workspace.apply_command(toggle_ablation(nodes, edges))
            if note := describe_isolated_nodes(self.workspace, nodes):
                self.workspace.post_message(note)
        elif self.workspace.selected_nodes or self.workspace.selected_edges:
            self.workspace.post_message(
                "This circuit has nothing of what is selected, so there is nothing to take out."
            )

    def restore_all(self) -> None:
        """Put everything back."""
        self.workspace.apply_command(restore_all())

    def focus_label_field(self) -> None:
        """Write a label for the selected node."""
        self.dock_manager.bring_to_front("inspector")
        if self.workspace.labels_hidden:
            self.workspace.post_message("Labels are hidden until the blind round ends.")
        self.panels["inspector"].label_field.setFocus()  # type: ignore[attr-defined]

    def copy_command_line(self) -> None:
        """The command line that finds this circuit."""
        where = self.workspace.document.state.provenance
        if where is not None:
            QGuiApplication.clipboard().setText(where.command_line())
            self.workspace.post_message("Copied: " + where.command_line())

    def switch_to_next_layout(self) -> None:
        """Go to the next layout that has something of its own to show."""
        if (circuit := self.workspace.state.circuit) is None:
            return
        graph, nodes = circuit.graph, circuit.node_names
        entries = ((entry.name, entry.extra.get("columns")) for entry in layouts.entries())
        names = [name for name, columns in entries if not columns or columns(graph, nodes)]
        place = names.index(self.layout_name) if self.layout_name in names else -1
        self.choose_layout(names[(place + 1) % len(names)])

    def choose_layout(self, name: str) -> None:
        """Go to a layout; moved nodes stay where they were put."""
        self.layout_name = name
        self.redraw_canvas()
        self.canvas_updater.call_when_drawn(partial(self._on_laid_out, name))

    def _on_laid_out(self, name: str) -> None:
        self.view.fit()
        if name == "tokens" and not self.view.circuit_scene.columns:
            self.workspace.post_message(
                "These nodes stand at no token position, so they are laid out by layer."
            )
        else:
            self.workspace.post_message(f"Layout: {layouts.get(name).summary}")

    def show_only_dialog(self, dialog: QDialog) -> None:
        """Show a dialog without blocking, instead of the one that is open."""
        if (before := self.findChild(QDialog, "only dialog")) is not None:
            before.close()
        dialog.setObjectName("only dialog")
        dialog.open()

    def set_device(self, name: str) -> None:
        """Run models there from the next search on."""
        self.workspace.device = name
        self.panels["discovery"].device_box.setCurrentText(name)  # type: ignore[attr-defined]

    # colours

    @property
    def theme(self) -> Theme:
        """What the window wears."""
        return self.theme_controller.theme

    def choose_theme(self, name: str) -> None:
        """``light``, ``dark`` or ``system``, until the next choice."""
        self.theme_controller.apply_theme(name)

    def toggle_theme(self) -> None:
        """From light to dark and back; kept for the next start."""
        self.settings.theme = "light" if self.theme.is_dark else "dark"
        self.theme_controller.apply_settings()

    def use_system_theme(self) -> None:
        """Light or dark as the system is."""
        self.settings.theme = "system"
        self.theme_controller.apply_settings()

    # coming and going

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab passes over what stands behind a tab, which Qt calls visible."""
        start = QApplication.focusWidget()
        while super().focusNextPrevChild(next):
            now = QApplication.focusWidget()
            if now is None or now is start or self.dock_manager.is_uncovered(now):
                return True
            start = start or now
        return False

    def childEvent(self, event: QChildEvent) -> None:
        """A dialog, a tab bar, a menu is shown for the first time."""
        if event.type() is QEvent.Type.ChildPolished and isinstance(child := event.child(), QWidget):
            self.theme_controller.style_widget(child)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Say what dropping these files would do."""
        if self.drop_handler.show_overlay(event.mimeData()):
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """They went elsewhere."""
        self.drop_handler.hide_overlay()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped: a circuit, a model's folder, a task, or labels."""
        if self.drop_handler.accept_drop(event.mimeData()):
            event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask, then end the worker before the window goes."""
        if not self.file_controller.confirm_leave():
            event.ignore()
            return
        self.dock_manager.set_circuit_docks_visible(True)
        self.settings.window_geometry = (self.saveGeometry(), self.saveState())
        self.file_controller.close_files()
        self.canvas_updater.stop()
        self.workspace.stop()
        self.workspace.undo_stack.blockSignals(True)  # it is destroyed after the window
        event.accept()
