"""Two prompts as chips, position below position: what differs, where lengths part, and named spans.

Tokens are selected with the mouse (drag, or Shift and a click) or with the arrow keys and Shift; a click on
the name of a span selects its tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip

from circuitviz.graph.spans import END_SPAN
from circuitviz.panels.prompt_editor.row_spans import TokenRange, span_tokens
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.scene.theme import blend_hex
from circuitviz.tasks.spans import CharacterSpan
from circuitviz.workbench.prompt_inspection import RowInspection, visible_spaces

CHIP_PADDING_PX, CHIP_GAP_PX, LINE_GAP_PX = 5.0, 3.0, 9.0
SIDE_NAMES = ("clean", "corrupted")
KEYS = Qt.Key
STEPS = {KEYS.Key_Left: -1, KEYS.Key_Right: 1, KEYS.Key_Home: -(10**6), KEYS.Key_End: 10**6}


class AlignedTokens(ThemedWidget):
    """The tokens of the clean prompt above those of the corrupted one, in lines that wrap.

    Signals: ``selection_changed()``; ``name_typed(letters)``: a letter or Enter was pressed on selected
    tokens; ``removal_requested()``: Del was.
    """

    selection_changed = Signal()
    name_typed = Signal(str)
    removal_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.inspection: RowInspection | None = None
        self._span_columns: tuple[tuple[str, range], ...] = ()
        self._anchor = self._cursor = -1  # columns between which the selection is
        self.setAccessibleName("Tokens of the pair")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def selected_columns(self) -> range:
        """The columns that are selected."""
        if self._cursor < 0:
            return range(0)
        return range(min(self._anchor, self._cursor), max(self._anchor, self._cursor) + 1)

    @property
    def selected_tokens(self) -> TokenRange | None:
        """The selected tokens of the clean prompt; None where there is none."""
        one = self.inspection
        places = [one.columns[column][0] for column in self.selected_columns] if one is not None else []
        tokens = [place for place in places if place is not None]
        return TokenRange(tokens[0], tokens[-1] + 1) if tokens else None

    def select_columns(self, anchor: int, cursor: int) -> None:
        """Select the columns between two, both inclusive; −1 for none."""
        if (anchor, cursor) != (self._anchor, self._cursor):
            self._anchor, self._cursor = anchor, cursor
            self.update()
            self.selection_changed.emit()

    def show_inspection(self, inspection: RowInspection | None, spans: Sequence[CharacterSpan] = ()) -> None:
        """Show the tokens of another row with its spans, or none."""
        if inspection is None or self.inspection is None or inspection.row != self.inspection.row:
            self.select_columns(-1, -1)
        self.inspection = inspection
        self._span_columns = _find_span_columns(inspection, spans)
        if inspection is not None:
            changed = [
                "/".join(visible_spaces(text) or "∅" for text in self._column_texts(column))
                for column in sorted(inspection.changed)
            ]
            self.setAccessibleDescription(
                f"clean: {len(inspection.clean_tokens)} tokens, corrupted: "
                f"{len(inspection.corrupted_tokens)} tokens; differing: {', '.join(changed) or 'none'}; "
                f"spans: {', '.join(name for name, _ in self._span_columns) or 'none'}"
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
    def _name_height_px(self) -> float:
        return self.fontMetrics().height() + 3.0

    @property
    def _line_height_px(self) -> float:
        return self._name_height_px + 2 * self._chip_height_px + CHIP_GAP_PX

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
        """The rectangles of the columns, each over the names of spans and both rows of chips."""
        if self.inspection is None:
            return []
        metrics = QFontMetricsF(self.font())
        named_px = {  # of the one column of a span
            columns[0]: metrics.horizontalAdvance(name) + CHIP_PADDING_PX
            for name, columns in self._span_columns
            if len(columns) == 1
        }
        x, y, rects = self._gutter_px, 1.0, []
        for column in range(len(self.inspection.columns)):
            texts = [visible_spaces(text) for text in self._column_texts(column)]
            text_px = max(metrics.horizontalAdvance(text) for text in texts) + 2 * CHIP_PADDING_PX
            chip_px = max(text_px, named_px.get(column, 0.0))
            if x + chip_px > width and x > self._gutter_px:
                x, y = self._gutter_px, y + self._line_height_px + LINE_GAP_PX
            rects.append(QRectF(x, y, chip_px, self._line_height_px))
            x += chip_px + CHIP_GAP_PX
        return rects

    def _column_at(self, place: QPointF) -> int:
        """The column at a place, −1 where there is none; the last before it where a line has ended."""
        rects = self._column_rects(self.width())
        below = [i for i, rect in enumerate(rects) if rect.top() <= place.y() <= rect.bottom() + LINE_GAP_PX]
        reached = [i for i in below if rects[i].left() <= place.x()]
        return reached[-1] if reached else (below[0] if below else -1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a selection, or with Shift go on with it; on the name of a span select its tokens."""
        place = event.position()
        column = self._column_at(place)
        if event.button() is not Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
        elif column < 0 or place.x() < self._gutter_px:
            self.select_columns(-1, -1)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier and self._cursor >= 0:
            self.select_columns(self._anchor, column)
        else:
            top = self._column_rects(self.width())[column].top()
            is_on_name = place.y() < top + self._name_height_px
            columns = next(
                (c for _, c in self._span_columns if is_on_name and column in c), range(column, column + 1)
            )
            self.select_columns(columns[0], columns[-1])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Select up to the token under the pointer."""
        column = self._column_at(event.position())
        if event.buttons() & Qt.MouseButton.LeftButton and self._cursor >= 0 and column >= 0:
            self.select_columns(self._anchor, column)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move, extend and end the selection; letters and Enter begin its name, Del removes that."""
        n_columns = 0 if self.inspection is None else len(self.inspection.columns)
        key, is_extending = KEYS(event.key()), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in STEPS and n_columns:
            start = self._cursor if self._cursor >= 0 else -1 if STEPS[key] > 0 else n_columns
            cursor = max(0, min(n_columns - 1, start + STEPS[key]))
            self.select_columns(self._anchor if is_extending and self._cursor >= 0 else cursor, cursor)
        elif not self._takes_key(event):
            super().keyPressEvent(event)
        elif key == KEYS.Key_Escape:
            self.select_columns(-1, -1)
        elif key in (KEYS.Key_Delete, KEYS.Key_Backspace):
            self.removal_requested.emit()
        else:
            self.name_typed.emit("" if key in (KEYS.Key_Return, KEYS.Key_Enter) else event.text())

    def _takes_key(self, event: QKeyEvent) -> bool:
        """Whether a key is meant for the selected tokens, and not for a shortcut of the window."""
        keys = (*STEPS, KEYS.Key_Escape, KEYS.Key_Delete, KEYS.Key_Backspace, KEYS.Key_Return, KEYS.Key_Enter)
        held = event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        is_letter = bool(event.text().strip()) and event.text().isprintable()
        has_selection = bool(self.selected_columns)
        return not held and (is_letter or event.key() in keys) and (has_selection or event.key() in STEPS)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show that the keys are here."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that the keys are elsewhere."""
        super().focusOutEvent(event)
        self.update()

    def event(self, event: QEvent) -> bool:
        """Tell the position of the token under the pointer; keep keys of the selection from shortcuts."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if self._takes_key(event):
                event.accept()
            return True
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
        names = [name for name, columns in self._span_columns if column in columns]
        return "\n".join([*lines, *(f"span {name}" for name in names)])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Chips below names of spans; what differs is tinted and framed, a gap is dashed."""
        one = self.inspection
        if one is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rects = self._column_rects(self.width())
        counts = len(one.clean_tokens), len(one.corrupted_tokens)
        starts = [0.0, *(b.top() for a, b in pairwise(rects) if b.top() > a.top())]
        for number, top in enumerate(starts):
            self._paint_gutter(painter, max(top, 1.0) + self._name_height_px, counts if number == 0 else None)
        for name, columns in self._span_columns:
            self._paint_span(painter, name, [rects[column] for column in columns])
        for column, rect in enumerate(rects):
            is_changed = column in one.changed
            for side, text in enumerate(self._column_texts(column)):
                position = one.columns[column][side]
                top = rect.top() + self._name_height_px + side * (self._chip_height_px + CHIP_GAP_PX)
                chip = QRectF(rect.left(), top, rect.width(), self._chip_height_px).adjusted(
                    0.5, 0.5, -0.5, -0.5
                )
                self._paint_chip(painter, chip, None if position is None else text, side, is_changed)
                if side == 0 and column in self.selected_columns:
                    self._paint_selection(painter, chip)
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

    def _paint_span(self, painter: QPainter, name: str, rects: Sequence[QRectF]) -> None:
        """A line over the tokens of a span, in each line of tokens, with its name over the first ones."""
        theme = self.theme
        colour = QColor(theme.muted if name == END_SPAN else theme.accent)
        lines = [
            [rect for rect in rects if rect.top() == top] for top in dict.fromkeys(r.top() for r in rects)
        ]
        for number, parts in enumerate(lines):
            left, right, top = parts[0].left(), parts[-1].right(), parts[0].top()
            bottom = top + self._name_height_px - 2.5
            painter.setPen(QPen(colour, 1.6))
            painter.drawLine(QPointF(left + 1, bottom), QPointF(right - 1, bottom))
            if number == 0:
                text = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, round(right - left))
                box = QRectF(left, top, right - left, self._name_height_px - 3)
                painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, text)

    def _paint_selection(self, painter: QPainter, chip: QRectF) -> None:
        """A frame around a selected token, and a tint while the keys are here."""
        colour = QColor(self.theme.accent)
        painter.setPen(QPen(colour, 2))
        colour.setAlpha(60 if self.hasFocus() else 30)
        painter.setBrush(colour)
        painter.drawRoundedRect(chip, 4, 4)


def _find_span_columns(
    inspection: RowInspection | None, spans: Sequence[CharacterSpan]
) -> tuple[tuple[str, range], ...]:
    """The spans with their columns, and the answer position's."""
    if inspection is None or not inspection.columns:
        return ()
    column_of = {clean: column for column, (clean, _) in enumerate(inspection.columns) if clean is not None}
    last = len(inspection.clean_tokens) - 1
    found = []
    for span in spans:
        tokens = span_tokens(span, inspection)
        if tokens is not None and tokens.first < last:
            found.append((span[0], range(column_of[tokens.first], column_of[min(tokens.end, last) - 1] + 1)))
    if last in column_of:
        found.append((END_SPAN, range(column_of[last], column_of[last] + 1)))
    return tuple(found)
