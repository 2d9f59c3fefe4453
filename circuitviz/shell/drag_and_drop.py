"""What is dropped on the window is taken for what it is, and says so before it is let go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtWidgets import QLabel

from circuitviz.errors import InputError
from circuitviz.formats import format_for

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow

TABLE_SUFFIXES = (".csv", ".jsonl")
OVERLAY_INSET_PX = 16  # pixels around the note, which covers the middle of the window
SNIFFED_BYTES = 4096  # bytes that tell what a table is of
LABEL_COLUMNS = (b"annotation", b"confidence")  # columns of labels, ours and feature-circuits'


@dataclass(frozen=True)
class DroppedFile:
    """One thing dropped: ``kind`` is circuit, model, task or labels; ``refusal`` why it is none of them."""

    path: Path
    kind: str = ""
    refusal: str = ""

    @property
    def action_text(self) -> str:
        """What letting go would do."""
        return {
            "circuit": f"Open {self.path.name}",
            "model": f"Find circuits of the model in {self.path.name}",
            "task": f"Use {self.path.name} as the task",
            "labels": f"Take the labels of {self.path.name}",
        }.get(self.kind, self.refusal)


def classify_dropped_path(path: Path) -> DroppedFile:
    """What a path is to us: by its name, a folder by its config, a table by its first line."""
    if path.is_dir():
        if (path / "config.json").is_file():
            return DroppedFile(path, "model")
        return DroppedFile(
            path, refusal=f"'{path.name}' holds no model: a folder with config.json would be right."
        )
    if path.suffix.lower() in (*TABLE_SUFFIXES, ".json"):
        if not path.is_file():  # opening a pipe would wait for whoever writes into it
            return DroppedFile(path, refusal=f"'{path.name}' is no file.")
        try:
            with open(path, "rb") as file:
                start = file.read(SNIFFED_BYTES)
        except OSError as error:
            return DroppedFile(path, refusal=f"'{path.name}' cannot be read: {error.strerror}.")
        head = start.split(b"\n", 1)[0].lower()
        if path.suffix.lower() == ".json":
            return DroppedFile(path, "task" if _looks_like_task_json(start) else "circuit")
        if path.name.lower().endswith(".nodes.csv") or (b"sender" in head and b"receiver" in head):
            return DroppedFile(path, "circuit")
        return DroppedFile(path, "labels" if any(word in head for word in LABEL_COLUMNS) else "task")
    try:
        format_for(path, writing=False)
    except InputError as error:
        return DroppedFile(path, refusal=str(error))
    return DroppedFile(path, "circuit")


def _looks_like_task_json(start: bytes) -> bool:
    """Whether JSON begins as a task does: circuits are objects, and name neither prompts nor clean ones."""
    return start.lstrip()[:1] == b"[" or any(key in start for key in (b'"clean', b'"prompts"'))


class DropHandler(QObject):
    """Files over the window: a note says what will happen, letting go does it."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.overlay = QLabel(window, objectName="drop")
        self.overlay.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.overlay.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.overlay.setAccessibleName("What dropping does")
        self.overlay.hide()

    def show_overlay(self, data: QMimeData) -> bool:
        """Say what letting go would do; False where there is no file among what is dragged."""
        drops = self._dropped_files(data)
        if not drops:
            return False
        self.overlay.setText("\n".join(drop.action_text for drop in drops))
        pages = self.window.pages
        place = QRect(pages.mapTo(self.window, QPoint()), pages.size())
        self.overlay.setGeometry(
            place.adjusted(OVERLAY_INSET_PX, OVERLAY_INSET_PX, -OVERLAY_INSET_PX, -OVERLAY_INSET_PX)
        )
        self.overlay.raise_()
        self.overlay.show()
        return True

    def hide_overlay(self) -> None:
        """Nothing is over the window any more."""
        self.overlay.hide()

    def accept_drop(self, data: QMimeData) -> bool:
        """Take what was let go, as soon as the program it came from is free again."""
        self.hide_overlay()
        drops = self._dropped_files(data)
        if drops:
            QTimer.singleShot(0, self, lambda: self.open_dropped_files(drops))
        return bool(drops)

    def open_dropped_files(self, dropped: Iterable[DroppedFile]) -> None:
        """A model and a task go to the form; of several circuits the first is opened."""
        window = self.window
        circuits: list[Path] = []
        form = window.panels["discovery"]
        for drop in dropped:
            if drop.refusal:
                window.workspace.run_guarded(_raise_input_error, drop.refusal)
            elif drop.kind == "model":
                form.model_box.setEditText(str(drop.path))  # type: ignore[attr-defined]
                window.workspace.post_message(f"The model is {drop.path.name}; find a circuit of it")
            elif drop.kind == "task":
                form.task_box.setEditText(str(drop.path))  # type: ignore[attr-defined]
                window.workspace.post_message(f"The task is {drop.path.name}; find a circuit for it")
            elif drop.kind == "labels":
                window.panels["labels"].import_labels(drop.path)  # type: ignore[attr-defined]
            else:
                circuits.append(drop.path)
        if circuits:
            first, *rest = circuits
            names = ", ".join(path.name for path in rest)
            told = f"Opened {first.name}; {names} can be opened next, or compared with" if rest else ""
            window.file_controller.open_path(first, message=told)
        elif any(drop.kind in ("model", "task") for drop in dropped):
            window.dock_manager.set_circuit_docks_visible(True)

    @staticmethod
    def _dropped_files(data: QMimeData) -> list[DroppedFile]:
        local = (url.toLocalFile() for url in data.urls() if url.isLocalFile())
        return [classify_dropped_path(Path(path)) for path in local if path]


def _raise_input_error(message: str) -> None:
    raise InputError(message)
