"""Tables of panels: what is the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QTableView, QTableWidget, QTableWidgetItem

from circuitviz.panels.widgets.fields import LEFT_ALIGNED, RIGHT_ALIGNED

AnyIndex = QModelIndex | QPersistentModelIndex


def set_up_table(
    table: QTableView, *, row_height_px: int = 0, is_single: bool = False, has_frame: bool = True
) -> None:
    """Hide grid and row numbers, and select rows as a whole.

    Args:
        table: The table.
        row_height_px: Pixels of a row; 0: as the style has it.
        is_single: Whether only one row can be selected.
        has_frame: Whether a line surrounds the table.
    """
    table.verticalHeader().hide()
    if row_height_px:
        table.verticalHeader().setDefaultSectionSize(row_height_px)
    table.setShowGrid(False)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    if is_single:
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    if not has_frame:
        table.setFrameShape(QTableView.Shape.NoFrame)


class TitledTableModel(QAbstractTableModel):
    """The model of a table whose columns have titles; subclasses say how many rows there are."""

    TITLES: ClassVar[Sequence[str]] = ()

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        raise NotImplementedError

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Number of rows."""
        return 0 if parent.isValid() else self.n_rows

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Number of columns."""
        return 0 if parent.isValid() else len(self.TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Column titles, which a narrow table shows as a whole in tool tips."""
        shown = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
        if orientation is Qt.Orientation.Horizontal and role in shown:
            return self.TITLES[section]
        return None


class TextTable(QTableWidget):
    """A table of texts that are not edited.

    Args:
        titles: The columns' titles.
        name: What the table holds, for screen readers.
        n_left_columns: How many columns are aligned at the left; None: all.
        row_height_px: Pixels of a row; 0: as the style has it.
        is_single: Whether only one row can be selected.
    """

    def __init__(
        self,
        titles: Sequence[str],
        name: str,
        *,
        n_left_columns: int | None = None,
        row_height_px: int = 0,
        is_single: bool = False,
    ) -> None:
        super().__init__(0, len(titles))
        self.setAccessibleName(name)
        n_left = len(titles) if n_left_columns is None else n_left_columns
        self._alignments = [LEFT_ALIGNED] * n_left + [RIGHT_ALIGNED] * (len(titles) - n_left)
        self.setHorizontalHeaderLabels(list(titles))
        for column, alignment in enumerate(self._alignments):
            self.title_item(column).setTextAlignment(alignment)
        set_up_table(self, row_height_px=row_height_px, is_single=is_single)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)

    def title_item(self, column: int) -> QTableWidgetItem:
        """The title of a column."""
        item = self.horizontalHeaderItem(column)
        assert item is not None
        return item

    def show_rows(self, rows: Sequence[Sequence[str]], tool_tips: Sequence[str] = ()) -> None:
        """Show other texts, with a tool tip for each row; without one a cell's tool tip is its text."""
        self.setRowCount(len(rows))
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setTextAlignment(self._alignments[column])
                item.setToolTip(tool_tips[row] if tool_tips else text)
                self.setItem(row, column, item)

    def set_cell_colour(self, row: int, column: int, colour: QColor) -> None:
        """Write a cell's text in a colour."""
        item = self.item(row, column)
        assert item is not None
        item.setForeground(colour)
