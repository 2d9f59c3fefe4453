"""The table of own prompts: a row a pair, typed into like a spreadsheet."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from circuitviz.number_text import decimal_number
from circuitviz.panels.prompt_editor.prompt_sheet import PromptSheet
from circuitviz.panels.widgets.tables import AnyIndex, TitledTableModel, set_up_table
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.tasks.prompt_sets import PROMPT_COLUMNS, PromptRow, format_cells, parse_cells
from circuitviz.workbench.prompt_inspection import RowInspection, visible_spaces

LINE_BREAK = "⏎"  # stands for a line break in a cell
NARROW_CHARS = 84  # of a table
STATUS_COLUMN, FIRST_TEXT_COLUMN = 0, 1
METRIC_COLUMN = FIRST_TEXT_COLUMN + len(PROMPT_COLUMNS)
TEXT_COLUMNS = range(FIRST_TEXT_COLUMN, METRIC_COLUMN)
USABLE, OTHERWISE, UNUSABLE, WAITING = "✓", "○", "!", "…"
NEW_ROW_HINTS = ("type or paste a clean prompt", "corrupted prompt", "answers: a|b", "answers: c|d")
CELL_KEYS = (
    QKeySequence.StandardKey.Undo,
    QKeySequence.StandardKey.Redo,
    QKeySequence.StandardKey.Copy,
    QKeySequence.StandardKey.Paste,
    QKeySequence.StandardKey.Cut,
    QKeySequence.StandardKey.Delete,
    QKeySequence.StandardKey.SelectAll,
)


class PromptTableModel(TitledTableModel):
    """Rows of a sheet, and an empty one below them for the next pair."""

    TITLES: ClassVar = ("", "Clean prompt", "Corrupted prompt", "Correct", "Incorrect", "Metric")

    def __init__(self, sheet: PromptSheet, parent: QObject) -> None:
        super().__init__(parent)
        self._sheet = sheet
        self._rows = sheet.rows
        self._inspections: dict[PromptRow, RowInspection] = {}
        self.theme: Theme = LIGHT
        sheet.changed.connect(self._follow_sheet)

    @property
    def n_rows(self) -> int:
        """The rows and the empty one."""
        return len(self._rows) + 1

    def set_inspections(self, inspections: dict[PromptRow, RowInspection]) -> None:
        """Show what the model makes of rows."""
        self._inspections = inspections
        for column in (STATUS_COLUMN, METRIC_COLUMN):  # others would reset a cell that is being typed into
            self._emit_changed(column, column)

    def _follow_sheet(self) -> None:
        n_before, n_now = len(self._rows), len(self._sheet.rows)
        if n_now > n_before:
            # what was the empty row is the first new one, so a cell that is being edited stays where it is
            self.beginInsertRows(QModelIndex(), n_before + 1, n_now)
            self._rows = self._sheet.rows
            self.endInsertRows()
        elif n_now < n_before:
            self.beginRemoveRows(QModelIndex(), n_now + 1, n_before)
            self._rows = self._sheet.rows
            self.endRemoveRows()
        else:
            self._rows = self._sheet.rows
        self._emit_changed(STATUS_COLUMN, METRIC_COLUMN)

    def _emit_changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(0, first), self.index(self.n_rows - 1, last))

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """Texts can be edited."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() in TEXT_COLUMNS else flags

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts with their outer spaces shown; the status and the metric of each row."""
        roles, column = Qt.ItemDataRole, index.column()
        is_new = index.row() >= len(self._rows)
        row = PromptRow() if is_new else self._rows[index.row()]
        if column in TEXT_COLUMNS:
            text = row.texts[column - FIRST_TEXT_COLUMN]
            if role == roles.EditRole:
                return text.replace("\n", LINE_BREAK)
            if role in (roles.DisplayRole, roles.ToolTipRole):
                return NEW_ROW_HINTS[column - FIRST_TEXT_COLUMN] if is_new else _display_cell(text, column)
            if role == roles.ForegroundRole and is_new:
                return QColor(self.theme.muted)
            return None
        inspection = self._inspections.get(row.without_spans)
        if role == roles.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignCenter
        if column == STATUS_COLUMN:
            symbol, text = describe_status(row, inspection)
            if role == roles.ForegroundRole:
                return QColor(self.theme.warning if symbol == UNUSABLE else self.theme.muted)
            shown = {roles.DisplayRole: symbol, roles.ToolTipRole: text, roles.AccessibleTextRole: text}
            return shown.get(roles(role))
        if role == roles.ToolTipRole and inspection is not None:
            return f"{inspection.metric}: on the clean prompt → on the corrupted one"
        if role == roles.DisplayRole and inspection is not None:
            values = [side and side.metric for side in (inspection.on_clean, inspection.on_corrupted)]
            texts = [decimal_number(value, 2) for value in values if isinstance(value, float)]
            return " → ".join(texts) if len(texts) == len(values) else ""
        return None

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take over what was typed."""
        if role != Qt.ItemDataRole.EditRole or index.column() not in TEXT_COLUMNS:
            return False
        text = str(value).replace(LINE_BREAK, "\n")
        self._sheet.set_cell(index.row(), index.column() - FIRST_TEXT_COLUMN, text)
        return True


def describe_status(row: PromptRow, inspection: RowInspection | None) -> tuple[str, str]:
    """The sign of a row's status, and what it means in a sentence."""
    if row.is_empty:
        return "", ""
    if inspection is None:
        return WAITING, "Not read by the model yet."
    if inspection.problem:
        return UNUSABLE, inspection.problem
    is_correct = inspection.is_answered_correctly
    if is_correct is None:
        return WAITING, "Can be used; the model is asked when the row is in front."
    if is_correct:
        return USABLE, "Can be used; the model prefers a correct answer."
    return OTHERWISE, "Can be used, but the model prefers another answer."


class PromptTable(QTableView):
    """Types, pastes and copies like a spreadsheet. Signals: ``row_chosen()``: another row is in front."""

    row_chosen = Signal()

    def __init__(self, sheet: PromptSheet) -> None:
        super().__init__()
        self.setAccessibleName("Own prompts")
        self._sheet = sheet
        self.table_model = PromptTableModel(sheet, self)
        self.setModel(self.table_model)
        self.setItemDelegate(_CellDelegate(sheet, self))
        set_up_table(self, has_frame=False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.setShowGrid(True)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed | triggers.AnyKeyPressed)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # the ends of prompts are what differs most
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(STATUS_COLUMN, QHeaderView.ResizeMode.Fixed)
        self._fit_columns()
        self.selectionModel().currentRowChanged.connect(lambda *_: self.row_chosen.emit())

    @property
    def front_row(self) -> int:
        """Number of the row in front; −1: none."""
        return self.currentIndex().row()

    @property
    def selected_rows(self) -> list[int]:
        """Numbers of the rows of which a cell is selected, without the empty last one."""
        rows = {index.row() for index in self.selectionModel().selectedIndexes()} or {self.front_row}
        return sorted(row for row in rows if 0 <= row < len(self._sheet.rows))

    def set_theme_colours(self, theme: Theme) -> None:
        """Use the colours of a theme."""
        self.table_model.theme = theme
        self.viewport().update()

    def commit_typed_text(self) -> None:
        """Take over what is being typed into a cell."""
        editor = self.findChild(QLineEdit, "cell")
        if editor is not None and self.state() == QAbstractItemView.State.EditingState:
            self.commitData(editor)
            self.closeEditor(editor, QAbstractItemDelegate.EndEditHint.NoHint)

    def choose_rows(self, rows: list[int]) -> None:
        """Select rows, with the first of them in front; the column stays."""
        if not rows:
            return
        column = max(self.currentIndex().column(), FIRST_TEXT_COLUMN)
        self.setCurrentIndex(self.table_model.index(rows[0], column))
        for row in rows[1:]:
            self.selectionModel().select(
                self.table_model.index(row, column), QItemSelectionModel.SelectionFlag.Select
            )

    def paste(self, text: str) -> None:
        """Put a text that was copied from a spreadsheet, or CSV, at the current cell."""
        place = self.currentIndex()
        row = place.row() if place.isValid() else len(self._sheet.rows)
        cells = parse_cells(text)
        column = max(place.column() - FIRST_TEXT_COLUMN, 0)
        if any(len(line) > len(PROMPT_COLUMNS) - column for line in cells):
            column = 0  # whole rows
        self._sheet.paste_cells(row, min(column, len(PROMPT_COLUMNS) - 1), cells)

    def copy(self) -> None:
        """Copy the selected cells as spreadsheets do."""
        cells = sorted(
            (i.row(), i.column() - FIRST_TEXT_COLUMN)
            for i in self.selectionModel().selectedIndexes()
            if i.column() in TEXT_COLUMNS and i.row() < len(self._sheet.rows)
        )
        rows = sorted({row for row, _ in cells})
        columns = sorted({column for _, column in cells})
        lines = ([self._sheet.rows[row].texts[column] for column in columns] for row in rows)
        QGuiApplication.clipboard().setText(format_cells(lines))

    def event(self, event: QEvent) -> bool:
        """Keep keys that edit the table from the window's shortcuts."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() is QEvent.Type.ShortcutOverride
            and any(event.matches(key) for key in CELL_KEYS)
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy, paste, undo; Enter edits, Delete empties, Tab in the last cell goes to the next row."""
        keys = QKeySequence.StandardKey
        if event.matches(keys.Paste):
            self.paste(QGuiApplication.clipboard().text())
        elif event.matches(keys.Copy):
            self.copy()
        elif event.matches(keys.Cut):
            self.copy()
            self._clear_selected()
        elif event.matches(keys.Undo):
            self._sheet.undo()
        elif event.matches(keys.Redo):
            self._sheet.redo()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._clear_selected()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.state() != QAbstractItemView.State.EditingState and self.currentIndex().isValid():
                self.edit(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Tab goes through the cells that are typed into."""
        actions, place = QAbstractItemView.CursorAction, self.currentIndex()
        step = {actions.MoveNext: 1, actions.MovePrevious: -1}.get(action)
        if step is None or not place.isValid():
            return super().moveCursor(action, modifiers)
        number = place.row() * len(PROMPT_COLUMNS) + place.column() - FIRST_TEXT_COLUMN + step
        row, column = divmod(number, len(PROMPT_COLUMNS))
        if not 0 <= row < self.table_model.n_rows:
            return place
        return self.table_model.index(row, column + FIRST_TEXT_COLUMN)

    def resizeEvent(self, event: Any) -> None:
        """Share the width between the columns."""
        super().resizeEvent(event)
        self._fit_columns()

    def changeEvent(self, event: QEvent) -> None:
        """Fit the columns to another font."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._fit_columns()

    def _fit_columns(self) -> None:
        """Share the width between the prompts; where there is little, answers get less, too."""
        unit = self.fontMetrics().horizontalAdvance("0")
        width = self.viewport().width()
        answer_px, prompt_px = (
            (9 * unit, 13 * unit) if width < NARROW_CHARS * unit else (13 * unit, 16 * unit)
        )
        fixed = {STATUS_COLUMN: 4 * unit, METRIC_COLUMN: 14 * unit}
        answers = dict.fromkeys((FIRST_TEXT_COLUMN + 2, FIRST_TEXT_COLUMN + 3), answer_px)
        header, first, second = self.horizontalHeader(), FIRST_TEXT_COLUMN, FIRST_TEXT_COLUMN + 1
        left = width - sum(max(px, header.sectionSizeHint(c)) for c, px in (fixed | answers).items())
        second_px = max(left // 2, prompt_px, header.sectionSizeHint(second))
        prompts = {first: max(left - second_px, prompt_px), second: second_px}
        for column, width_px in (fixed | answers | prompts).items():
            self.setColumnWidth(column, max(width_px, header.sectionSizeHint(column)))
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)

    def _clear_selected(self) -> None:
        self._sheet.clear_cells(
            (i.row(), i.column() - FIRST_TEXT_COLUMN)
            for i in self.selectionModel().selectedIndexes()
            if i.column() in TEXT_COLUMNS
        )


class _CellDelegate(QStyledItemDelegate):
    """Edits a cell in a line, and follows what is typed before it is taken over."""

    def __init__(self, sheet: PromptSheet, table: PromptTable) -> None:
        super().__init__(table)
        self._sheet = sheet

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        """A line as high as the cell."""
        line = _CellEditor(parent)
        row, column = index.row(), index.column() - FIRST_TEXT_COLUMN
        line.textEdited.connect(
            lambda text: self._sheet.set_typed_cell(row, column, text.replace(LINE_BREAK, "\n"))
        )
        return line

    def destroyEditor(self, editor: QWidget, index: QModelIndex | QPersistentModelIndex) -> None:
        """Nothing is typed any more: it was taken over, or given up with Escape."""
        self._sheet.clear_typed_cell()
        super().destroyEditor(editor, index)


class _CellEditor(QLineEdit):
    """A line in a cell; Ctrl+Enter breaks the line."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("cell")
        self.setFrame(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+Enter or Alt+Enter breaks the line, as in spreadsheets."""
        held = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and held:
            self.insert(LINE_BREAK)
            self.textEdited.emit(self.text())
        else:
            super().keyPressEvent(event)


def _display_cell(text: str, column: int) -> str:
    """A cell's text with line breaks, and spaces at both ends or around answers, shown."""
    shown = text.replace("\n", LINE_BREAK)
    if column < FIRST_TEXT_COLUMN + 2:
        return visible_spaces(shown) if shown.strip() else shown
    return " | ".join(visible_spaces(answer) for answer in shown.split("|"))
