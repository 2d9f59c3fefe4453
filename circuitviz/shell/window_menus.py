"""Menus and toolbar, made from the registry of commands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QToolBar

from circuitviz.commands import MENU_ORDER, UserCommand, commands, commands_by_menu
from circuitviz.commands.registry import GROUP_SUBMENUS, group_rank
from circuitviz.scene.theme import Theme
from circuitviz.shell.document_window import BarPresses, DocumentWindow
from circuitviz.shell.icons import themed_icon
from circuitviz.shell.recent_menu import RecentMenu
from circuitviz.workspace import Workspace

AFTER_UNDO = "ablate"  # the command that follows undo and redo in the toolbar
TOOLBAR_BREAKS = ("ablate", "fit")  # commands that begin another group of the toolbar
ICON_SIZE_PX = 20

log = logging.getLogger(__name__)


class WindowMenus(QObject):
    """The actions of the window, by the names of their commands; undo and redo are Qt's own.

    Attributes:
        actions: Every ``QAction``.
        toolbar: Those that are needed often.
    """

    opening = Signal()  # a menu, before it is seen; of this window or of a circuit's own
    pressed = Signal()  # a mouse button on the bars of this window, before that does anything

    def __init__(
        self,
        window: QMainWindow,
        workspace: Workspace,
        run: Callable[[UserCommand], None],
        recent_menu: RecentMenu,
        panel_actions: Iterable[Iterable[QAction]],
    ) -> None:
        """Fill the menu bar and the toolbar of a window.

        Args:
            window: Whose menus they are.
            workspace: Decides which commands can be used.
            run: Runs a command with what it needs.
            recent_menu: Goes below *Open*.
            panel_actions: Are in *View ▸ Panels*, with a separator between two groups.
        """
        super().__init__(window)
        self._window, self._workspace, self._run = window, workspace, run
        self.actions: dict[str, QAction] = {}
        self.toolbar = QToolBar("Tools", window, objectName="tools", movable=False)
        _set_icon_size(self.toolbar)
        window.addToolBar(self.toolbar)
        self._menus = menus = {title: window.menuBar().addMenu(title) for title in MENU_ORDER}
        self._commands = {entry.name: entry for entry in commands_by_menu()}
        self._add_undo(menus["Edit"])
        last_ranks: dict[str, float] = {}
        for entry in self._commands.values():
            menu = menus.get(entry.menu) or menus.setdefault(entry.menu, window.menuBar().addMenu(entry.menu))
            rank = group_rank(entry)
            if last_ranks.setdefault(entry.menu, rank) != rank:
                menu.addSeparator()
            last_ranks[entry.menu] = rank
            self._add(entry, self._group_menu(entry, menu))
            if entry.name == "open":
                menu.addMenu(recent_menu)
        for menu in (each for top in menus.values() for each in (top, *top.findChildren(QMenu))):
            menu.setToolTipsVisible(True)  # they say why an entry cannot be used
        for menu in menus.values():
            menu.aboutToShow.connect(self.opening)
        menus["View"].addSeparator()
        panels = menus["View"].addMenu("Panels")  # in the menu itself they would be taller than many screens
        for group in panel_actions:
            panels.addActions(list(group))
            panels.addSeparator()
        for name, error in commands.import_errors.items():
            log.warning("%s is disabled: %s", name, error)
        BarPresses(window.menuBar(), self.toolbar).pressed.connect(self.pressed)
        workspace.selection_changed.connect(self.update_enabled_actions)
        self.update_enabled_actions()

    def fill_bars_of(self, window: DocumentWindow) -> None:
        """Have the menus and tools in a window of a circuit's own, too."""
        # addMenu would make the menus children of this bar for PySide, and gone with it
        window.menu_bar.addActions([menu.menuAction() for menu in self._menus.values()])
        _set_icon_size(window.toolbar)
        window.toolbar.addActions(self.toolbar.actions())
        window.watch_bars()

    def set_theme(self, theme: Theme) -> None:
        """Give the icons the theme's colour."""
        for name, action in self.actions.items():
            key = self._commands[name].icon if name in self._commands else name
            if key:
                action.setIcon(themed_icon(key, theme))

    def update_enabled_actions(self) -> None:
        """Enable what can be used now; the tooltips of the others say why not."""
        for name, entry in self._commands.items():
            action, reason = self.actions[name], entry.enabled(self._workspace)
            action.setEnabled(not reason)
            keys = f"  ({entry.shortcut})" if entry.shortcut else ""
            action.setToolTip(f"{entry.text.rstrip('…')}{keys}\n{reason or entry.help}")
            action.setStatusTip(reason or entry.help)

    def menu_of(self, name: str) -> str:
        """The menu that an action is in; undo and redo are in *Edit*."""
        return self._commands[name].menu if name in self._commands else "Edit"

    def reason_disabled(self, name: str) -> str:
        """Why an action cannot be used now; empty where it can."""
        if name in self._commands:
            return self._commands[name].enabled(self._workspace)
        return "" if self.actions[name].isEnabled() else f"There is nothing to {name}."

    def _group_menu(self, entry: UserCommand, menu: QMenu) -> QMenu:
        """The menu of a command's group, within ``menu`` or ``menu`` itself."""
        title = GROUP_SUBMENUS.get(entry.group)
        if title is None:
            return menu
        known = (action.menu() for action in menu.actions() if action.text() == title)
        found = next((each for each in known if isinstance(each, QMenu)), None)
        return found or menu.addMenu(title)

    def _add(self, entry: UserCommand, menu: QMenu) -> None:
        action = QAction(entry.text, self._window)
        if entry.shortcut:
            action.setShortcuts([QKeySequence(keys) for keys in (entry.shortcut, *entry.more_shortcuts)])
        action.triggered.connect(lambda _checked=False: self._run(entry))
        self.actions[entry.name] = action
        menu.addAction(action)
        if entry.in_toolbar:
            if entry.name == AFTER_UNDO:
                self.toolbar.addActions([self.actions["undo"], self.actions["redo"]])
            if entry.name in TOOLBAR_BREAKS:
                self.toolbar.addSeparator()
            self.toolbar.addAction(action)

    def _add_undo(self, menu: QMenu) -> None:
        stacks = self._workspace.undo_group
        undo, redo = (
            stacks.createUndoAction(self._window, "Undo"),
            stacks.createRedoAction(self._window, "Redo"),
        )
        undo.setShortcut(QKeySequence("Ctrl+Z"))
        redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        for name, action, step in (("undo", undo, stacks.undo), ("redo", redo, stacks.redo)):
            action.triggered.disconnect()  # a label that is being typed is a step of its own, before this one
            action.triggered.connect(partial(self._apply_undo_step, step))
            self.actions[name] = action
            menu.addAction(action)
        menu.addSeparator()

    def _apply_undo_step(self, step: Callable[[], None], _checked: bool = False) -> None:
        self._workspace.commit_input_requested.emit()
        step()


def _set_icon_size(toolbar: QToolBar) -> None:
    toolbar.setIconSize(QSize(ICON_SIZE_PX, ICON_SIZE_PX))
    toolbar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
