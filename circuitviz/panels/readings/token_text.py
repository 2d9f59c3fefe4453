"""A prompt as running text: pointing at a token shades the others by its attention to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip

from circuitviz.number_text import decimal_number
from circuitviz.paint.circuit_painter import canvas_font
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.panels.widgets.token_texts import visible_token
from circuitviz.shapes.heat_grid import diverging_colours, text_colour_on

LINE_HEIGHT_PX, TOKEN_PADDING_PX = 23.0, 5.0


class TokenText(ThemedWidget):
    """Tokens as chips that wrap. ``token_hovered`` and ``token_chosen`` carry an index; −1: none."""

    token_hovered = Signal(int)
    token_chosen = Signal(int)
    escape_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.tokens: Sequence[str] = ()
        self.weights: Sequence[float] = ()
        self.scale_limit = 1.0
        self.query = -1
        self.is_locked = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Tokens of the prompt")
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_row(
        self, tokens: Sequence[str], weights: Sequence[float], query: int, scale_limit: float, is_locked: bool
    ) -> None:
        """Shade tokens by the attention weights of the query token."""
        if list(tokens) != list(self.tokens):
            self.updateGeometry()
        self.tokens, self.weights, self.query = tokens, weights, query
        self.scale_limit, self.is_locked = scale_limit, is_locked
        strongest = sorted(zip(tokens, weights, strict=True), key=lambda pair: -pair[1])[:3]
        self.setAccessibleDescription(
            ", ".join(f"{visible_token(token)} {decimal_number(weight, 2)}" for token, weight in strongest)
        )
        self.update()

    def heightForWidth(self, width: int) -> int:
        """As many lines as the tokens need."""
        boxes = self._token_rects(width)
        return round(boxes[-1].bottom() + 3) if boxes else round(LINE_HEIGHT_PX)

    def sizeHint(self) -> QSize:
        """A few lines."""
        return QSize(300, self.heightForWidth(max(200, self.width())))

    def token_center(self, token: int) -> QPointF:
        """The middle of a token, in pixels."""
        return self._token_rects(self.width())[token].center()

    def _token_rects(self, width: float) -> list[QRectF]:
        metrics = QFontMetricsF(canvas_font(12))
        x, y, rects = 1.0, 1.0, []
        for token in self.tokens:
            width_px = metrics.horizontalAdvance(visible_token(token)) + 2 * TOKEN_PADDING_PX
            if x + width_px > width and x > 1:
                x, y = 1.0, y + LINE_HEIGHT_PX + 2
            rects.append(QRectF(x, y, width_px, LINE_HEIGHT_PX - 2))
            x += width_px + 2
        return rects

    def token_at(self, place: QPointF) -> int:
        """The token at a place, or −1."""
        boxes = self._token_rects(self.width())
        return next((i for i, box in enumerate(boxes) if box.contains(place)), -1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer; while a token is held, describe its attention weight."""
        token = self.token_at(event.position())
        self.setCursor(Qt.CursorShape.ArrowCursor if token < 0 else Qt.CursorShape.PointingHandCursor)
        if token >= 0:
            self.token_hovered.emit(token)
            if self.is_locked and token <= self.query:
                pair = f"{visible_token(self.tokens[self.query])} → {visible_token(self.tokens[token])}"
                text = f"{pair}: {decimal_number(self.weights[token], 3)}"
                QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def leaveEvent(self, event: QEvent) -> None:
        """Clear the hovered token."""
        self.token_hovered.emit(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Hold a token, or release it."""
        token = self.token_at(event.position())
        if token >= 0:
            self.token_chosen.emit(token)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows move along the prompt, Enter holds a token, Escape releases it."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is not None:
            token = min(max(self.query + step, 0), len(self.tokens) - 1)
            (self.token_chosen if self.is_locked else self.token_hovered).emit(token)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.token_chosen.emit(self.query)
        elif event.key() == Qt.Key.Key_Escape:
            self.escape_pressed.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the chips; the query token is framed, thickly while it is held."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(canvas_font(12))
        shades = diverging_colours(
            np.asarray(self.weights, dtype=float) / (self.scale_limit or 1.0), self.theme
        )
        for i, (token, box) in enumerate(zip(self.tokens, self._token_rects(self.width()), strict=True)):
            colour = shades[i].tolist()
            is_attended = i <= self.query
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(*colour) if is_attended else QColor(self.theme.panel))
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(QColor(text_colour_on(colour)) if is_attended else QColor(self.theme.muted))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, visible_token(token))
            if i == self.query:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                colour_name = self.theme.accent if self.is_locked or self.hasFocus() else self.theme.text
                painter.setPen(QPen(QColor(colour_name), 2.2 if self.is_locked else 1.3))
                painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        painter.end()
