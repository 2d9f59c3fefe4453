"""The main window: canvas, docks and menus, wired to the workspace, which does the work."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QStackedWidget, QWidget

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.commands import UserCommand, commands
from circuitviz.commands.services import (
    BasisService,
    DialogService,
    FileService,
    FindService,
    GroupService,
    LayoutService,
    NodeNameService,
    PanelService,
    PaneService,
    TabService,
    ThemeService,
    WindowService,
)
from circuitviz.document import move_nodes
from circuitviz.panels.features.panel import FeaturesPanel
from circuitviz.panels.labels.panel import LabelsPanel
from circuitviz.scene.circuit_scene import CircuitScene
from circuitviz.scene.theme import Theme
from circuitviz.shell.basis_switcher import BasisSwitcher
from circuitviz.shell.canvas_panes import CanvasPanes
from circuitviz.shell.canvas_updater import CanvasUpdater
from circuitviz.shell.command_palette import CommandPalette
from circuitviz.shell.crash_recovery import CrashRecovery
from circuitviz.shell.dock_manager import DockManager
from circuitviz.shell.document_tabs import DocumentTabs
from circuitviz.shell.drag_and_drop import DropHandler
from circuitviz.shell.escape_layers import EscapeLayer, close_topmost
from circuitviz.shell.file_controller import FileController
from circuitviz.shell.find_bar import FindBar
from circuitviz.shell.full_screen import FullScreenCanvas
from circuitviz.shell.group_controller import GroupController
from circuitviz.shell.last_circuits import LastCircuits
from circuitviz.shell.layout_controller import LayoutController
from circuitviz.shell.machine_controller import MachineController
from circuitviz.shell.node_names import NodeNames
from circuitviz.shell.notice_bar import NoticeBar, stack_above
from circuitviz.shell.path_highlight import PathHighlight
from circuitviz.shell.recent_menu import RecentMenu
from circuitviz.shell.settings import Settings
from circuitviz.shell.start_page import StartPage
from circuitviz.shell.start_pages import StartPages
from circuitviz.shell.status_line import StatusLine
from circuitviz.shell.theme_controller import ThemeController
from circuitviz.shell.window_dialogs import WindowDialogs
from circuitviz.shell.window_menus import WindowMenus
from circuitviz.shell.write_progress import WriteProgress
from circuitviz.workspace import Workspace
from circuitviz.workspace.search_queue import describe_wait
from circuitviz.workspace.tabs import DocumentTab


class MainWindow(QMainWindow):
    """Creates the parts of the window, hands each what it uses, and connects them.

    Attributes:
        dialogs: Failures, settings, shortcuts, versions and help.
        services: What commands may be handed, by class or protocol.
        escape_layers: What Escape closes, from the topmost to the lowest.
    """

    def __init__(self, workspace: Workspace | None = None, settings: Settings | None = None) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.workspace = workspace = workspace or Workspace(self, self.settings)
        self.theme_controller = ThemeController(self, self.settings)
        self.theme_controller.apply_settings()  # before there are widgets: each is then polished once
        self.view = CircuitView()
        self.start_page = StartPage()
        self.pages = QStackedWidget()
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(self.view)
        self.notice_bar = NoticeBar(workspace, lambda tab: self.canvas_panes.is_on_screen(tab))
        self.node_names = NodeNames(workspace, self.settings, self)
        self.canvas_updater = CanvasUpdater(workspace, self.view, self.node_names, self)
        self.canvas_panes = CanvasPanes(
            self, workspace, self.pages, self.view, self.canvas_updater, self.node_names, self.close_tab
        )
        self.document_tabs = DocumentTabs(workspace, self.canvas_panes, self.close_tab)
        self.setCentralWidget(stack_above(self.document_tabs, self.notice_bar, self.canvas_panes.splitter))
        self.setMinimumSize(900, 600)
        self.resize(1280, 800)
        self.dock_manager = DockManager(self, workspace)
        self.panels, self.docks = self.dock_manager.panels, self.dock_manager.docks
        self.layout_controller = LayoutController(workspace, self.view, self.canvas_updater, self.settings)
        self.file_controller = FileController(self, workspace, self.view, self.canvas_updater, self.settings)
        recovery_folder = self.settings.data_folder / "recovery"
        self.crash_recovery = CrashRecovery(self, workspace, recovery_folder, self.file_controller)
        self.drop_handler = self._accept_drops(self, self.canvas_panes.splitter)
        self.group_controller = GroupController(workspace, self.view, self)
        self.basis_switcher = BasisSwitcher(
            workspace, self.view, self.dock_manager.panel(FeaturesPanel), self
        )
        self.path_highlight = PathHighlight(workspace, self.view, self)
        self.last_circuits = LastCircuits(workspace, self.canvas_panes, self.file_controller, self.settings)
        self.start_pages = StartPages(
            self.start_page,
            self.canvas_panes,
            workspace,
            self.file_controller,
            self.last_circuits,
            self.dock_manager,
            self.settings,
            self.find_example_circuit,
        )
        self.recent_menu = RecentMenu(self, self.settings, lambda: self.last_circuits.paths)
        self.menus = WindowMenus(
            self, workspace, self.run_command, self.recent_menu, self.dock_manager.show_actions()
        )
        machine_controller = MachineController(workspace)
        self.dialogs = WindowDialogs(
            self, self.settings, self.theme_controller, machine_controller, self.menus
        )
        self.canvas_panes.offer_actions(self.menus.actions.values())
        self.menus.opening.connect(self._on_menu_opening)
        self.menus.pressed.connect(self.canvas_panes.show_main_pane)
        self.full_screen = FullScreenCanvas(
            self, self.menus.actions.values(), self.dock_manager.places_view, self.document_tabs
        )
        self.status_line = StatusLine(
            self.statusBar(), workspace, WriteProgress(self, workspace.save_service)
        )
        self.command_palette = CommandPalette(self, workspace, self.menus, self.dock_manager)
        self._connect_signals()
        self.find_bar = FindBar(self.view, workspace)  # after the canvas has heard of a change
        places = self.dock_manager.places_view
        self.escape_layers = (
            EscapeLayer(self.command_palette.isVisible, self.command_palette.close_palette),
            EscapeLayer(self.find_bar.isVisible, self.find_bar.close_card),
            EscapeLayer(lambda: bool(places.open_place), places.close_area),
            EscapeLayer(lambda: self.full_screen.is_active, self.full_screen.leave),
        )
        self.services = self._offer_services()
        self.theme_controller.apply_settings()  # what is drawn hears of the colours
        machine_controller.apply_settings(self.settings)
        if (geometry := self.settings.window_geometry) is not None:
            self.restoreGeometry(geometry[0])
            self.restoreState(geometry[1])
            self.dock_manager.restore_layout(self.settings.places_layout)
        self.dock_manager.lay_out_hidden_docks()
        self._show_page()

    def _connect_signals(self) -> None:
        workspace, files = self.workspace, self.file_controller
        prompts = workspace.prompt_circuits
        self.view.what_if_requested.connect(workspace.live_faithfulness.show_what_if)
        self.view.nodes_moved.connect(lambda places: workspace.apply_command(move_nodes(places)))
        self.node_names.changed.connect(self.canvas_updater.redraw)
        self.canvas_updater.scene_built.connect(self.group_controller.show_drawing)
        workspace.state_changed.connect(self.redraw_canvas)
        workspace.document_opened.connect(self._on_document_opened)
        workspace.document_shown.connect(files.on_document_shown)
        workspace.failure_reported.connect(self.dialogs.show_failure)
        workspace.panel_requested.connect(self.dock_manager.bring_to_front)
        self.dock_manager.help_requested.connect(self.dialogs.show_panel_help)
        prompts.circuit_arriving.connect(lambda: setattr(self.canvas_updater, "layout_name", "tokens"))
        prompts.answer_shown.connect(lambda: self.canvas_updater.call_when_drawn(self.view.fit))
        workspace.undo_group.cleanChanged.connect(lambda _is_clean: self.update_title())
        self.canvas_panes.changed.connect(self._on_panes_changed)
        workspace.search_queue.changed.connect(self._show_waiting)
        workspace.search_finished.connect(lambda _search: self.redraw_canvas())
        files.saved.connect(self.update_title)
        self.canvas_panes.window_opened.connect(lambda window: self._accept_drops(window, window.pane))
        self.canvas_panes.window_opened.connect(self.menus.fill_bars_of)
        self.recent_menu.file_chosen.connect(files.open_path)
        self.recent_menu.folder_chosen.connect(files.ask_and_open_from)
        self.recent_menu.last_requested.connect(self.last_circuits.open_again)
        setters = [self.view.set_theme, self.canvas_panes.set_theme, self.menus.set_theme]
        setters += [self.command_palette.set_theme, *(panel.set_theme for panel in self.panels.values())]
        for set_theme in setters:
            self.theme_controller.theme_changed.connect(set_theme)

    def _accept_drops(self, window: QWidget, pages: QWidget) -> DropHandler:
        """Open what is dropped on a window: circuits, a model's folder, a task, or labels."""
        handler = DropHandler(window, pages, self.workspace)
        handler.circuit_dropped.connect(self.file_controller.open_path)
        handler.labels_dropped.connect(self.dock_manager.panel(LabelsPanel).import_labels)
        return handler

    def _offer_services(self) -> dict[type, Any]:
        """What a command may be handed, by the annotation of its parameter."""
        return {
            Workspace: self.workspace,
            CircuitView: self.view,
            WindowService: self,
            DialogService: self.dialogs,
            PanelService: self.dock_manager,
            FileService: self.file_controller,
            TabService: self.document_tabs,
            PaneService: self.canvas_panes,
            LayoutService: self.layout_controller,
            ThemeService: self.theme_controller,
            GroupService: self.group_controller,
            NodeNameService: self.node_names,
            FindService: self.find_bar,
            BasisService: self.basis_switcher,
            **{type(panel): panel for panel in self.panels.values()},
        }

    def run_command(self, entry: UserCommand | str) -> None:
        """Run a command, given itself or its name, with what it needs."""
        chosen = commands.get(entry).value if isinstance(entry, str) else entry
        chosen.run(self.services)

    # what is shown

    @property
    def theme(self) -> Theme:
        """The colours of the window."""
        return self.theme_controller.theme

    def redraw_canvas(self) -> None:
        """Draw the workspace's state."""
        are_docks_hidden = bool(self.dock_manager.hidden_names)
        self._show_page()
        if (search := self.workspace.tabs.front.search) is not None and self.workspace.state.circuit is None:
            self.canvas_updater.reset()
            self.view.show_scene(CircuitScene(), describe_wait(search))
        else:
            # to show the docks is a frame's work, and to draw is another's
            self.canvas_updater.redraw(is_deferred=are_docks_hidden)
        self.update_title()
        self.menus.update_enabled_actions()

    def update_title(self) -> None:
        """Show the tab's name and whether it is modified."""
        tab = self.canvas_panes.main_pane.tab
        is_empty = tab.document.state.circuit is None
        name = self.workspace.tabs.display_names()[self.workspace.tabs.tabs.index(tab)]
        self.setWindowTitle("circuitviz" if is_empty else f"{name}[*] – circuitviz")
        self.setWindowModified(tab.document.is_dirty and not is_empty)

    def _show_page(self) -> None:
        """Show the canvas, or the start page in an empty tab that waits for no search."""
        is_empty = self.workspace.state.circuit is None
        is_waiting = self.workspace.tabs.front.search is not None
        self.pages.setCurrentWidget(self.start_page if is_empty and not is_waiting else self.view)
        if is_empty and not is_waiting:
            self.start_pages.list_files()
        if (shows_circuit := self.canvas_panes.shows_circuit) or not is_waiting:
            self.dock_manager.set_circuit_docks_visible(shows_circuit)  # they stay beside an empty tab

    def find_example_circuit(self, task: str) -> None:
        """Find the circuit of a built-in task on the demo model."""
        self.workspace.search_form.set(model="demo", task=task)
        self.workspace.search_form.start(is_example=True)

    def _on_document_opened(self) -> None:
        self.file_controller.on_document_opened()
        self.canvas_updater.reset()
        self.view.circuit_scene = CircuitScene()

    def _show_waiting(self) -> None:
        """Say in an empty tab what its search waits for."""
        if self.workspace.tabs.front.search is not None and self.workspace.state.circuit is None:
            self.redraw_canvas()

    def _on_panes_changed(self) -> None:
        is_empty = self.workspace.state.circuit is None  # else ``redraw_canvas`` comes, which shows docks
        if is_empty and self.canvas_panes.shows_circuit != self.dock_manager.has_circuit:
            self._show_page()
        self.notice_bar.follow_tabs()
        self.update_title()
        self.menus.update_enabled_actions()

    def close_tab(self, tab: DocumentTab) -> None:
        """Close a tab; unsaved work is asked about."""
        if self.file_controller.confirm_close([tab], self.canvas_panes.window_of(tab)):
            is_front = tab is self.workspace.tabs.front
            next_front = self.canvas_panes.tab_after(tab) if is_front else None
            self.workspace.tab_controller.close(tab, next_front)

    # what commands ask for

    def open_palette(self) -> None:
        """Open the command palette, which is in this window."""
        self.activateWindow()
        self.command_palette.open_palette()

    def toggle_full_screen(self) -> None:
        """Show the canvas alone on the whole screen, or everything again."""
        own_window = self.canvas_panes.front_window
        if own_window is not None and not (self.full_screen.is_active and self.isActiveWindow()):
            own_window.toggle_full_screen()
            return
        self.full_screen.toggle()
        if self.full_screen.is_active:
            self.pages.setCurrentWidget(self.view)
            self.view.setFocus()
            self.workspace.post_message("Press F11 or Escape to show menus and panels again.")

    # Qt's events

    def event(self, event: QEvent) -> bool:
        """Keys in this window are of its circuit, also where that of another window is in front."""
        if event.type() is QEvent.Type.ShortcutOverride:
            self._show_own_circuit()
        return super().event(event)

    def _on_menu_opening(self) -> None:
        """A menu of this window is of its circuit; the same menu of another window, of that one's."""
        if not any(window.menu_bar.activeAction() for window in self.canvas_panes.windows):
            self._show_own_circuit()

    def _show_own_circuit(self) -> None:
        """Bring this window's circuit to the front, unless a panel is used, which is of the one in front."""
        focus, others = self.focusWidget(), (self.command_palette, *self.docks.values())
        if focus is None or not any(part.isAncestorOf(focus) for part in others):
            self.canvas_panes.show_main_pane()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape that nothing in the window has used closes what is on top."""
        if not (event.key() == Qt.Key.Key_Escape and close_topmost(self.escape_layers)):
            super().keyPressEvent(event)

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab passes over what stands behind a tab, which Qt calls visible."""
        start = QApplication.focusWidget()
        while super().focusNextPrevChild(next):
            now = QApplication.focusWidget()
            if now is None or now is start or self.dock_manager.is_uncovered(now):
                return True
            start = start or now
        return False

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask, then end the threads before the window goes."""
        if not self.file_controller.confirm_leave():
            event.ignore()
            return
        self.last_circuits.save()
        self.canvas_panes.close_windows()
        self.last_circuits.save_window_size()
        self.dock_manager.set_circuit_docks_visible(True)
        self.full_screen.leave()
        self.settings.window_geometry = (self.saveGeometry(), self.saveState())
        self.settings.places_layout = self.dock_manager.save_layout()
        self.status_line.write_progress.wait_until_written()
        self.crash_recovery.close_autosaves()
        self.file_controller.close_files()
        self.canvas_updater.reset()
        self.workspace.stop()
        self.workspace.undo_group.blockSignals(True)  # it is destroyed after the window
        self.workspace.tabs.blockSignals(True)
        event.accept()
