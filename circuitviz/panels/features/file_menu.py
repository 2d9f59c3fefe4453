"""Menu of the Features panel for files: dictionaries, a text to index, explanations to import."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QInputDialog, QMenu, QToolButton

from circuitviz.panels.widgets.file_dialogs import ask_folder, ask_open_file

if TYPE_CHECKING:
    from circuitviz.panels.features.panel import FeaturesPanel

EXPLANATION_FILE_FILTER = "Explanations (*.json *.jsonl *.gz *.csv *.tsv)"
NAME_TIP = "a release of SAELens' table or a repository on Hugging Face, downloaded where it has to be"
FILES_TIP = "open dictionaries, index a text, import explanations"
TEXT_FILE_FILTER = "Plain text (*.txt *.md)"


class FileMenuButton(QToolButton):
    """The menu button; the panel carries out what is chosen."""

    def __init__(self, panel: FeaturesPanel) -> None:
        super().__init__()
        self.setText("Files ▾")
        self.setToolTip(FILES_TIP)
        self.panel = panel
        menu = QMenu(self, toolTipsVisible=True)
        self.open_dictionaries_action = menu.addAction("Open dictionaries…")
        self.open_dictionaries_action.triggered.connect(
            lambda: self._choose_folder("Open dictionaries", panel.replace_dictionaries)
        )
        self.open_by_name_action = menu.addAction("Open dictionaries by name…", self._ask_name)
        self.open_by_name_action.setToolTip(NAME_TIP)
        self.add_dictionaries_action = menu.addAction("Add dictionaries…")
        self.add_dictionaries_action.triggered.connect(
            lambda: self._choose_folder("Add dictionaries", panel.add_dictionaries)
        )
        self.index_text_action = menu.addAction("Index a text…", self._choose_text)
        self.import_explanations_action = menu.addAction("Import explanations…", self._choose_explanations)
        self.label_circuit_action = menu.addAction(
            "Label the circuit with your feature labels", panel.label_circuit_from_notebook
        )
        menu.addAction("Train a dictionary…", partial(panel.workspace.panel_requested.emit, "training"))
        self.setMenu(menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def enable_actions(self, has_model: bool, has_dictionaries: bool) -> None:
        """Enable the actions that are possible with what is open.

        Dictionaries are added to folders only: the demo's own already cover every site.
        """
        self.setEnabled(has_model)
        self.setToolTip(FILES_TIP if has_model else f"{FILES_TIP}; the model has to be open first")
        for action in (self.index_text_action, self.import_explanations_action, self.label_circuit_action):
            action.setEnabled(has_dictionaries)
            action.setToolTip("" if has_dictionaries else "Open dictionaries first.")
        self.add_dictionaries_action.setEnabled(has_dictionaries and bool(self.panel.dictionary_folders))

    def _choose_folder(self, title: str, on_chosen: Callable[[Path], None]) -> None:
        if folder := ask_folder(self.panel, title, "dictionaries", self.panel.workspace.user_settings):
            on_chosen(folder)

    def _ask_name(self) -> None:
        name, is_accepted = QInputDialog.getText(
            self.panel,
            "Open dictionaries by name",
            "Name, for example mwhanna/qwen3-0.6b-transcoders-lowl0\n"
            "or gemma-scope-2b-pt-transcoders/layer_0/width_16k/average_l0_76.\n"
            "What is not in the local cache is downloaded from Hugging Face.",
        )
        if is_accepted and name.strip():
            self.panel.replace_dictionaries(name.strip())

    def _choose_text(self) -> None:
        self._choose_file(
            "Index a text",
            TEXT_FILE_FILTER,
            "texts",
            lambda path: self.panel.open_folders(self.panel.dictionary_folders, path),
        )

    def _choose_explanations(self) -> None:
        self._choose_file(
            "Import explanations", EXPLANATION_FILE_FILTER, "explanations", self.panel.import_explanations
        )

    def _choose_file(
        self, title: str, file_filter: str, purpose: str, on_chosen: Callable[[Path], None]
    ) -> None:
        path = ask_open_file(
            self.panel, title, f"{file_filter};;All files (*)", purpose, self.panel.workspace.user_settings
        )
        if path is not None:
            on_chosen(path)
