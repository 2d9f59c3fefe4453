"""The task of a search: a built-in one, own prompts, a file, or the prompts that the open circuit brought."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QLabel, QWidget

from circuitviz.document import TaskOrigin
from circuitviz.document.origin import PairTexts
from circuitviz.panels.discovery.form_hints import TASK_HINT
from circuitviz.panels.widgets.fields import browse_button, let_shrink
from circuitviz.panels.widgets.file_dialogs import ask_open_file
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.layouts import lay_out_row
from circuitviz.panels.widgets.path_faults import task_fault
from circuitviz.tasks.prompt_sets import find_prompt_set, has_pairs, list_prompt_sets
from circuitviz.workspace.user_settings import UserSettings

OWN_PROMPTS = "Own prompts…"  # opens their editor
CHANGED_SET = (
    "These are the open circuit's prompts: the set of this name has changed since. Choose it from the "
    "list to search on it as it is now."
)
ABSENT_TASK = "These are the open circuit's prompts: their task is not on this machine."
TASK_FILE_FILTER = "Tasks (*.csv *.jsonl *.json *.toml)"


class TaskField(QWidget):
    """Edits the task, and says where its prompts come from.

    Signals: ``changed()``: another task, or other prompts of the same name; ``own_prompts_requested()``.

    Attributes:
        warning_label: That the model does not do the task, in sight where it does not.
        source_label: That the prompts are the open circuit's, in sight where they are.
    """

    changed = Signal()
    own_prompts_requested = Signal()

    def __init__(self, settings: UserSettings) -> None:
        super().__init__()
        self._settings = settings
        self.box = ComboBox(editable=True, accessibleName="Task", toolTip=TASK_HINT)
        self.warning_label = QLabel("", objectName="warning", wordWrap=True, accessibleName="Task warning")
        self.source_label = QLabel("", objectName="muted", wordWrap=True, accessibleName="Source of prompts")
        self._built_in: tuple[str, ...] = ()
        self._circuit_pairs: tuple[str, tuple[PairTexts, ...]] | None = None  # of a task by its name
        self._chosen = ""
        let_shrink(self.box)
        lay_out_row((self.box, 1), browse_button("Open a task file", self.browse), parent=self, spacing=4)
        self.box.currentTextChanged.connect(self._on_text_changed)
        self.box.activated.connect(self._on_activated)
        for label in (self.warning_label, self.source_label):
            label.hide()

    @property
    def task(self) -> str:
        """The name of the task, or the path of its file."""
        return self.box.currentText().strip()

    @property
    def pairs(self) -> tuple[PairTexts, ...] | None:
        """The open circuit's prompts, where they are searched on in place of those that the task makes."""
        task, pairs = self._circuit_pairs or ("", None)
        return pairs if task == self.task else None

    def find_fault(self) -> str:
        """Why the task cannot be, as far as that is known without a model; empty where it can."""
        if self.pairs is not None or not self.task:
            return ""
        return task_fault(self.task, [*list_prompt_sets(), *self._built_in])

    def set_task(self, task: str) -> None:
        """Show another task."""
        if self.box.currentText() != task:
            self.box.setEditText(task)

    def set_choices(self, built_in: Sequence[str], summaries: dict[str, str], task: str) -> None:
        """Offer own prompts and the built-in tasks; ``task`` is shown where none is chosen yet."""
        self._built_in = tuple(built_in)
        own = list_prompt_sets()
        self._chosen = current_text = self.box.currentText() or task
        with QSignalBlocker(self.box):  # an emptied box is no choice of the person's
            self.box.clear()
            self.box.addItems([OWN_PROMPTS, *own, *built_in])
            self.box.setCurrentIndex(self.box.findText(current_text))  # -1: or the item's text comes back
            self.box.setEditText(current_text)
        for row, name in enumerate(built_in, start=1 + len(own)):
            self.box.setItemData(row, summaries.get(name, ""), Qt.ItemDataRole.ToolTipRole)

    def find_circuit_pairs(self, origin: TaskOrigin) -> tuple[PairTexts, ...] | None:
        """The prompts that a circuit brings; None where its task makes the same ones on this machine."""
        task = origin.task
        is_here = task in self._built_in or Path(task).is_file()
        is_left_out = bool(origin.task_options.get("left_out"))
        is_same = is_here or not origin.pairs or has_pairs(task, origin.pairs, is_left_out, origin.by_span)
        return None if is_same else origin.pairs

    def show_circuit_pairs(self, pairs: tuple[PairTexts, ...] | None) -> None:
        """Search on prompts of the open circuit as long as the task has the present name; None: not so."""
        if pairs is None and self._circuit_pairs is None:
            return
        self._circuit_pairs = None if pairs is None else (self.task, pairs)
        self._show_source()
        self.changed.emit()

    def warn(self, warning: str) -> None:
        """Say under the task that the model of the form does not do it; nothing where it does."""
        self.warning_label.setText(warning)
        self.warning_label.setVisible(bool(warning))

    def browse(self) -> None:
        """Let the person choose a task file."""
        if path := ask_open_file(self, "Open a task", TASK_FILE_FILTER, "tasks", self._settings):
            self.box.setEditText(str(path))

    def _on_text_changed(self, text: str) -> None:
        if text != OWN_PROMPTS:
            self._chosen = text
            self._show_source()
            self.changed.emit()

    def _on_activated(self, index: int) -> None:
        if self.box.itemText(index) == OWN_PROMPTS:
            self.box.setEditText(self._chosen)  # the task stays until other prompts are used
            self.own_prompts_requested.emit()
        else:
            self.show_circuit_pairs(None)  # the task of this name is meant, not what the circuit brought

    def _show_source(self) -> None:
        is_of_circuit = self.pairs is not None
        self.source_label.setVisible(is_of_circuit)
        if is_of_circuit:
            is_here = find_prompt_set(self.task) is not None
            self.source_label.setText(CHANGED_SET if is_here else ABSENT_TASK)
