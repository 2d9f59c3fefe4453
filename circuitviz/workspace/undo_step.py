"""A step of undo between two states of a tab's document."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QUndoCommand

from circuitviz.document import State
from circuitviz.workspace.plain_text import escape_mnemonics

MERGEABLE_ID = 1


class UndoStep(QUndoCommand):
    """A change of the document in front; neighbours with the same merge key become one."""

    def __init__(
        self,
        text: str,
        states: tuple[State, State],
        set_state: Callable[[State], None],
        merge_key: str = "",
    ) -> None:
        super().__init__(escape_mnemonics(text))
        self._before, self._after = states
        self._set_state, self._merge_key = set_state, merge_key

    def id(self) -> int:
        """Qt asks only steps with the same id to merge."""
        return MERGEABLE_ID if self._merge_key else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take over a later step of the same kind."""
        if not isinstance(other, UndoStep) or other._merge_key != self._merge_key:
            return False
        self._after = other._after
        self.setText(other.text())
        return True

    def redo(self) -> None:
        """Go to the later state."""
        self._set_state(self._after)

    def undo(self) -> None:
        """Go to the earlier state."""
        self._set_state(self._before)
