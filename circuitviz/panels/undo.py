"""A step of undo is two places, each a document with a state; going back is going to the earlier one."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QUndoCommand

from circuitviz.panels.plain import as_caption
from circuitviz.session import Document, State

MERGED = 1
Place = tuple[Document, State]


class StateStep(QUndoCommand):
    """A change of one document, or the way from one document to another: a search makes a new one.

    So undo returns to the earlier circuit with its file, its measures and all else that is of it.
    Neighbours with the same merge key become one.
    """

    def __init__(
        self, text: str, before: Place, after: Place, go: Callable[[Document, State], None], merge: str = ""
    ) -> None:
        super().__init__(as_caption(text))
        self._before, self._after, self._go, self._merge = before, after, go, merge

    def id(self) -> int:
        """Qt asks only steps with the same id to merge."""
        return MERGED if self._merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Take over a later step of the same kind in the same document."""
        if not isinstance(other, StateStep) or other._merge != self._merge:
            return False
        if other._after[0] is not self._before[0]:
            return False
        self._after = other._after
        self.setText(other.text())
        return True

    def redo(self) -> None:
        """Go to the later place."""
        self._go(*self._after)

    def undo(self) -> None:
        """Go to the earlier place."""
        self._go(*self._before)
