"""The pair in front as the model sees it: tokens, what is wrong, probabilities and ranks of the answers."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView, QLabel, QPushButton, QSizePolicy, QWidget

from circuitviz.number_text import decimal_number, rounded_number
from circuitviz.panels.prompt_editor.aligned_tokens import AlignedTokens
from circuitviz.panels.prompt_editor.row_spans import find_spans
from circuitviz.panels.prompt_editor.span_bar import SpanBar
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.tables import TextTable
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.prompt_inspection import PromptReading, RowInspection, visible_spaces

ANSWER_TITLES = ("Answer", "", "Clean", "Rank", "Corrupted", "Rank")
CORRECT, INCORRECT = "✓", "✗"
MAX_ANSWER_ROWS = 40


class RowDetails(ThemedWidget):
    """Shows one inspection.

    Signals: ``fix_requested()``: put each suggested answer in place; ``span_named(TokenRange, name,
    is_for_all)``, with an empty name where the span is to be removed.
    """

    fix_requested = Signal()
    span_named = Signal(object, str, bool)

    def __init__(self) -> None:
        super().__init__()
        self.aligned_tokens = AlignedTokens()
        self.span_bar = SpanBar()
        self._row: PromptRow | None = None
        self._span_names: tuple[str, ...] = ()
        self.problem_label = QLabel(
            "", objectName="warning", wordWrap=True, accessibleName="Problem of the pair"
        )
        self.note_label = QLabel("", objectName="muted", wordWrap=True)
        self.likeliest_label = QLabel(
            "", objectName="muted", wordWrap=True, accessibleName="Likeliest tokens"
        )
        self.fix_button = QPushButton("", objectName="link")
        self.answer_table = TextTable(
            ANSWER_TITLES, "Probabilities of the answers", n_left_columns=2, is_single=True
        )
        header = self.answer_table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.answer_table.setFrameShape(TextTable.Shape.NoFrame)
        self.answer_table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.answer_table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.fix_button.clicked.connect(self.fix_requested)
        tokens, bar = self.aligned_tokens, self.span_bar
        tokens.selection_changed.connect(self._show_selection)
        tokens.name_typed.connect(bar.begin_name)
        tokens.removal_requested.connect(lambda: self._name_span("", bar.is_for_all))
        bar.named.connect(self._name_span)
        bar.removed.connect(lambda is_for_all: self._name_span("", is_for_all))
        bar.left.connect(tokens.setFocus)
        messages = QWidget()
        lay_out_column(
            self.problem_label, self.note_label, lay_out_row(self.fix_button, 1), parent=messages, spacing=2
        )
        lay_out_column(
            self.span_bar,
            self.aligned_tokens,
            messages,
            self.answer_table,
            self.likeliest_label,
            1,
            parent=self,
            spacing=6,
            margins=(10, 8, 10, 8),
        )
        self.show_inspection(None, None)

    def show_inspection(
        self, row: PromptRow | None, inspection: RowInspection | None, span_names: Sequence[str] = ()
    ) -> None:
        """Show a row; without an inspection, or with the one of a row before, what is known of it.

        Args:
            row: The row.
            inspection: What the model makes of it.
            span_names: Names that spans of any row have.
        """
        self._row, self._span_names = row, tuple(span_names)
        self.aligned_tokens.show_inspection(inspection, () if row is None else row.spans)
        for part in (self.aligned_tokens, self.span_bar):
            part.setVisible(inspection is not None and bool(inspection.columns))
        self._show_selection()
        problem, note = ("", "") if inspection is None else (inspection.problem, inspection.note)
        for label, text in ((self.problem_label, problem), (self.note_label, note)):
            label.setText(text)
            label.setVisible(bool(text))
        suggested = None if inspection is None else inspection.with_suggestions()
        self.fix_button.setVisible(inspection is not None and suggested != inspection.row)
        if suggested is not None:
            texts = (
                [visible_spaces(a.suggestion) for a in inspection.answers if a.suggestion]
                if inspection
                else []
            )
            self.fix_button.setText(f"Use {', '.join(f'‘{text}’' for text in texts)}")
        self._show_answers(inspection)
        self._show_likeliest(inspection)

    def _show_selection(self) -> None:
        """Say what name the selected tokens have."""
        tokens, inspection, row = (
            self.aligned_tokens.selected_tokens,
            self.aligned_tokens.inspection,
            self._row,
        )
        spans = (
            [] if tokens is None or inspection is None or row is None else find_spans(row, inspection, tokens)
        )
        self.span_bar.show_selection(spans[0][0] if spans else "", tokens is not None, self._span_names)

    def _name_span(self, name: str, is_for_all: bool) -> None:
        if (tokens := self.aligned_tokens.selected_tokens) is not None:
            self.aligned_tokens.setFocus()
            self.span_named.emit(tokens, name, is_for_all)

    def _show_likeliest(self, inspection: RowInspection | None) -> None:
        """Say what the model goes on with after each prompt."""
        sides = () if inspection is None else (inspection.on_clean, inspection.on_corrupted)
        names = ("clean", "corrupted")
        texts = [f"{name}: {_top_text(side)}" for name, side in zip(names, sides, strict=False) if side]
        self.likeliest_label.setText("The model goes on with … " + "; ".join(texts))
        self.likeliest_label.setVisible(bool(texts))

    def _show_answers(self, inspection: RowInspection | None) -> None:
        rows: list[tuple[str, ...]] = []
        if inspection is not None:
            sides = inspection.on_clean, inspection.on_corrupted
            for i, answer in enumerate(inspection.answers[:MAX_ANSWER_ROWS]):
                kind = CORRECT if answer.is_correct else INCORRECT
                cells = [cell for side in sides for cell in _value_cells(side, i)]
                rows.append((visible_spaces(answer.text), answer.problem or kind, *cells))
        self.answer_table.show_rows(rows)
        for number, row in enumerate(rows):
            if (item := self.answer_table.item(number, 1)) is not None:
                item.setToolTip(
                    {CORRECT: "a correct answer", INCORRECT: "an incorrect answer"}.get(row[1], row[1])
                )
        for number in range(len(rows)):
            is_problem = rows[number][1] not in (CORRECT, INCORRECT)
            colour = self.theme.warning if is_problem else self.theme.muted
            self.answer_table.set_cell_colour(number, 1, QColor(colour))
        self.answer_table.setVisible(bool(rows))
        self.answer_table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        height = self.answer_table.horizontalHeader().sizeHint().height()
        height += sum(self.answer_table.rowHeight(i) for i in range(len(rows)))
        self.answer_table.setFixedHeight(height + 4)


def _value_cells(side: PromptReading | None, answer: int) -> tuple[str, str]:
    """Probability and rank of an answer after one prompt."""
    value = None if side is None else side.answers[answer]
    return ("", "") if value is None else (format_probability(value.probability), f"{value.rank + 1:,}")


def _top_text(side: PromptReading | None) -> str:
    """The likeliest tokens after one prompt."""
    if side is None:
        return ""
    return ", ".join(f"{visible_spaces(t.token)} {format_probability(t.probability)}" for t in side.top[:4])


def format_probability(value: float) -> str:
    """A probability with as many digits as tell small ones apart.

    >>> format_probability(0.8646), format_probability(0.00031), format_probability(2e-9)
    ('0.865', '0.0003', '2e-09')
    """
    if value >= 0.001:
        return decimal_number(value, 3)
    return decimal_number(value, 4) if value >= 0.00005 else rounded_number(value, 1)
