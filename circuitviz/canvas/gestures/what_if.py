"""A question without a commitment: what if this node were out?"""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent

from circuitviz.canvas.gestures.registry import Gesture, gestures


@gestures.register("what-if", summary="Hold W over a node: what if it were out?", order=40)
class WhatIfQuestion(Gesture):
    """Asks while the key is held, for the node under the pointer or, without one, for those selected."""

    is_key_held = False

    def key_pressed(self, event: QKeyEvent) -> bool:
        """Begin to ask."""
        if event.key() != Qt.Key.Key_W or event.modifiers():
            return False
        self.is_key_held = True
        self._request_estimate()
        return True

    def key_released(self, event: QKeyEvent) -> bool:
        """Enough; a key that is held goes up and down all the time, which is no release."""
        if event.key() != Qt.Key.Key_W or not self.is_key_held:
            return False
        if not event.isAutoRepeat():
            self._withdraw_request()
        return True

    def pointer_moved(self, here: QPoint) -> None:
        """Another node, another answer."""
        if self.is_key_held:
            self._request_estimate()

    def pointer_left(self) -> None:
        """The key may be released elsewhere, where nobody tells us."""
        if self.is_key_held:
            self._withdraw_request()

    def _request_estimate(self) -> None:
        here = self.view.hovered_name
        nodes = frozenset({here}) if here in self.view.circuit_scene.by_name else self.view.selected_nodes
        self.view.what_if_requested.emit(nodes)

    def _withdraw_request(self) -> None:
        self.is_key_held = False
        self.view.what_if_requested.emit(frozenset())
