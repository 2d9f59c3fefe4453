"""Where the editor's prompts are kept: in a draft while they are written, in a set once they are used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from circuitviz.errors import InputError
from circuitviz.panels.prompt_editor.prompt_sheet import PromptSheet, SheetState
from circuitviz.tasks.prompt_drafts import DraftFile, SavedDraft
from circuitviz.tasks.prompt_set_files import find_free_name
from circuitviz.tasks.prompt_sets import (
    PromptRow,
    check_set_name,
    find_prompt_set,
    save_prompt_set,
    write_prompt_file,
)
from circuitviz.workbench.requests.messages import JobFailed
from circuitviz.workspace.workspace import Workspace

DRAFT_DELAY_MS = 1000  # from a change to its writing
DEFAULT_NAME = "own prompts"
LANE = "own prompts"


class PromptStorage(QObject):
    """Writes drafts by itself; sets and files where it is asked to.

    Attributes:
        set_name: The set that the prompts were opened from or saved as; empty where there is none.
    """

    saved = Signal(str, int)  # the name of a set that is written, and its number of pairs

    def __init__(self, sheet: PromptSheet, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._sheet, self._workspace = sheet, workspace
        self.set_name = ""
        self._saved_rows: tuple[PromptRow, ...] = ()
        self._made_rows: tuple[PromptRow, ...] = ()  # of the template, which makes them again
        self._draft = DraftFile()
        self._n_states = 0
        self._is_loaded = self._is_draft_reported = False
        self._timer = QTimer(self, singleShot=True, interval=DRAFT_DELAY_MS)
        self._timer.timeout.connect(self._write_draft_later)
        sheet.changed.connect(self._on_change)
        sheet.typed.connect(self._on_change)
        workspace.stopping.connect(self._write_draft_now)

    def _would_lose_work(self, state: SheetState) -> bool:
        """Whether there are rows that are in no set, or a template, that are not in another state."""
        rows = tuple(row for row in self._sheet.live_rows if not row.is_empty)
        template = self._sheet.state.template
        return (bool(rows) and rows not in (self._saved_rows, self._made_rows)) or (
            not template.is_empty and template != state.template
        )

    def load_draft(self) -> None:
        """Show the latest draft of a process that has ended, unless that was done."""
        if self._is_loaded:
            return
        self._is_loaded = True
        draft = self._draft.take_over_latest()
        if draft is not None and not self._sheet.rows:
            self._sheet.show_state(SheetState(draft.name, draft.rows, draft.template))
            self.set_name = draft.set_name

    def show_state(self, state: SheetState, text: str, set_name: str = "") -> None:
        """Show other prompts in place of those that are edited, as one step of undo.

        What was in no set stays as an earlier draft.

        Args:
            state: Name, rows and template.
            text: What the step of undo is called.
            set_name: The set that they are from.
        """
        self.load_draft()  # a command may bring prompts before the editor was in sight
        if self._would_lose_work(state):
            self._write_draft_now()
        self._sheet.apply_state(state, text)
        self.set_name = set_name
        self._saved_rows = state.rows if set_name else ()

    def show_made_rows(self, rows: tuple[PromptRow, ...]) -> None:
        """Show pairs that were made of the template."""
        set_name = self.set_name
        self.show_state(replace(self._sheet.state, rows=rows), "Make pairs of the template")
        self.set_name, self._made_rows = set_name, rows

    def show_draft(self, draft: SavedDraft) -> None:
        """Show an earlier draft."""
        state = SheetState(draft.name, draft.rows, draft.template)
        self.show_state(state, "Open an earlier draft", draft.set_name)
        self._saved_rows = ()

    def resolve_name(self, task_names: Sequence[str]) -> str:
        """The name that the prompts get as a set; one is made up where there is none.

        Raises:
            InputError: No set can have it.
        """
        name = self._sheet.state.name
        if not name.strip():
            name = find_free_name(DEFAULT_NAME, task_names)
        return check_set_name(name, task_names)

    def would_replace(self, name: str) -> bool:
        """Whether saving under a name replaces a set that these prompts are not from."""
        return name != self.set_name and find_prompt_set(name) is not None

    def save_set(self, name: str) -> None:
        """Write the prompts as a set, in the background; ``saved`` follows."""
        rows = tuple(row for row in self._sheet.rows if not row.is_empty)
        self._sheet.apply_state(replace(self._sheet.state, name=name), "Name the prompts")
        handle = self._workspace.task_pool.submit(
            partial(save_prompt_set, name, rows), lane=LANE, title="Could not save the prompts"
        )
        handle.finished.connect(lambda _path: self._on_saved(name, rows))
        handle.failed.connect(self._workspace.report_failure)

    def follow_renaming(self, name: str, new_name: str) -> None:
        """Take over the new name of a set, where it is the one that is edited."""
        if self.set_name == name:
            self.set_name = new_name
            self._sheet.apply_state(replace(self._sheet.state, name=new_name), "Rename the prompts")

    def leave_set(self, name: str) -> None:
        """Keep the prompts as those of no set, where theirs is deleted: they stay as a draft."""
        if self.set_name == name:
            self.set_name, self._saved_rows = "", ()
            self._on_change()

    def export_file(self, path: Path) -> None:
        """Write the prompts to a CSV or JSONL file, in the background."""
        rows = tuple(row for row in self._sheet.rows if not row.is_empty)
        handle = self._workspace.task_pool.submit(
            partial(write_prompt_file, path, rows), lane=LANE, title=f"Could not save {path.name}"
        )
        handle.finished.connect(lambda _none: self._workspace.post_message(f"Saved {path.name}"))
        handle.failed.connect(self._workspace.report_failure)

    def _on_saved(self, name: str, rows: tuple[PromptRow, ...]) -> None:
        self.set_name, self._saved_rows = name, rows
        self.saved.emit(name, len(rows))

    def _on_change(self) -> None:
        self._n_states += 1
        if not self._timer.isActive():  # fluent typing is kept, too
            self._timer.start()

    def _write_draft_later(self) -> None:
        state = self._sheet.live_state
        work = partial(
            self._draft.write, self._n_states, state.name, self.set_name, state.rows, state.template
        )
        handle = self._workspace.task_pool.submit(
            work, lane="draft of own prompts", title="Could not keep the draft of the prompts", key="draft"
        )
        handle.failed.connect(self._report_draft)

    def _write_draft_now(self) -> None:
        """Write what there is, and leave it for the next start or as an earlier draft."""
        self._timer.stop()
        if self._n_states:
            state = self._sheet.live_state
            try:
                self._draft.write(self._n_states, state.name, self.set_name, state.rows, state.template)
            except InputError as error:
                self._workspace.post_message(f"Could not keep the draft of the prompts: {error}")
        self._draft.leave()

    def _report_draft(self, failure: JobFailed) -> None:
        """Say once that what is typed is not kept."""
        if not self._is_draft_reported:
            self._is_draft_reported = True
            self._workspace.post_message(f"{failure.title}: {failure.message}")
