"""The line below the tokens of a pair: names the tokens that are selected, here or in all pairs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QLabel, QToolButton, QWidget

from circuitviz.panels.widgets.fields import choice_box, let_shrink
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row

USUAL_NAMES = ("IO", "S1", "S1+1", "S2")
THIS_PAIR, ALL_PAIRS = "in this pair", "in all pairs"
HINT = "Select tokens with the mouse or with Shift and the arrow keys to name them as a span."


class SpanBar(QWidget):
    """A name and where it is to hold.

    Signals: ``named(name, is_for_all)``; ``removed(is_for_all)``; ``left()``: back to the tokens.
    """

    named = Signal(str, bool)
    removed = Signal(bool)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.name_box = _NameBox(editable=True, accessibleName="Name of the span")
        self.name_box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.name_box.setCompleter(None)  # type: ignore[arg-type] # else S1 would become S1+1
        self.scope_box = choice_box("Where the span is named", ALL_PAIRS, THIS_PAIR)
        self.scope_box.setToolTip("in all pairs: the same span, or the tokens between the same words")
        self.name_button = QToolButton(text="Name", toolTip="name the selected tokens (Enter)")
        self.remove_button = QToolButton(text="Remove", toolTip="remove the name (Del)")
        self.hint_label = QLabel(HINT, objectName="muted", wordWrap=True, accessibleName="About spans")
        self.row = QWidget()
        let_shrink(self.name_box, self.scope_box, n_letters=6)
        lay_out_row(
            QLabel("Span"), (self.name_box, 1), (self.scope_box, 1), self.name_button, self.remove_button,
            parent=self.row, spacing=4,
        )  # fmt: skip
        lay_out_column(self.row, self.hint_label, parent=self, spacing=2)
        self.name_button.clicked.connect(self._name)
        self.remove_button.clicked.connect(lambda: self.removed.emit(self.is_for_all))
        self.name_box.entered.connect(self._name)
        self.name_box.left.connect(self.left)
        self.name_box.editTextChanged.connect(lambda _text: self._update_buttons())
        self.show_selection("", False, ())

    @property
    def is_for_all(self) -> bool:
        """Whether the span is meant in all pairs."""
        return self.scope_box.currentText() == ALL_PAIRS

    def show_selection(self, name: str, has_tokens: bool, names: Sequence[str]) -> None:
        """Follow the selection.

        Args:
            name: The name that the selected tokens have; empty where they have none.
            has_tokens: Whether tokens are selected.
            names: Names that are offered before the usual ones.
        """
        self.row.setVisible(has_tokens)
        self.show_message("" if has_tokens else HINT)
        self.name_box.clear()
        self.name_box.addItems(list(dict.fromkeys([*names, *USUAL_NAMES])))
        self.name_box.setEditText(name)
        self.remove_button.setEnabled(bool(name))
        self._update_buttons()

    def show_message(self, text: str, is_warning: bool = False) -> None:
        """Say what was done, or what cannot be."""
        self.hint_label.setObjectName("warning" if is_warning else "muted")
        self.hint_label.style().polish(self.hint_label)
        self.hint_label.setText(text)
        self.hint_label.setVisible(bool(text))

    def begin_name(self, letters: str) -> None:
        """Take the keys, with what was typed already in place of the name."""
        self.name_box.setFocus()
        if letters:
            self.name_box.setEditText(letters)
        elif (line := self.name_box.lineEdit()) is not None:
            line.selectAll()

    def _name(self) -> None:
        if name := self.name_box.currentText().strip():
            self.named.emit(name, self.is_for_all)

    def _update_buttons(self) -> None:
        self.name_button.setEnabled(bool(self.name_box.currentText().strip()))


class _NameBox(ComboBox):
    """Enter names, Escape goes back to the tokens. Signals: ``entered()``; ``left()``."""

    entered = Signal()
    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Escape are no concern of the panel's."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)
