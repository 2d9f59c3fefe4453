"""Menu of the Features panel for files: dictionaries, a text to index, explanations to import."""

from __future__ import annotations

from PySide6.QtCore import Signal, SignalInstance
from PySide6.QtWidgets import QInputDialog, QMenu, QToolButton

from circuitviz.panels.widgets.file_dialogs import ask_folder, ask_open_file
from circuitviz.workspace.user_settings import UserSettings

EXPLANATION_FILE_FILTER = "Explanations (*.json *.jsonl *.gz *.csv *.tsv)"
NAME_TIP = "a release of SAELens' table or a repository on Hugging Face, downloaded where it has to be"
FILES_TIP = "open dictionaries, index a text, import explanations"
TEXT_FILE_FILTER = "Plain text (*.txt *.md)"


class FileMenuButton(QToolButton):
    """The menu button: asks for what an action needs, and says what was chosen.

    Args:
        settings: Where the folders of files are remembered.

    Signals:
        dictionaries_chosen: A folder or a name (Path or str) whose dictionaries take the place of those open.
        added_dictionaries_chosen: A folder (Path) whose dictionaries are opened beside those.
        text_chosen: A text (Path) to index.
        explanations_chosen: A file (Path) of explanations.
        labels_requested: the circuit is to be labelled with the person's own labels of features.
        training_requested: a dictionary is to be trained.
    """

    dictionaries_chosen = Signal(object)
    added_dictionaries_chosen = Signal(object)
    text_chosen = Signal(object)
    explanations_chosen = Signal(object)
    labels_requested = Signal()
    training_requested = Signal()

    def __init__(self, settings: UserSettings) -> None:
        super().__init__()
        self._settings = settings
        self.setText("Files ▾")
        self.setToolTip(FILES_TIP)
        menu = QMenu(self, toolTipsVisible=True)
        self.open_dictionaries_action = menu.addAction("Open dictionaries…")
        self.open_dictionaries_action.triggered.connect(
            lambda: self._choose_folder("Open dictionaries", self.dictionaries_chosen)
        )
        self.open_by_name_action = menu.addAction("Open dictionaries by name…", self._ask_name)
        self.open_by_name_action.setToolTip(NAME_TIP)
        self.add_dictionaries_action = menu.addAction("Add dictionaries…")
        self.add_dictionaries_action.triggered.connect(
            lambda: self._choose_folder("Add dictionaries", self.added_dictionaries_chosen)
        )
        self.index_text_action = menu.addAction("Index a text…", self._choose_text)
        self.import_explanations_action = menu.addAction("Import explanations…", self._choose_explanations)
        self.label_circuit_action = menu.addAction(
            "Label the circuit with your feature labels", self.labels_requested.emit
        )
        menu.addAction("Train a dictionary…", self.training_requested.emit)
        self.setMenu(menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def enable_actions(self, has_model: bool, has_dictionaries: bool, has_folders: bool) -> None:
        """Enable the actions that are possible with what is open.

        Dictionaries are added to folders only: the demo's own already cover every site.
        """
        self.setEnabled(has_model)
        self.setToolTip(FILES_TIP if has_model else f"{FILES_TIP}; the model has to be open first")
        for action in (self.index_text_action, self.import_explanations_action, self.label_circuit_action):
            action.setEnabled(has_dictionaries)
            action.setToolTip("" if has_dictionaries else "Open dictionaries first.")
        self.add_dictionaries_action.setEnabled(has_dictionaries and has_folders)

    def _choose_folder(self, title: str, chosen: SignalInstance) -> None:
        if folder := ask_folder(self, title, "dictionaries", self._settings):
            chosen.emit(folder)

    def _ask_name(self) -> None:
        name, is_accepted = QInputDialog.getText(
            self,
            "Open dictionaries by name",
            "Name, for example mwhanna/qwen3-0.6b-transcoders-lowl0\n"
            "or gemma-scope-2b-pt-transcoders/layer_0/width_16k/average_l0_76.\n"
            "What is not in the local cache is downloaded from Hugging Face.",
        )
        if is_accepted and name.strip():
            self.dictionaries_chosen.emit(name.strip())

    def _choose_text(self) -> None:
        self._choose_file("Index a text", TEXT_FILE_FILTER, "texts", self.text_chosen)

    def _choose_explanations(self) -> None:
        self._choose_file(
            "Import explanations", EXPLANATION_FILE_FILTER, "explanations", self.explanations_chosen
        )

    def _choose_file(self, title: str, file_filter: str, purpose: str, chosen: SignalInstance) -> None:
        path = ask_open_file(self, title, f"{file_filter};;All files (*)", purpose, self._settings)
        if path is not None:
            chosen.emit(path)
