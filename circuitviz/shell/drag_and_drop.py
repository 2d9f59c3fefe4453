"""Files dropped on the window: an overlay says what dropping them does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QWidget

from circuitviz.errors import InputError
from circuitviz.formats import format_for
from circuitviz.workbench.requests.messages import JobFailed
from circuitviz.workspace import Workspace

TABLE_SUFFIXES = (".csv", ".jsonl")
OVERLAY_INSET_PX = 16  # pixels around the note, which covers the middle of the window
SNIFFED_BYTES = 4096  # bytes that tell what a table is of
LABEL_COLUMNS = (b"annotation", b"confidence")  # columns of labels, ours and feature-circuits'


@dataclass(frozen=True)
class DroppedFile:
    """A dropped path: ``kind`` is circuit, model, task or labels; ``refusal`` says why it is none."""

    path: Path
    kind: str = ""
    refusal: str = ""

    @property
    def action_text(self) -> str:
        """What dropping it does."""
        return {
            "circuit": f"Open {self.path.name}",
            "model": f"Find circuits of the model in {self.path.name}",
            "task": f"Use {self.path.name} as the task",
            "labels": f"Take the labels of {self.path.name}",
        }.get(self.kind, self.refusal)


def classify_dropped_path(path: Path) -> DroppedFile:
    """Tell what a path is: by its name, a folder by its config.json, a table by its first line."""
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
    """Whether JSON begins like a task: circuits are objects without "prompts" or "clean"."""
    return start.lstrip()[:1] == b"[" or any(key in start for key in (b'"clean', b'"prompts"'))


class DropHandler(QObject):
    """Shows the overlay while files are over the window, and opens them when they are dropped."""

    circuit_dropped = Signal(object)  # its path
    labels_dropped = Signal(object)  # their path

    def __init__(self, window: QWidget, pages: QWidget, workspace: Workspace) -> None:
        """Accept files on a window, and cover some pages of it while they are over it."""
        super().__init__(window)
        window.setAcceptDrops(True)
        window.installEventFilter(self)
        self._window, self._pages, self._workspace = window, pages, workspace
        self.overlay = QLabel(window, objectName="drop")
        self.overlay.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.overlay.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.overlay.setAccessibleName("What dropping does")
        self.overlay.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Say what dropping these files would do, and open what is dropped."""
        if isinstance(event, QDropEvent):  # the enter event is one, too
            is_drop = event.type() is QEvent.Type.Drop
            accept = self.accept_drop if is_drop else self.show_overlay
            if accept(event.mimeData()):
                event.acceptProposedAction()
            return True
        if event.type() is QEvent.Type.DragLeave:
            self.hide_overlay()
        return super().eventFilter(watched, event)

    def show_overlay(self, data: QMimeData) -> bool:
        """Say what dropping does; False where no file is dragged."""
        drops = self._dropped_files(data)
        if not drops:
            return False
        self.overlay.setText("\n".join(drop.action_text for drop in drops))
        place = QRect(self._pages.mapTo(self._window, QPoint()), self._pages.size())
        self.overlay.setGeometry(
            place.adjusted(OVERLAY_INSET_PX, OVERLAY_INSET_PX, -OVERLAY_INSET_PX, -OVERLAY_INSET_PX)
        )
        self.overlay.raise_()
        self.overlay.show()
        return True

    def hide_overlay(self) -> None:
        """Hide the overlay."""
        self.overlay.hide()

    def accept_drop(self, data: QMimeData) -> bool:
        """Open what was dropped, once the drop itself has ended and its source is not blocked."""
        self.hide_overlay()
        drops = self._dropped_files(data)
        if drops:
            QTimer.singleShot(0, self, lambda: self.open_dropped_files(drops))
        return bool(drops)

    def open_dropped_files(self, dropped: Sequence[DroppedFile]) -> None:
        """Put a model and a task into the search form, and open each circuit in a tab."""
        workspace, form = self._workspace, self._workspace.search_form
        circuits: list[Path] = []
        for file in dropped:
            name = file.path.name
            if file.refusal:
                failure = JobFailed(f"Could not use {name}", file.refusal)
                workspace.notifier.failure_reported.emit(failure)
            elif file.kind == "model":
                form.set(model=str(file.path))
                workspace.post_message(f"The model is {name}; find a circuit of it")
            elif file.kind == "task":
                form.set(task=str(file.path))
                workspace.post_message(f"The task is {name}; find a circuit for it")
            elif file.kind == "labels":
                self.labels_dropped.emit(file.path)
            else:
                circuits.append(file.path)
        for path in circuits:
            self.circuit_dropped.emit(path)
        if not circuits and any(file.kind in ("model", "task") for file in dropped):
            workspace.panel_requested.emit("discovery")

    @staticmethod
    def _dropped_files(data: QMimeData) -> list[DroppedFile]:
        local = (url.toLocalFile() for url in data.urls() if url.isLocalFile())
        return [classify_dropped_path(Path(path)) for path in local if path]
