"""Opening, saving and exporting from the window: nothing that a person made is lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMessageBox

from circuitviz.formats import export_document

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

PICTURES = "Pictures (*.svg *.pdf *.png *.tex)"
DATA = "Data (*.json *.csv *.graphml *.dot)"


class Files(QObject):
    """The window's way to the disk; failures are shown in a dialog and change nothing."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.desk, self.settings = window, window.desk, window.settings

    def ask_open(self) -> None:
        """Choose a file and open it."""
        kinds = "Circuits (*.circuit *.json)"
        path, _ = QFileDialog.getOpenFileName(self.window, "Open a circuit", "", kinds)
        if path:
            self.open_path(Path(path))

    def open_path(self, path: Path) -> None:
        """Open a file, unless unsaved work is to be kept."""
        if self.may_leave() and self.desk.guarded(self.desk.open, path):
            self.settings.add_recent(path)

    def save(self) -> bool:
        """Save where the document lies."""
        path = self.desk.document.path
        return self.save_to(path) if path is not None else self.save_as()

    def save_as(self) -> bool:
        """Choose a place and save."""
        kinds = "Circuits (*.circuit)"
        path, _ = QFileDialog.getSaveFileName(self.window, "Save the circuit", "circuit.circuit", kinds)
        return bool(path) and self.save_to(Path(path))

    def save_to(self, path: Path) -> bool:
        """Save to a path; a failure is shown and changes nothing."""
        path = path if path.suffix else path.with_suffix(".circuit")
        self.desk.document.view["layout"] = self.window.layout_name
        done = self.desk.guarded(self.desk.save, path)
        if done:
            self.settings.add_recent(path)
            self.window.retitle()
        return done

    def ask_export(self) -> None:
        """Choose a place and a format by its suffix."""
        path, _ = QFileDialog.getSaveFileName(self.window, "Export", "circuit.svg", f"{PICTURES};;{DATA}")
        if path:
            self.export_to(Path(path))

    def export_to(self, path: Path) -> bool:
        """Write a picture or another tool's file."""
        from circuitviz.pictures import Figure, pictures, save_picture

        kinds = [entry.value.suffix for entry in pictures.entries()]
        if path.suffix.lower() in kinds:
            figure = Figure(layout=self.window.layout_name, dark=self.window.theme.dark)
            done = self.desk.guarded(save_picture, self.desk.document, path, figure)
        else:
            done = self.desk.guarded(export_document, self.desk.document, path)
        if done:
            self.desk.say(f"Exported {path.name}")
        return done

    def may_leave(self) -> bool:
        """Ask before unsaved work is lost."""
        if not self.desk.document.dirty or self.desk.document.state.circuit is None:
            return True
        buttons = QMessageBox.StandardButton
        choice = QMessageBox.question(
            self.window,
            "circuitviz",
            "This circuit has changes that are not saved. Save them?",
            buttons.Save | buttons.Discard | buttons.Cancel,
        )
        if choice == buttons.Save:
            return self.save()
        return bool(choice == buttons.Discard)
