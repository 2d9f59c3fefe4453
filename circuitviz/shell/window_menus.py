"""Menus, toolbar and status bar, all made from the table of actions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QToolBar

from circuitviz.commands import USER_COMMANDS, UserCommand
from circuitviz.commands.conditions import CONDITIONS
from circuitviz.scene.theme import Theme
from circuitviz.shell.icons import themed_icon
from circuitviz.shell.recent_menu import RecentMenu
from circuitviz.shell.write_progress import WriteProgress
from circuitviz.workbench.requests.messages import ModelReady, ProgressReported

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


class WindowMenus(QObject):
    """What surrounds the canvas and is not a panel."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.actions: dict[str, QAction] = {}
        self.toolbar = QToolBar("Tools", window)
        self.toolbar.setObjectName("tools")
        self.toolbar.setMovable(False)
        self.toolbar.setIconSize(QSize(20, 20))
        self.toolbar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        window.addToolBar(self.toolbar)
        self._create_menus()
        self._create_status_bar()
        window.workspace.selection_changed.connect(self.update_enabled_actions)
        self.update_enabled_actions()

    def set_theme(self, theme: Theme) -> None:
        """Icons in the theme's colour."""
        for name, made in self.actions.items():
            key = USER_COMMANDS[name].icon if name in USER_COMMANDS else name
            if key:
                made.setIcon(themed_icon(key, theme))

    def update_enabled_actions(self) -> None:
        """Enable what makes sense now."""
        if self.window.workspace.opened_model is None:
            self.device_label.setText("")
        for name, entry in USER_COMMANDS.items():
            self.actions[name].setEnabled(CONDITIONS[entry.condition](self.window.workspace))

    def _create_menus(self) -> None:
        window, bar = self.window, self.window.menuBar()
        menus = {}
        for entry in USER_COMMANDS.values():
            if entry.menu not in menus:
                menus[entry.menu] = bar.addMenu(entry.menu)
            if entry.id == "ablate":
                for made in self._create_undo_actions():
                    menus["Edit"].addAction(made)
                    self.toolbar.addAction(made)
                menus["Edit"].addSeparator()
                self.toolbar.addSeparator()
            if entry.id == "fit":
                self.toolbar.addSeparator()
            made = self._create_action(entry)
            menus[entry.menu].addAction(made)
            if entry.in_toolbar:
                self.toolbar.addAction(made)
            if entry.id == "open":
                self.recent_menu = RecentMenu(window)
                menus["File"].addMenu(self.recent_menu)
        menus["View"].addSeparator()
        panels = menus["View"].addMenu("Panels")  # with them the menu would be taller than many screens
        for dock in window.docks.values():
            panels.addAction(dock.toggleViewAction())

    def _create_action(self, entry: UserCommand) -> QAction:
        made = QAction(entry.text, self.window)
        if entry.shortcut:
            made.setShortcut(QKeySequence(entry.shortcut))
            made.setToolTip(f"{entry.text.rstrip('…')}  ({entry.shortcut})")
        made.triggered.connect(partial(entry.handler, self.window))
        self.actions[entry.id] = made
        return made

    def _create_undo_actions(self) -> tuple[QAction, QAction]:
        stack = self.window.workspace.undo_stack
        undo, redo = stack.createUndoAction(self.window, "Undo"), stack.createRedoAction(self.window, "Redo")
        undo.setShortcut(QKeySequence("Ctrl+Z"))
        redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        self.actions["undo"], self.actions["redo"] = undo, redo
        for action, step in ((undo, stack.undo), (redo, stack.redo)):
            action.triggered.disconnect()  # a label that is being typed is a step of its own, before this one
            action.triggered.connect(partial(self._apply_undo_step, step))
        return undo, redo

    def _apply_undo_step(self, step: Callable[[], None]) -> None:
        self.window.workspace.commit_input_requested.emit()
        step()

    def _create_status_bar(self) -> None:
        bar = self.window.statusBar()
        bar.setContentsMargins(10, 0, 0, 0)
        self.message_label, self.device_label = QLabel(""), QLabel("")
        self.progress_bar = QProgressBar(textVisible=False, maximum=1000)
        self.progress_bar.setFixedWidth(140)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setObjectName("link")
        self.write_progress = WriteProgress(self.window)
        for widget in (self.write_progress, self.progress_bar, self.cancel_button, self.device_label):
            bar.addPermanentWidget(widget)
        bar.addWidget(self.message_label, 1)
        self.progress_bar.hide()
        self.cancel_button.hide()
        desk = self.window.workspace
        self.cancel_button.clicked.connect(desk.cancel_jobs)
        desk.message_posted.connect(self.message_label.setText)
        desk.progress_reported.connect(self._show_progress)
        desk.worker_idle.connect(self._on_idle)
        desk.model_ready.connect(self._show_model)

    def _show_progress(self, progress: ProgressReported) -> None:
        self.progress_bar.show()
        self.cancel_button.show()
        self.progress_bar.setValue(round(progress.fraction * 1000))
        self.message_label.setText(
            f"{progress.title}: {progress.message}" if progress.message else progress.title
        )

    def _on_idle(self) -> None:
        self.progress_bar.hide()
        self.cancel_button.hide()
        if self.window.workspace.opened_model is not None and ":" in self.message_label.text():
            self.message_label.setText("Ready")

    def _show_model(self, ready: ModelReady) -> None:
        self.device_label.setText(f"{ready.model} · {ready.device}")
