"""What a cell of a lens holds, opened over the map: its first tokens, and where the answers stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from circuitviz.canvas.paint import font
from circuitviz.canvas.theme import LIGHT
from circuitviz.panels.heat.paint import shown

if TYPE_CHECKING:
    from circuitviz.lens import TokenLogit

ROW, EDGE, COLUMN = 17, 12, 196
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class TokenCard(QWidget):
    """First tokens at the left, answers at the right; a click or Escape closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.page = parent
        self.theme = LIGHT
        self.title = self.plain = ""
        self.top: Sequence[TokenLogit] = ()
        self.answers: Sequence[TokenLogit] = ()
        self.correct: frozenset[str] = frozenset()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Top tokens")
        self.hide()

    def open(
        self,
        at: QPoint,
        title: str,
        top: Sequence[TokenLogit],
        answers: Sequence[TokenLogit] = (),
        correct: frozenset[str] = frozenset(),
        plain: str = "",
    ) -> None:
        """Show tokens beside a point of the parent; ``plain`` names numbers that are no logits of a
        whole run, and so no one's probabilities.
        """
        self.plain = plain
        self.title, self.top, self.answers, self.correct = title, top, answers[: len(top)], correct
        self.setAccessibleDescription(f"{title}: " + ", ".join(t.token for t in top))
        size = QSize(EDGE * 2 + COLUMN * (2 if self.answers else 1), EDGE * 2 + ROW * (len(top) + 2) + 4)
        self.resize(size)
        room = self.page.size()
        x = at.x() + 14 if at.x() + 14 + size.width() < room.width() else at.x() - 14 - size.width()
        y = min(at.y() - size.height() // 2, room.height() - size.height() - 4)
        self.move(max(4, x), max(4, y))
        self.show()
        self.raise_()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A card with two lists."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self.theme.line), 1))
        painter.setBrush(QColor(self.theme.raised))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        painter.setFont(font(12, bold=True))
        painter.setPen(QColor(self.theme.text))
        painter.drawText(QRectF(EDGE, EDGE - 3, self.width() - 2 * EDGE, ROW), LEFT, self.title)
        heads = ("token", self.plain or "logit", "" if self.plain else "prob.")
        self._list(painter, EDGE, heads, self.top, False)
        if self.answers:
            self._list(painter, EDGE + COLUMN + 10, ("answer", "logit", "rank"), self.answers, True)
        painter.end()

    def _list(
        self, painter: QPainter, x: float, heads: tuple[str, ...], tokens: Sequence[TokenLogit], ranks: bool
    ) -> None:
        y = EDGE + ROW + 4.0
        painter.setFont(font(11))
        painter.setPen(QColor(self.theme.muted))
        self._row(painter, x, y, heads)
        for token in tokens:
            y += ROW
            if not ranks and not self.plain:
                bar = QColor(self.theme.positive)
                bar.setAlphaF(0.22)
                painter.fillRect(QRectF(x - 3, y + 1.5, (COLUMN - 14) * token.probability, ROW - 3), bar)
            mine = token.token in self.correct
            painter.setFont(font(11, bold=mine))
            painter.setPen(QColor(self.theme.text))
            last = f"{token.rank + 1:,}" if ranks else "" if self.plain else f"{token.probability:.3f}"
            mark = " ✓" if mine else ""
            self._row(painter, x, y, (shown(token.token) + mark, f"{token.logit:+.2f}", last))

    def _row(self, painter: QPainter, x: float, y: float, texts: tuple[str, ...]) -> None:
        painter.drawText(QRectF(x, y, 92, ROW), LEFT, texts[0])
        painter.drawText(QRectF(x + 86, y, 48, ROW), RIGHT, texts[1])
        painter.drawText(QRectF(x + 134, y, 46, ROW), RIGHT, texts[2])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click closes it."""
        self.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
