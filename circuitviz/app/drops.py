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
    from circuitviz.app.window import MainWindow

TABLES = (".csv", ".jsonl")
INSET = 16  # pixels around the note, which covers the middle of the window
HEAD = 4096  # bytes that tell what a table is of
LABELS = (b"annotation", b"confidence")  # columns of labels, ours and feature-circuits'


@dataclass(frozen=True)
class Drop:
    """One thing dropped: ``kind`` is circuit, model, task or labels; ``refusal`` why it is none of them."""

    path: Path
    kind: str = ""
    refusal: str = ""

    @property
    def text(self) -> str:
        """What letting go would do."""
        return {
            "circuit": f"Open {self.path.name}",
            "model": f"Find circuits of the model in {self.path.name}",
            "task": f"Use {self.path.name} as the task",
            "labels": f"Take the labels of {self.path.name}",
        }.get(self.kind, self.refusal)


def recognised(path: Path) -> Drop:
    """What a path is to us: by its name, a folder by its config, a table by its first line."""
    if path.is_dir():
        if (path / "config.json").is_file():
            return Drop(path, "model")
        return Drop(path, refusal=f"'{path.name}' holds no model: a folder with config.json would be right.")
    if path.suffix.lower() in (*TABLES, ".json"):
        if not path.is_file():  # opening a pipe would wait for whoever writes into it
            return Drop(path, refusal=f"'{path.name}' is no file.")
        try:
            with open(path, "rb") as file:
                start = file.read(HEAD)
        except OSError as error:
            return Drop(path, refusal=f"'{path.name}' cannot be read: {error.strerror}.")
        head = start.split(b"\n", 1)[0].lower()
        if path.suffix.lower() == ".json":
            return Drop(path, "task" if _holds_pairs(start) else "circuit")
        if path.name.lower().endswith(".nodes.csv") or (b"sender" in head and b"receiver" in head):
            return Drop(path, "circuit")
        return Drop(path, "labels" if any(word in head for word in LABELS) else "task")
    try:
        format_for(path, writing=False)
    except InputError as error:
        return Drop(path, refusal=str(error))
    return Drop(path, "circuit")


def _holds_pairs(start: bytes) -> bool:
    """Whether JSON begins as a task does: circuits are objects, and name neither prompts nor clean ones."""
    return start.lstrip()[:1] == b"[" or any(key in start for key in (b'"clean', b'"prompts"'))


class Drops(QObject):
    """Files over the window: a note says what will happen, letting go does it."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.note = QLabel(window, objectName="drop")
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.note.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.note.setAccessibleName("What dropping does")
        self.note.hide()

    def enter(self, data: QMimeData) -> bool:
        """Say what letting go would do; False where there is no file among what is dragged."""
        drops = self._of(data)
        if not drops:
            return False
        self.note.setText("\n".join(drop.text for drop in drops))
        pages = self.window.pages
        place = QRect(pages.mapTo(self.window, QPoint()), pages.size())
        self.note.setGeometry(place.adjusted(INSET, INSET, -INSET, -INSET))
        self.note.raise_()
        self.note.show()
        return True

    def leave(self) -> None:
        """Nothing is over the window any more."""
        self.note.hide()

    def drop(self, data: QMimeData) -> bool:
        """Take what was let go, as soon as the program it came from is free again."""
        self.leave()
        drops = self._of(data)
        if drops:
            QTimer.singleShot(0, self, lambda: self.take(drops))
        return bool(drops)

    def take(self, drops: Iterable[Drop]) -> None:
        """A model and a task go to the form; of several circuits the first is opened."""
        window = self.window
        circuits: list[Path] = []
        form = window.panels["discovery"]
        for drop in drops:
            if drop.refusal:
                window.desk.guarded(_refuse, drop.refusal)
            elif drop.kind == "model":
                form.model.setEditText(str(drop.path))  # type: ignore[attr-defined]
                window.desk.say(f"The model is {drop.path.name}; find a circuit of it")
            elif drop.kind == "task":
                form.task.setEditText(str(drop.path))  # type: ignore[attr-defined]
                window.desk.say(f"The task is {drop.path.name}; find a circuit for it")
            elif drop.kind == "labels":
                window.panels["labels"].take(drop.path)  # type: ignore[attr-defined]
            else:
                circuits.append(drop.path)
        if circuits:
            first, *rest = circuits
            names = ", ".join(path.name for path in rest)
            told = f"Opened {first.name}; {names} can be opened next, or compared with" if rest else ""
            window.files.open_path(first, told=told)
        elif any(drop.kind in ("model", "task") for drop in drops):
            window.places.show(True)

    @staticmethod
    def _of(data: QMimeData) -> list[Drop]:
        local = (url.toLocalFile() for url in data.urls() if url.isLocalFile())
        return [recognised(Path(path)) for path in local if path]


def _refuse(why: str) -> None:
    raise InputError(why)
