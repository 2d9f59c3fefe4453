"""Taking apart and labelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("ablate", "Ablate or restore", "Edit", "A", "ablate", "selection", toolbar=True)
def _ablate(window: MainWindow) -> None:
    window.toggle_ablation()


@action("restore", "Restore everything", "Edit", "Shift+A", "restore", "ablated", toolbar=True)
def _restore(window: MainWindow) -> None:
    window.restore_all()


@action("label", "Label", "Edit", "L", "label", "node", toolbar=True)
def _label(window: MainWindow) -> None:
    window.begin_label()


@action("find", "Find on the canvas…", "Edit", "Ctrl+F", "find", "circuit", toolbar=True)
def _find(window: MainWindow) -> None:
    window.find_bar.open()


@action("find-next", "Next result", "Edit", "F3", needs="circuit")
def _find_next(window: MainWindow) -> None:
    window.find_bar.step(1)


@action("find-previous", "Previous result", "Edit", "Shift+F3", needs="circuit")
def _find_previous(window: MainWindow) -> None:
    window.find_bar.step(-1)


@action("copy-command", "Copy as a command", "Edit", "Ctrl+Shift+C", needs="circuit")
def _copy_command(window: MainWindow) -> None:
    window.copy_command()


@action("settings", "Settings…", "Edit", "Ctrl+,")
def _settings(window: MainWindow) -> None:
    from circuitviz.app.settings_dialog import SettingsDialog

    window.show_dialog(SettingsDialog(window))
