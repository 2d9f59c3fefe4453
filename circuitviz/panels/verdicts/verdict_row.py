"""One verdict of the card: its state as a symbol and a word, its number, and its sentence."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QWidget

from circuitviz.document.verdict_card import FAILS, HOLDS, STATE_SYMBOLS, UNDECIDED, CircuitVerdict
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.font_scaling import fix_scaled_width
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.themed_widget import ThemedWidget
from circuitviz.scene.theme import Theme

STATE_COLOURS = {HOLDS: "positive", FAILS: "negative", UNDECIDED: "text"}  # fields of the theme
STATE_WIDTH_PX, NAME_WIDTH_PX, MIN_SENTENCE_WIDTH_PX = 118, 172, 220


class VerdictRow(ThemedWidget):
    """The state, the title with its number below, and the sentence beside them; below, where it is narrow."""

    def __init__(self) -> None:
        super().__init__()
        self.state_label = QLabel("", objectName="heading")
        self.title_label = QLabel("", objectName="heading")
        self.number_label = QLabel("")
        self.sentence_label = QLabel("", objectName="muted", wordWrap=True)
        self._state = ""
        names = QWidget()
        lay_out_column(self.title_label, self.number_label, 1, parent=names, spacing=1, margins=(0, 0, 0, 0))
        state = QWidget()
        lay_out_column(self.state_label, 1, parent=state, margins=(0, 0, 0, 0))
        fix_scaled_width(state, STATE_WIDTH_PX)
        fix_scaled_width(names, NAME_WIDTH_PX)
        head, texts = QWidget(), QWidget()
        lay_out_row(state, names, 1, parent=head, spacing=8)
        lay_out_column(self.sentence_label, 1, parent=texts)
        row = FoldingRow(
            head, texts, second_px=MIN_SENTENCE_WIDTH_PX, stretches=(0, 1), margins=(12, 4, 12, 4)
        )
        lay_out_column(row, parent=self)

    def show_verdict(self, verdict: CircuitVerdict) -> None:
        """Show a verdict."""
        self._state = verdict.state
        self.state_label.setText(f"{STATE_SYMBOLS[verdict.state]} {verdict.state}")
        self.title_label.setText(verdict.title)
        self.number_label.setText(verdict.number)
        self.number_label.setVisible(bool(verdict.number))
        self.sentence_label.setText(verdict.sentence)
        self.setAccessibleName(f"{verdict.title}: {verdict.state} {verdict.number}".strip())
        self._colour_state()

    def set_theme(self, theme: Theme) -> None:
        """Use the theme's colour for the state."""
        super().set_theme(theme)
        self._colour_state()

    def _colour_state(self) -> None:
        colour = getattr(self.theme, STATE_COLOURS.get(self._state, "muted"))
        self.state_label.setStyleSheet(f"color: {colour};")
