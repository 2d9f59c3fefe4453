"""Menus, toolbar and status bar, all made from the table of actions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QToolBar

from circuitviz.app.actions import ACTIONS, ActionEntry
from circuitviz.app.actions.needs import NEEDS
from circuitviz.app.recent import RecentMenu
from circuitviz.app.writing import Writing
from circuitviz.canvas.icons import icon
from circuitviz.canvas.theme import Theme
from circuitviz.jobs import Moved, Ready

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


class Chrome(QObject):
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
        self._menus()
        self._status()
        window.desk.selection_changed.connect(self.refresh)
        self.refresh()

    def set_theme(self, theme: Theme) -> None:
        """Icons in the theme's colour."""
        for name, made in self.actions.items():
            key = ACTIONS[name].icon if name in ACTIONS else name
            if key:
                made.setIcon(icon(key, theme))

    def refresh(self) -> None:
        """Enable what makes sense now."""
        if self.window.desk.opened is None:
            self.device.setText("")
        for name, entry in ACTIONS.items():
            self.actions[name].setEnabled(NEEDS[entry.needs](self.window.desk))

    def _menus(self) -> None:
        window, bar = self.window, self.window.menuBar()
        menus = {}
        for entry in ACTIONS.values():
            if entry.menu not in menus:
                menus[entry.menu] = bar.addMenu(entry.menu)
            if entry.id == "ablate":
                for made in self._undo():
                    menus["Edit"].addAction(made)
                    self.toolbar.addAction(made)
                menus["Edit"].addSeparator()
                self.toolbar.addSeparator()
            if entry.id == "fit":
                self.toolbar.addSeparator()
            made = self._action(entry)
            menus[entry.menu].addAction(made)
            if entry.toolbar:
                self.toolbar.addAction(made)
            if entry.id == "open":
                self.recent = RecentMenu(window)
                menus["File"].addMenu(self.recent)
        menus["View"].addSeparator()
        panels = menus["View"].addMenu("Panels")  # with them the menu would be taller than many screens
        for dock in window.docks.values():
            panels.addAction(dock.toggleViewAction())

    def _action(self, entry: ActionEntry) -> QAction:
        made = QAction(entry.text, self.window)
        if entry.shortcut:
            made.setShortcut(QKeySequence(entry.shortcut))
            made.setToolTip(f"{entry.text.rstrip('…')}  ({entry.shortcut})")
        made.triggered.connect(partial(entry.handler, self.window))
        self.actions[entry.id] = made
        return made

    def _undo(self) -> tuple[QAction, QAction]:
        stack = self.window.desk.undo
        undo, redo = stack.createUndoAction(self.window, "Undo"), stack.createRedoAction(self.window, "Redo")
        undo.setShortcut(QKeySequence("Ctrl+Z"))
        redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        self.actions["undo"], self.actions["redo"] = undo, redo
        for action, step in ((undo, stack.undo), (redo, stack.redo)):
            action.triggered.disconnect()  # a label that is being typed is a step of its own, before this one
            action.triggered.connect(partial(self._step, step))
        return undo, redo

    def _step(self, step: Callable[[], None]) -> None:
        self.window.desk.input_ends.emit()
        step()

    def _status(self) -> None:
        bar = self.window.statusBar()
        bar.setContentsMargins(10, 0, 0, 0)
        self.message, self.device = QLabel(""), QLabel("")
        self.progress = QProgressBar(textVisible=False, maximum=1000)
        self.progress.setFixedWidth(140)
        self.stop = QPushButton("Cancel")
        self.stop.setObjectName("link")
        self.writing = Writing(self.window)
        for widget in (self.writing, self.progress, self.stop, self.device):
            bar.addPermanentWidget(widget)
        bar.addWidget(self.message, 1)
        self.progress.hide()
        self.stop.hide()
        desk = self.window.desk
        self.stop.clicked.connect(desk.cancel)
        desk.said.connect(self.message.setText)
        desk.progressed.connect(self._progress)
        desk.idle.connect(self._idle)
        desk.ready.connect(self._ready)

    def _progress(self, moved: Moved) -> None:
        self.progress.show()
        self.stop.show()
        self.progress.setValue(round(moved.share * 1000))
        self.message.setText(f"{moved.title}: {moved.message}" if moved.message else moved.title)

    def _idle(self) -> None:
        self.progress.hide()
        self.stop.hide()
        if self.window.desk.opened is not None and ":" in self.message.text():
            self.message.setText("Ready")

    def _ready(self, ready: Ready) -> None:
        self.device.setText(f"{ready.model} · {ready.device}")
