"""A question without a commitment: what if this node were out?"""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent

from circuitviz.canvas.gestures.registry import Gesture, gestures


@gestures.register("what-if", summary="Hold W over a node: what if it were out?", order=40)
class WhatIf(Gesture):
    """Asks while the key is held, for the node under the pointer or, without one, for those selected."""

    held = False

    def key_pressed(self, event: QKeyEvent) -> bool:
        """Begin to ask."""
        if event.key() != Qt.Key.Key_W or event.modifiers():
            return False
        self.held = True
        self._ask()
        return True

    def key_released(self, event: QKeyEvent) -> bool:
        """Enough; a key that is held goes up and down all the time, which is no release."""
        if event.key() != Qt.Key.Key_W or not self.held:
            return False
        if not event.isAutoRepeat():
            self._end()
        return True

    def hovered(self, here: QPoint) -> None:
        """Another node, another answer."""
        if self.held:
            self._ask()

    def left(self) -> None:
        """The key may be released elsewhere, where nobody tells us."""
        if self.held:
            self._end()

    def _ask(self) -> None:
        here = self.view.pointed
        nodes = frozenset({here}) if here in self.view.picture.by_name else self.view.nodes
        self.view.wondered.emit(nodes)

    def _end(self) -> None:
        self.held = False
        self.view.wondered.emit(frozenset())
