"""Two prompts as chips, position below position: what differs and where lengths part can be seen."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip

from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.scene.theme import blend_hex
from circuitviz.workbench.prompt_inspection import RowInspection, visible_spaces

CHIP_PADDING_PX, CHIP_GAP_PX, LINE_GAP_PX = 5.0, 3.0, 9.0
SIDE_NAMES = ("clean", "corrupted")


class AlignedTokens(ThemedWidget):
    """The tokens of the clean prompt above those of the corrupted one, in lines that wrap."""

    def __init__(self) -> None:
        super().__init__()
        self.inspection: RowInspection | None = None
        self.setAccessibleName("Tokens of the pair")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_inspection(self, inspection: RowInspection | None) -> None:
        """Show the tokens of another row, or none."""
        self.inspection = inspection
        if inspection is not None:
            changed = [
                "/".join(visible_spaces(text) or "∅" for text in self._column_texts(column))
                for column in sorted(inspection.changed)
            ]
            self.setAccessibleDescription(
                f"clean: {len(inspection.clean_tokens)} tokens, corrupted: "
                f"{len(inspection.corrupted_tokens)} tokens; differing: {', '.join(changed) or 'none'}"
            )
        self._fit_height()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many lines as the tokens need at this width."""
        self._fit_height()

    def changeEvent(self, event: QEvent) -> None:
        """As high as another font needs."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._fit_height()

    def _fit_height(self) -> None:
        rects = self._column_rects(self.width())
        self.setFixedHeight(round(rects[-1].bottom() + 2 if rects else self._line_height_px))

    def column_center(self, column: int) -> QPointF:
        """The middle of a column, in pixels."""
        return self._column_rects(self.width())[column].center()

    @property
    def _chip_height_px(self) -> float:
        return self.fontMetrics().height() + 6.0

    @property
    def _line_height_px(self) -> float:
        return 2 * self._chip_height_px + CHIP_GAP_PX

    @property
    def _gutter_px(self) -> float:
        return self.fontMetrics().horizontalAdvance("corrupted 000") + 8.0

    def _column_texts(self, column: int) -> tuple[str, str]:
        """The tokens of a column; an empty text for a gap."""
        one = self.inspection
        assert one is not None
        a, b = one.columns[column]
        return "" if a is None else one.clean_tokens[a], "" if b is None else one.corrupted_tokens[b]

    def _column_rects(self, width: float) -> list[QRectF]:
        """The rectangles of the columns, each over both rows of chips."""
        if self.inspection is None:
            return []
        metrics = QFontMetricsF(self.font())
        x, y, rects = self._gutter_px, 1.0, []
        for column in range(len(self.inspection.columns)):
            texts = [visible_spaces(text) for text in self._column_texts(column)]
            chip_px = max(metrics.horizontalAdvance(text) for text in texts) + 2 * CHIP_PADDING_PX
            if x + chip_px > width and x > self._gutter_px:
                x, y = self._gutter_px, y + self._line_height_px + LINE_GAP_PX
            rects.append(QRectF(x, y, chip_px, self._line_height_px))
            x += chip_px + CHIP_GAP_PX
        return rects

    def event(self, event: QEvent) -> bool:
        """Tell the position of the token under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tool_tip(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def _tool_tip(self, place: QPointF) -> str:
        one = self.inspection
        rects = self._column_rects(self.width())
        column = next((i for i, rect in enumerate(rects) if rect.contains(place)), -1)
        if one is None or column < 0:
            return ""
        lines = [
            f"{side}: '{text}' at position {position}" if position is not None else f"{side}: no token"
            for side, text, position in zip(
                SIDE_NAMES, self._column_texts(column), one.columns[column], strict=True
            )
        ]
        return "\n".join(lines)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Chips; what differs is tinted and framed, a gap is dashed."""
        one = self.inspection
        if one is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rects = self._column_rects(self.width())
        counts = len(one.clean_tokens), len(one.corrupted_tokens)
        starts = [0.0, *(b.top() for a, b in pairwise(rects) if b.top() > a.top())]
        for number, top in enumerate(starts):
            self._paint_gutter(painter, max(top, 1.0), counts if number == 0 else None)
        for column, rect in enumerate(rects):
            is_changed = column in one.changed
            for side, text in enumerate(self._column_texts(column)):
                position = one.columns[column][side]
                top = rect.top() + side * (self._chip_height_px + CHIP_GAP_PX)
                chip = QRectF(rect.left(), top, rect.width(), self._chip_height_px).adjusted(
                    0.5, 0.5, -0.5, -0.5
                )
                self._paint_chip(painter, chip, None if position is None else text, side, is_changed)
        painter.end()

    def _paint_gutter(self, painter: QPainter, top: float, counts: tuple[int, int] | None) -> None:
        """The names of the rows, with their numbers of tokens beside the first line."""
        are_unequal = counts is not None and counts[0] != counts[1]
        for side, name in enumerate(SIDE_NAMES):
            rect = QRectF(
                0,
                top + side * (self._chip_height_px + CHIP_GAP_PX),
                self._gutter_px - 6,
                self._chip_height_px,
            )
            painter.setPen(QColor(self.theme.warning if are_unequal else self.theme.muted))
            text = name if counts is None else f"{name} {counts[side]}"
            painter.drawText(rect, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_chip(
        self, painter: QPainter, chip: QRectF, text: str | None, side: int, is_changed: bool
    ) -> None:
        theme = self.theme
        colour = theme.negative if side else theme.positive
        if text is None:
            painter.setPen(QPen(QColor(theme.muted), 1, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(chip, 4, 4)
            return
        painter.setPen(QPen(QColor(colour if is_changed else theme.line), 1.6 if is_changed else 1))
        painter.setBrush(QColor(blend_hex(colour, theme.panel, 0.16) if is_changed else theme.window))
        painter.drawRoundedRect(chip, 4, 4)
        painter.setPen(QColor(theme.text))
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, visible_spaces(text))
