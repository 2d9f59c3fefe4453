"""Taking apart and labelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("ablate", "Ablate or restore", "Edit", "A", "ablate", "selection", in_toolbar=True)
def _ablate(window: MainWindow) -> None:
    window.toggle_ablation()


@command("restore", "Restore everything", "Edit", "Shift+A", "restore", "ablated", in_toolbar=True)
def _restore(window: MainWindow) -> None:
    window.restore_all()


@command("label", "Label", "Edit", "L", "label", "node", in_toolbar=True)
def _label(window: MainWindow) -> None:
    window.focus_label_field()


@command("find", "Find on the canvas…", "Edit", "Ctrl+F", "find", "circuit", in_toolbar=True)
def _find(window: MainWindow) -> None:
    window.find_bar.open_card()


@command("find-next", "Next result", "Edit", "F3", condition="circuit")
def _find_next(window: MainWindow) -> None:
    window.find_bar.step_hit(1)


@command("find-previous", "Previous result", "Edit", "Shift+F3", condition="circuit")
def _find_previous(window: MainWindow) -> None:
    window.find_bar.step_hit(-1)


@command("copy-command", "Copy as a command", "Edit", "Ctrl+Shift+C", condition="circuit")
def _copy_command(window: MainWindow) -> None:
    window.copy_command_line()


@command("settings", "Settings…", "Edit", "Ctrl+,")
def _settings(window: MainWindow) -> None:
    from circuitviz.shell.settings_dialog import SettingsDialog

    window.show_only_dialog(SettingsDialog(window))
