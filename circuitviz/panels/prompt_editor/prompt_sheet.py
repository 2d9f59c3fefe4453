"""The prompts that are being edited, with an undo stack of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from circuitviz.tasks.prompt_sets import PROMPT_COLUMNS, PromptRow
from circuitviz.tasks.slot_templates import NO_TEMPLATE, SlotTemplate

TEMPLATE_CHANGE = 1  # the kind of steps of undo that are merged


@dataclass(frozen=True)
class SheetState:
    """What one step of undo brings back.

    Attributes:
        name: The name that the prompts have as a task.
        rows: The pairs.
        template: The template that pairs are made from.
    """

    name: str = ""
    rows: tuple[PromptRow, ...] = ()
    template: SlotTemplate = NO_TEMPLATE

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to keep."""
        return self.template.is_empty and all(row.is_empty for row in self.rows)


class PromptSheet(QObject):
    """Rows of prompts; every change is one step of undo.

    Attributes:
        undo_stack: Steps of undo of the prompts alone, apart from the document's.
        typed_cell: Row, column and text of a cell that is being typed into and is not yet taken over.
    """

    changed = Signal()  # rows or name
    typed = Signal()  # the text of a cell that is not yet taken over

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = QUndoStack(self)
        self.state = SheetState()
        self.typed_cell: tuple[int, int, str] | None = None

    @property
    def rows(self) -> tuple[PromptRow, ...]:
        """The rows, without what is being typed."""
        return self.state.rows

    @property
    def live_rows(self) -> tuple[PromptRow, ...]:
        """The rows with what is being typed."""
        if self.typed_cell is None:
            return self.rows
        row, column, text = self.typed_cell
        return _with_cell(self.rows, row, column, text)

    @property
    def live_state(self) -> SheetState:
        """The state with what is being typed: what a draft keeps."""
        return replace(self.state, rows=self.live_rows)

    def set_typed_cell(self, row: int, column: int, text: str) -> None:
        """Follow what is being typed into a cell."""
        self.typed_cell = row, column, text
        self.typed.emit()

    def clear_typed_cell(self) -> None:
        """Nothing is being typed any more."""
        if self.typed_cell is not None:
            self.typed_cell = None
            self.typed.emit()

    def show_state(self, state: SheetState) -> None:
        """Show other prompts at the start; there is nothing to undo."""
        self.undo_stack.clear()
        self.state = state
        self.changed.emit()

    def apply_state(self, state: SheetState, text: str) -> None:
        """Change rows and name as one step of undo."""
        if state != self.state:
            self.undo_stack.push(_ChangeSheet(self._set_state, self.state, state, text))
            self.changed.emit()  # once the step of undo is there

    def undo(self) -> None:
        """Undo the last change."""
        self.undo_stack.undo()
        self.changed.emit()

    def redo(self) -> None:
        """Redo what was undone."""
        self.undo_stack.redo()
        self.changed.emit()

    def set_rows(self, rows: Iterable[PromptRow], text: str) -> None:
        """Change the rows as one step of undo."""
        self.apply_state(replace(self.state, rows=tuple(rows)), text)

    def set_name(self, name: str) -> None:
        """Change the name as one step of undo."""
        self.apply_state(replace(self.state, name=name), "Rename the prompts")

    def set_template(self, template: SlotTemplate, text: str) -> None:
        """Change the template; changes with the same text that follow one another are one step of undo."""
        self.apply_state(replace(self.state, template=template), text)

    def set_cell(self, row: int, column: int, text: str) -> None:
        """Change a cell; below the last row this adds one.

        Args:
            row: Number of the row.
            column: Index into ``PROMPT_COLUMNS``.
            text: The cell's text.
        """
        self.set_rows(_with_cell(self.rows, row, column, text), "Edit a prompt")

    def paste_cells(self, row: int, column: int, cells: Sequence[Sequence[str]]) -> None:
        """Put cells of another table at a place; rows are added where there are too few."""
        rows = list(self.rows)
        for number, line in enumerate(cells, start=row):
            texts = dict(zip(PROMPT_COLUMNS[column:], line, strict=False))
            if number >= len(rows):
                if not any(texts.values()):
                    continue
                rows += [PromptRow()] * (number + 1 - len(rows))
            rows[number] = rows[number].with_texts(**texts)
        self.set_rows(rows, "Paste")

    def clear_cells(self, cells: Iterable[tuple[int, int]]) -> None:
        """Empty cells, given as (row, column)."""
        rows = list(self.rows)
        for row, column in cells:
            if row < len(rows):
                rows[row] = rows[row].with_texts(**{PROMPT_COLUMNS[column]: ""})
        self.set_rows(rows, "Clear cells")

    def insert_row(self, row: int) -> None:
        """Add an empty row before a row."""
        self.set_rows((*self.rows[:row], PromptRow(), *self.rows[row:]), "Add a row")

    def duplicate_rows(self, numbers: Iterable[int]) -> None:
        """Put a copy of each row below it."""
        chosen = set(numbers)
        rows = [copy for i, row in enumerate(self.rows) for copy in ([row] * (2 if i in chosen else 1))]
        self.set_rows(rows, "Duplicate rows")

    def remove_rows(self, numbers: Iterable[int]) -> None:
        """Remove rows."""
        chosen = set(numbers)
        self.set_rows([row for i, row in enumerate(self.rows) if i not in chosen], "Remove rows")

    def move_rows(self, numbers: Iterable[int], offset: int) -> bool:
        """Move rows up (−1) or down (1), if there is space for all of them; returns whether there was."""
        chosen = sorted({n for n in numbers if n < len(self.rows)}, reverse=offset > 0)
        if not chosen or not 0 <= chosen[0] + offset < len(self.rows):
            return False
        rows = list(self.rows)
        for i in chosen:
            rows[i], rows[i + offset] = rows[i + offset], rows[i]
        self.set_rows(rows, "Move rows")
        return True

    def _set_state(self, state: SheetState) -> None:
        self.state = state


class _ChangeSheet(QUndoCommand):
    """From one state of the sheet to another."""

    def __init__(
        self, apply: Callable[[SheetState], None], before: SheetState, after: SheetState, text: str
    ) -> None:
        super().__init__(text)
        self._apply, self._before, self._after = apply, before, after

    def id(self) -> int:
        """Changes of the template can be merged: a prompt is typed letter by letter."""
        is_template = replace(self._before, template=self._after.template) == self._after
        return TEMPLATE_CHANGE if is_template else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take in the next letter."""
        if not isinstance(other, _ChangeSheet) or other.text() != self.text():
            return False
        self._after = other._after
        return True

    def undo(self) -> None:
        """Show the state before."""
        self._apply(self._before)

    def redo(self) -> None:
        """Show the state after."""
        self._apply(self._after)


def _with_cell(rows: tuple[PromptRow, ...], row: int, column: int, text: str) -> tuple[PromptRow, ...]:
    """Rows with another text in a cell; empty rows are added up to it where there is text."""
    if row >= len(rows):
        if not text:
            return rows
        rows = (*rows, *[PromptRow()] * (row + 1 - len(rows)))
    changed = rows[row].with_texts(**{PROMPT_COLUMNS[column]: text})
    return (*rows[:row], changed, *rows[row + 1 :])
