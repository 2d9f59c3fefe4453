"""A step of undo is two states; going back is setting the earlier one, so it is exact."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QUndoCommand

from circuitviz.panels.plain import as_caption
from circuitviz.session import Change, State

MERGED = 1


class StateStep(QUndoCommand):
    """One change of the document; neighbours with the same merge key become one."""

    def __init__(self, change: Change, apply: Callable[[State], None]) -> None:
        super().__init__(as_caption(change.text))
        self._change, self._apply = change, apply

    def id(self) -> int:
        """Qt asks only steps with the same id to merge."""
        return MERGED if self._change.merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:  # noqa: N802
        """Take over a later step of the same kind."""
        if not isinstance(other, StateStep) or other._change.merge != self._change.merge:
            return False
        later = other._change
        self._change = Change(later.text, self._change.before, later.after, later.merge)
        self.setText(as_caption(later.text))
        return True

    def redo(self) -> None:
        """Set the later state."""
        self._apply(self._change.after)

    def undo(self) -> None:
        """Set the earlier state."""
        self._apply(self._change.before)
