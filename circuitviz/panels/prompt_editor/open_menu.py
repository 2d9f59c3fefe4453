"""The menu of what can be edited as own prompts: sets, built-in tasks, the open circuit's, files, drafts."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from circuitviz.document.origin import TaskOrigin
from circuitviz.tasks.prompt_drafts import SavedDraft, list_drafts
from circuitviz.tasks.prompt_set_files import list_saved_sets
from circuitviz.tasks.prompt_sets import list_prompt_sets
from circuitviz.workbench.requests.load_catalog import Catalog
from circuitviz.workspace.plain_text import escape_mnemonics
from circuitviz.workspace.workspace import Workspace

MAX_LISTED = 30  # sets and drafts
MAX_TEXT_CHARS = 48


class OpenMenu(QMenu):
    """Made anew each time it opens.

    Signals: ``set_chosen(name)``, ``task_chosen(name)``, ``document_chosen()``, ``file_requested()``,
    ``draft_chosen(SavedDraft)``, ``sets_requested()``: rename, duplicate or delete sets;
    ``tasks_changed()``: the names of built-in tasks are known.
    """

    set_chosen = Signal(str)
    task_chosen = Signal(str)
    document_chosen = Signal()
    file_requested = Signal()
    draft_chosen = Signal(object)
    sets_requested = Signal()
    tasks_changed = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.task_names: tuple[str, ...] = ()
        self.aboutToShow.connect(self._fill)
        workspace.catalog_received.connect(self._on_catalog)

    def _on_catalog(self, choices: Catalog) -> None:
        self.task_names = choices.tasks
        self.tasks_changed.emit()

    def _fill(self) -> None:
        self.clear()
        self.addSection("Own prompts")
        names = list_prompt_sets()
        for name in names[:MAX_LISTED]:
            self.addAction(escape_mnemonics(name), partial(self.set_chosen.emit, name))
        if not names:
            self.addAction("none saved yet").setEnabled(False)
        manage = self.addAction("Rename, duplicate, delete…", self.sets_requested.emit)
        manage.setEnabled(bool(list_saved_sets()))
        self.addSeparator()
        tasks = self.addMenu("Built-in task")
        for name in self.task_names:
            tasks.addAction(escape_mnemonics(name), partial(self.task_chosen.emit, name))
        tasks.setEnabled(bool(self.task_names))
        origin = self._workspace.state.origin
        document = self.addAction("Prompts of the open circuit", self.document_chosen.emit)
        document.setEnabled(isinstance(origin, TaskOrigin) and bool(origin.pairs))
        self.addAction("From a file…", self.file_requested.emit)
        drafts = self.addMenu("Earlier drafts")
        saved = list_drafts()[:MAX_LISTED]
        for draft in saved:
            drafts.addAction(escape_mnemonics(_draft_text(draft)), partial(self.draft_chosen.emit, draft))
        drafts.setEnabled(bool(saved))


def _draft_text(draft: SavedDraft) -> str:
    """When a draft was written, how many rows it has, and how it begins."""
    try:
        time = f"{datetime.fromisoformat(draft.saved).astimezone():%d %B, %H:%M}"
    except ValueError:
        time = "time unknown"
    first = draft.name or next((row.clean for row in draft.rows if row.clean), "")
    start = first if len(first) <= MAX_TEXT_CHARS else f"{first[:MAX_TEXT_CHARS]}…"
    return f"{time} · {len(draft.rows)} rows · {start}"
