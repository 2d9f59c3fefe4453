"""The buttons above own prompts: signs instead of words where it is narrow, then in two lines."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QMenu, QToolButton, QWidget

from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row

MAX_NAME_WIDTH_CHARS = 28
MIN_NAME_WIDTH_CHARS = 9
SPACING_PX = 4
MARGINS, COMPACT_MARGINS = (10, 6, 10, 4), (6, 6, 6, 4)


class EditorToolbar(QWidget):
    """Buttons and the name; whoever owns it connects them.

    Attributes:
        table_buttons: Those that change rows of the table.
    """

    def __init__(self, open_menu: QMenu) -> None:
        super().__init__()
        self._signs: list[tuple[QToolButton, str, str]] = []
        self.pairs_button = self._add_button("Pairs", "the table of pairs")
        self.template_button = self._add_button("Template", "prompts with slots that become pairs")
        for button in (self.pairs_button, self.template_button):
            button.setCheckable(True)
            button.setObjectName("chip")
        self.name_label = QLabel("Name")
        self.name_field = QLineEdit(placeholderText="name", accessibleName="Name of the prompts")
        self.new_button = self._add_button("New", "begin an empty table")
        self.open_button = self._add_button("Open ▾", "edit a task as own prompts")
        self.open_button.setMenu(open_menu)
        self.open_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.export_button = self._add_button("Save as…", "save as a CSV or JSONL file", "Save…")
        self.add_button = self._add_button("Add", "add an empty row below", "+")
        self.duplicate_button = self._add_button("Duplicate", "copy the selected rows", "×2")
        self.remove_button = self._add_button("Remove", "remove the selected rows", "−")
        self.up_button = self._add_button("↑", "move the selected rows up")
        self.down_button = self._add_button("↓", "move the selected rows down")
        self.undo_button = self._add_button("Undo", "undo the last change of the prompts (Ctrl+Z)", "↶")
        self.redo_button = self._add_button("Redo", "redo what was undone", "↷")
        self.table_buttons = (
            self.add_button, self.duplicate_button, self.remove_button, self.up_button, self.down_button,
        )  # fmt: skip
        head, files, work = QWidget(), QWidget(), QWidget()
        head_row = lay_out_row(
            self.pairs_button, self.template_button, self.name_label, (self.name_field, 3), 1,
            parent=head, spacing=SPACING_PX,
        )  # fmt: skip
        files_row = lay_out_row(
            self.new_button, self.open_button, self.export_button, 1, parent=files, spacing=SPACING_PX
        )
        work_row = lay_out_row(
            *self.table_buttons, self.undo_button, self.redo_button, 1, parent=work, spacing=SPACING_PX
        )
        self._groups, self._layouts = (head, files, work), (head_row, files_row, work_row)
        right = FoldingRow(files, work, stretches=(1, 0), spacing=SPACING_PX)
        lay_out_column(FoldingRow(head, right, spacing=SPACING_PX), parent=self, margins=MARGINS)
        self._fit_name()

    def _add_button(self, text: str, tip: str, sign: str = "") -> QToolButton:
        button = QToolButton(text=text, toolTip=tip, accessibleName=tip)
        self._signs.append((button, text, sign or text))
        return button

    def _fit_name(self) -> None:
        unit = self.fontMetrics().horizontalAdvance("0")
        self.name_field.setMinimumWidth(MIN_NAME_WIDTH_CHARS * unit)
        self.name_field.setMaximumWidth(MAX_NAME_WIDTH_CHARS * unit)

    def _set_compact(self, is_compact: bool) -> None:
        self.name_label.setVisible(not is_compact)
        for button, text, sign in self._signs:
            button.setText(sign if is_compact else text)
        for row in self._layouts:
            row.setSpacing(0 if is_compact else SPACING_PX)
        if (layout := self.layout()) is not None:
            layout.setContentsMargins(*(COMPACT_MARGINS if is_compact else MARGINS))

    def minimumSizeHint(self) -> QSize:
        """As narrow as the widest group with signs: words come where there is width for them."""
        advance = self.fontMetrics().horizontalAdvance
        widths = dict.fromkeys(self._groups, 0)
        widths[self._groups[0]] = self.name_field.minimumWidth()
        for button, _, sign in self._signs:
            group = button.parentWidget()
            if not button.isHidden() and group is not None:
                widths[group] += button.sizeHint().width() - advance(button.text()) + advance(sign)
        left, _, right, _ = COMPACT_MARGINS
        return QSize(max(widths.values()) + left + right, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Words where they fit, else signs."""
        super().resizeEvent(event)
        self.fit_texts()

    def changeEvent(self, event: QEvent) -> None:
        """Fit to another font."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._fit_name()
            self.fit_texts()

    def fit_texts(self) -> None:
        """Show words where they fit, else signs."""
        self._set_compact(False)
        left, _, right, _ = MARGINS
        words_px = sum(group.minimumSizeHint().width() for group in self._groups)
        if words_px + (len(self._groups) - 1) * SPACING_PX + left + right > self.width():
            self._set_compact(True)
