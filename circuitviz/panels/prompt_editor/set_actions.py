"""Saving the editor's prompts as a set for the search, and what is done with sets as a whole."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from circuitviz.panels.prompt_editor.open_menu import OpenMenu
from circuitviz.panels.prompt_editor.prompt_storage import PromptStorage
from circuitviz.panels.prompt_editor.sets_dialog import SetsDialog
from circuitviz.workspace.workspace import Workspace


class SetActions(QObject):
    """Asks before a set is replaced; the search form follows. Signals: ``edit_requested(name)`` of a set.

    Args:
        storage: Writes sets.
        open_menu: Knows the names of built-in tasks, and asks for the dialog over all sets.
        workspace: Its search form searches on sets.
        panel: Dialogs are over its window.
    """

    edit_requested = Signal(str)

    def __init__(
        self, storage: PromptStorage, open_menu: OpenMenu, workspace: Workspace, panel: QWidget
    ) -> None:
        super().__init__(panel)
        self._storage, self._open_menu, self._workspace, self._panel = storage, open_menu, workspace, panel
        self.replace_dialog: QMessageBox | None = None
        self.sets_dialog: SetsDialog | None = None
        storage.saved.connect(self._on_saved)
        open_menu.sets_requested.connect(self._show_sets)

    def save(self) -> None:
        """Save the prompts as a set, and make it the task of the search form.

        Raises:
            InputError: No set can have their name.
        """
        name = self._storage.resolve_name(self._open_menu.task_names)
        if not self._storage.would_replace(name):
            self._storage.save_set(name)
            return
        box = self.replace_dialog = QMessageBox(
            QMessageBox.Icon.Question, "circuitviz", "", parent=self._panel
        )
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setText(f"There are prompts named '{name}' already. Replace them by these?")
        accept = box.addButton("Replace", QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        accept.clicked.connect(lambda: self._storage.save_set(name))
        box.open()

    def _on_saved(self, name: str, n_pairs: int) -> None:
        form = self._workspace.search_form
        form.task_list_changed.emit()
        form.set(task=name, n_prompts=n_pairs)
        self._workspace.panel_requested.emit("discovery")
        self._workspace.post_message(f"'{name}' is the task of the search form: {n_pairs:,} pairs")

    def _show_sets(self) -> None:
        """Let the person rename, duplicate and delete sets."""
        dialog = self.sets_dialog = SetsDialog(self._open_menu.task_names, self._panel)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.edit_requested.connect(self.edit_requested)
        dialog.renamed.connect(self._on_set_renamed)
        dialog.deleted.connect(self._storage.leave_set)
        dialog.list_changed.connect(self._workspace.search_form.task_list_changed)
        dialog.open()

    def _on_set_renamed(self, name: str, new_name: str) -> None:
        self._storage.follow_renaming(name, new_name)
        if self._workspace.search_form.task == name:
            self._workspace.search_form.set(task=new_name)
