"""What the features panel opens from disk: dictionaries, a text to index, explanations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton

if TYPE_CHECKING:
    from circuitviz.panels.features.panel import FeaturesPanel

EXPLANATIONS = "Explanations (*.json *.jsonl *.gz *.csv *.tsv)"
PLAIN_TEXT = "Plain text (*.txt *.md)"


class FilesButton(QToolButton):
    """The menu of what can be opened; what it does is done by the panel."""

    def __init__(self, panel: FeaturesPanel) -> None:
        super().__init__(text="Files ▾", toolTip="dictionaries, texts and explanations to open")
        self.panel = panel
        menu = QMenu(self)
        menu.addAction("Open dictionaries…", lambda: self._ask_folder("Open dictionaries", panel.replace))
        self.more = menu.addAction("Add dictionaries…")
        self.more.triggered.connect(lambda: self._ask_folder("Add dictionaries", panel.add))
        self.index = menu.addAction("Index a text…", self._ask_text)
        self.explanations = menu.addAction("Import explanations…", self._ask_explanations)
        self.put = menu.addAction("Label the circuit with your words", panel.put_labels)
        menu.addAction("Train a dictionary…", partial(panel.desk.panel_wanted.emit, "training"))
        self.setMenu(menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def allow(self, model: bool, shelf: bool) -> None:
        """Offer what can be done: with a model open, and with dictionaries open.

        Dictionaries are added to folders only: the demo's own have a dictionary for every site.
        """
        self.setEnabled(model)
        for action in (self.index, self.explanations, self.put):
            action.setEnabled(shelf)
        self.more.setEnabled(shelf and bool(self.panel.folders))

    def _ask_folder(self, title: str, then: Callable[[Path], None]) -> None:
        if folder := QFileDialog.getExistingDirectory(self.panel, title):
            then(Path(folder))

    def _ask_text(self) -> None:
        self._ask_file("Index a text", PLAIN_TEXT, lambda path: self.panel.open(self.panel.folders, path))

    def _ask_explanations(self) -> None:
        self._ask_file("Import explanations", EXPLANATIONS, self.panel.import_explanations)

    def _ask_file(self, title: str, kinds: str, then: Callable[[Path], None]) -> None:
        path, _ = QFileDialog.getOpenFileName(self.panel, title, "", f"{kinds};;All files (*)")
        if path:
            then(Path(path))
