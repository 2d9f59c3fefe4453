"""Two widgets side by side where the width holds both, else one above the other.

Panels stand beside other docks on a small screen, with text of any size: what fits depends on both.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QWidget

from circuitviz.panels.widgets.font_scaling import scale_pixels
from circuitviz.panels.widgets.layouts import NO_MARGINS, Margins

MAX_WIDTH_PX = (1 << 24) - 1  # Qt's own, of a widget without a maximum


class FoldingRow(QWidget):
    """Folds to a column, and unfolds, when it is resized, its font changes or a widget asks for another size.

    Attributes:
        is_folded: Whether the second widget is below the first.
    """

    def __init__(
        self,
        first: QWidget,
        second: QWidget,
        *,
        first_px: int = 0,
        second_px: int = 0,
        stretches: tuple[int, int] = (1, 1),
        spacing: int = 8,
        margins: Margins = NO_MARGINS,
    ) -> None:
        """Lay two widgets out.

        Args:
            first: The widget at the left, or above.
            second: The widget at the right, or below.
            first_px: The width that the first needs side by side, scaled with the font; 0: its minimum. It is
                fixed where the first does not stretch.
            second_px: The width that the second needs side by side, scaled with the font; 0: its minimum.
            stretches: The stretch factors of both side by side.
            spacing: Pixels between the two.
            margins: Pixels at left, top, right and bottom.
        """
        super().__init__()
        self.is_folded = False
        self._first, self._second = first, second
        self._first_px, self._second_px, self._stretches = first_px, second_px, stretches
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setSpacing(spacing)
        self._box.setContentsMargins(*margins)
        self._box.addWidget(first, stretches[0])
        self._box.addWidget(second, stretches[1])
        self._fit()

    def sizeHint(self) -> QSize:
        """As wide as both side by side, also while they are folded: with room, it is not."""
        left, _, right, _ = self._margins()
        width = self._first.sizeHint().width() + self._box.spacing() + self._second.sizeHint().width()
        return QSize(left + width + right, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """As narrow as the wider of the two: they fold."""
        left, _, right, _ = self._margins()
        width = max(self._first.minimumSizeHint().width(), self._second.minimumSizeHint().width())
        return QSize(width + left + right, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold or unfold."""
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Fold or unfold where the font or a widget's size hint has changed."""
        is_handled = super().event(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.LayoutRequest):
            self._fit()
        return is_handled

    def _margins(self) -> tuple[int, int, int, int]:
        margins = self._box.contentsMargins()
        return margins.left(), margins.top(), margins.right(), margins.bottom()

    def _fit(self) -> None:
        first_px = scale_pixels(self, self._first_px)
        left, _, right, _ = self._margins()
        needed_px = left + max(first_px, self._first.minimumSizeHint().width()) + self._box.spacing() + right
        needed_px += max(scale_pixels(self, self._second_px), self._second.minimumSizeHint().width())
        is_folded = self.width() < needed_px
        if self._first_px and not self._stretches[0]:
            self._first.setMaximumWidth(MAX_WIDTH_PX if is_folded else first_px)
            self._first.setMinimumWidth(0 if is_folded else first_px)
        if is_folded != self.is_folded:
            self.is_folded = is_folded
            directions = QBoxLayout.Direction
            self._box.setDirection(directions.TopToBottom if is_folded else directions.LeftToRight)
            self._box.setStretch(0, 0 if is_folded else self._stretches[0])
