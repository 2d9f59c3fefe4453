"""The window's own dialogs: failures, settings, shortcuts, versions and help."""

from __future__ import annotations

import logging

from PySide6.QtWidgets import QDialog, QMessageBox, QWidget
from shiboken6 import isValid

from circuitviz.shell.about_dialog import AboutDialog
from circuitviz.shell.document_window import find_asking_window
from circuitviz.shell.failure_dialog import show_failure
from circuitviz.shell.help_viewer import HelpViewer, heading_anchor
from circuitviz.shell.machine_controller import MachineController
from circuitviz.shell.settings import Settings
from circuitviz.shell.settings_dialog import SettingsDialog
from circuitviz.shell.shortcut_sheet import ShortcutSheet
from circuitviz.shell.theme_controller import ThemeController
from circuitviz.shell.window_menus import WindowMenus
from circuitviz.workbench.requests.messages import JobFailed


class WindowDialogs:
    """Opens them over the window that is used; none of them blocks.

    Attributes:
        failure_dialog: The failure that was shown last; None before there was one.
    """

    def __init__(
        self,
        window: QWidget,
        settings: Settings,
        theme_controller: ThemeController,
        machine_controller: MachineController,
        menus: WindowMenus,
    ) -> None:
        self._window, self._settings, self._menus = window, settings, menus
        self._theme_controller, self._machine_controller = theme_controller, machine_controller
        self.failure_dialog: QMessageBox | None = None

    def show_failure(self, failure: JobFailed) -> None:
        """Show a failure; one dialog at a time, and the application goes on."""
        if self.failure_dialog is not None and isValid(self.failure_dialog):  # it goes with its window
            self.failure_dialog.close()
            self.failure_dialog.deleteLater()
        self.failure_dialog = show_failure(failure, find_asking_window(self._window))

    def show_only_dialog(self, dialog: QDialog) -> None:
        """Show a dialog without blocking, instead of the one that is open."""
        if (before := self._window.findChild(QDialog, "only dialog")) is not None:
            before.close()
        dialog.setObjectName("only dialog")
        dialog.open()

    def show_settings(self) -> None:
        """Show the settings, which take effect at once."""
        dialog = SettingsDialog(find_asking_window(self._window), self._settings)
        machine = self._machine_controller
        dialog.appearance_changed.connect(self._theme_controller.apply_settings)
        dialog.device_changed.connect(machine.set_device)
        dialog.dtype_changed.connect(machine.set_dtype)
        dialog.threads_changed.connect(machine.set_threads)
        dialog.log_level_changed.connect(lambda name: logging.getLogger().setLevel(name.upper()))
        self.show_only_dialog(dialog)

    def show_shortcuts(self) -> None:
        """Show all shortcuts."""
        self.show_only_dialog(ShortcutSheet(find_asking_window(self._window), self._menus))

    def show_about(self) -> None:
        """Show the versions that numbers depend on."""
        self.show_only_dialog(AboutDialog(find_asking_window(self._window)))

    def show_help(self, page: str = "", anchor: str = "") -> None:
        """Show a help page by its file's stem, at a heading's anchor; empty: the first one."""
        HelpViewer(self._window, page, anchor).show()

    def show_panel_help(self, title: str) -> None:
        """Show what the help says of a panel."""
        self.show_help("panels", heading_anchor(title))
