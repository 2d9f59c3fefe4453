"""Card over a heat map: the top tokens of a cell, and the ranks of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from circuitviz.number_text import decimal_number, signed_number
from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.panels.widgets.fields import LEFT_ALIGNED, RIGHT_ALIGNED
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.panels.widgets.token_texts import ranked_token

if TYPE_CHECKING:
    from circuitviz.lens import TokenLogit

CARD_ROW_PX, CARD_PADDING_PX, LIST_WIDTH_PX = 17, 12, 196


class TokenCard(ThemedWidget):
    """Top tokens at the left, answers at the right; a click or Escape closes it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.host = parent
        self.title = self.value_name = ""
        self.top_tokens: Sequence[TokenLogit] = ()
        self.answers: Sequence[TokenLogit] = ()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Top tokens")
        self.hide()

    def open_at(
        self,
        position: QPoint,
        title: str,
        top_tokens: Sequence[TokenLogit],
        answers: Sequence[TokenLogit] = (),
        value_name: str = "",
    ) -> None:
        """Show tokens beside a point of the parent.

        ``value_name`` names numbers that are not logits of a whole run, which have no probabilities.
        """
        self.value_name = value_name
        self.title = title
        self.top_tokens = top_tokens
        self.answers = answers[: len(top_tokens)]
        self.setAccessibleDescription(f"{title}: " + ", ".join(t.token for t in top_tokens))
        size = QSize(
            CARD_PADDING_PX * 2 + LIST_WIDTH_PX * (2 if self.answers else 1),
            CARD_PADDING_PX * 2 + CARD_ROW_PX * (len(top_tokens) + 2) + 4,
        )
        self.resize(size)
        room = self.host.size()
        x = (
            position.x() + 14
            if position.x() + 14 + size.width() < room.width()
            else position.x() - 14 - size.width()
        )
        y = min(position.y() - size.height() // 2, room.height() - size.height() - 4)
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
        painter.setFont(canvas_font(12, bold=True))
        painter.setPen(QColor(self.theme.text))
        painter.drawText(
            QRectF(CARD_PADDING_PX, CARD_PADDING_PX - 3, self.width() - 2 * CARD_PADDING_PX, CARD_ROW_PX),
            LEFT_ALIGNED,
            self.title,
        )
        heads = ("token", self.value_name or "logit", "" if self.value_name else "prob.")
        self._paint_list(painter, CARD_PADDING_PX, heads, self.top_tokens, False)
        if self.answers:
            self._paint_list(
                painter, CARD_PADDING_PX + LIST_WIDTH_PX + 10, ("answer", "logit", "rank"), self.answers, True
            )
        painter.end()

    def _paint_list(
        self,
        painter: QPainter,
        x: float,
        headers: tuple[str, ...],
        tokens: Sequence[TokenLogit],
        shows_ranks: bool,
    ) -> None:
        y = CARD_PADDING_PX + CARD_ROW_PX + 4.0
        painter.setFont(canvas_font(11))
        painter.setPen(QColor(self.theme.muted))
        self._paint_row(painter, x, y, headers)
        for token in tokens:
            y += CARD_ROW_PX
            if not shows_ranks and not self.value_name:
                bar = QColor(self.theme.positive)
                bar.setAlphaF(0.22)
                painter.fillRect(
                    QRectF(x - 3, y + 1.5, (LIST_WIDTH_PX - 14) * token.probability, CARD_ROW_PX - 3), bar
                )
            painter.setFont(canvas_font(11, bold=token.answer == "correct"))
            painter.setPen(QColor(self.theme.text))
            last = (
                f"{token.rank + 1:,}"
                if shows_ranks
                else ""
                if self.value_name
                else decimal_number(token.probability, 3)
            )
            name = ranked_token(token)
            self._paint_row(painter, x, y, (name, signed_number(token.logit, 2), last))

    def _paint_row(self, painter: QPainter, x: float, y: float, texts: tuple[str, ...]) -> None:
        painter.drawText(QRectF(x, y, 92, CARD_ROW_PX), LEFT_ALIGNED, texts[0])
        painter.drawText(QRectF(x + 86, y, 48, CARD_ROW_PX), RIGHT_ALIGNED, texts[1])
        painter.drawText(QRectF(x + 134, y, 46, CARD_ROW_PX), RIGHT_ALIGNED, texts[2])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click closes it."""
        self.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
