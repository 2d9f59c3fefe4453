"""One head's attention over real tokens: hover a token to see where it looks."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from circuitviz.canvas.paint import font
from circuitviz.canvas.theme import LIGHT

LABEL = 62.0


class AttentionMap(QWidget):
    """Rows are queries, columns keys; darker is more. Click locks a row, Escape frees it."""

    row_changed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self.tokens: list[str] = []
        self.pattern = np.zeros((0, 0))
        self.row = -1
        self._locked = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Attention pattern")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def show_pattern(self, tokens: list[str], pattern: list[list[float]] | None) -> None:
        """Show a pattern [query, key]; None hides the map."""
        self.setVisible(pattern is not None)
        self.tokens = tokens
        self.pattern = np.array(pattern if pattern is not None else np.zeros((0, 0)))
        self._locked = False
        self.row = len(tokens) - 1
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """A square for the pattern, and room for the tokens' names."""
        return QSize(260, min(330, 60 + 16 * max(1, len(self.tokens))))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Room for short names and cells of some pixels."""
        return QSize(200, self.sizeHint().height())

    def _cell(self) -> tuple[float, float]:
        number = max(1, len(self.tokens))
        return (self.width() - LABEL - 4) / number, (self.height() - LABEL - 2) / number

    def _at(self, event: QMouseEvent) -> tuple[int, int]:
        wide, high = self._cell()
        place = event.position()
        return int((place.y() - LABEL) // high), int((place.x() - LABEL) // wide)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Follow the pointer."""
        row, column = self._at(event)
        number = len(self.tokens)
        if not self._locked and 0 <= row < number and row != self.row:
            self.row = row
            self.row_changed.emit(row)
            self.update()
        if 0 <= row < number and 0 <= column <= row:
            text = f"{self.tokens[row]!r} looks at {self.tokens[column]!r}: {self.pattern[row, column]:.3f}"
            QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Lock or free a row."""
        row, _ = self._at(event)
        if 0 <= row < len(self.tokens):
            self._locked = not (self._locked and row == self.row)
            self.row = row
            self.update()

    def keyPressEvent(self, event: object) -> None:  # noqa: N802
        """Escape frees the row."""
        if getattr(event, "key", lambda: 0)() == Qt.Key.Key_Escape:
            self._locked = False
            self.update()
        else:
            super().keyPressEvent(event)  # type: ignore[arg-type]

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Back to the last token, whose prediction is read."""
        if not self._locked:
            self.row = len(self.tokens) - 1
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Cells, names, and a frame around the row in question."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        wide, high = self._cell()
        size = max(8.0, min(11.0, high * 0.85))
        painter.setFont(font(size))
        metrics = QFontMetricsF(painter.font())
        ink = QColor(self.theme.positive)
        looked = self.pattern[self.row] if 0 <= self.row < len(self.pattern) else None
        for i, token in enumerate(self.tokens):
            text = metrics.elidedText(token.strip() or "␣", Qt.TextElideMode.ElideRight, LABEL - 8)
            painter.setPen(QColor(self.theme.text if i == self.row else self.theme.muted))
            row = QRectF(0, LABEL + i * high, LABEL - 5, high)
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
            strong = looked is not None and looked[i] > 0.1
            painter.setPen(QColor(self.theme.text if strong else self.theme.muted))
            painter.save()
            painter.translate(LABEL + i * wide + wide / 2, LABEL - 5)
            painter.rotate(-60)
            painter.drawText(QRectF(0, -size * 0.75, LABEL, size * 1.5), Qt.AlignmentFlag.AlignVCenter, text)
            painter.restore()
        painter.setPen(Qt.PenStyle.NoPen)
        for i in range(len(self.tokens)):
            for j in range(len(self.tokens)):
                cell = QRectF(LABEL + j * wide, LABEL + i * high, wide - 1, high - 1)
                colour = QColor(self.theme.window)
                if j <= i:
                    colour = _mix(self.theme.window, ink, float(self.pattern[i, j]))
                    painter.setBrush(colour)
                    painter.drawRect(cell)
        if self.row >= 0:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QColor(self.theme.accent if self._locked else self.theme.muted))
            wide_row = wide * (self.row + 1)
            painter.drawRect(QRectF(LABEL - 0.5, LABEL + self.row * high - 0.5, wide_row, high))
        painter.end()


def _mix(ground: str, ink: QColor, share: float) -> QColor:
    base = QColor(ground)
    share = min(1.0, max(0.0, share))
    pairs = ((base.red(), ink.red()), (base.green(), ink.green()), (base.blue(), ink.blue()))
    red, green, blue = (round(a + (b - a) * share) for a, b in pairs)
    return QColor(red, green, blue)
