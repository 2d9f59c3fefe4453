"""A step of undo between two states, of one document or of two."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QUndoCommand

from circuitviz.document import Document, State
from circuitviz.workspace.plain_text import escape_mnemonics

MERGEABLE_ID = 1
DocumentState = tuple[Document, State]


class UndoStep(QUndoCommand):
    """A change of one document, or the way from one document to another: a search makes a new one.

    So undo returns to the earlier circuit with its file, its measures and all else that is of it.
    Neighbours with the same merge key become one.
    """

    def __init__(
        self,
        text: str,
        before: DocumentState,
        after: DocumentState,
        go_to: Callable[[Document, State], None],
        merge_key: str = "",
    ) -> None:
        super().__init__(escape_mnemonics(text))
        self._before, self._after, self._go_to, self._merge_key = before, after, go_to, merge_key

    def id(self) -> int:
        """Qt asks only steps with the same id to merge."""
        return MERGEABLE_ID if self._merge_key else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take over a later step of the same kind in the same document."""
        if not isinstance(other, UndoStep) or other._merge_key != self._merge_key:
            return False
        if other._after[0] is not self._before[0]:
            return False
        self._after = other._after
        self.setText(other.text())
        return True

    def redo(self) -> None:
        """Go to the later place."""
        self._go_to(*self._after)

    def undo(self) -> None:
        """Go to the earlier place."""
        self._go_to(*self._before)
