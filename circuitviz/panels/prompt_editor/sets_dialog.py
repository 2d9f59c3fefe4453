"""Dialog over all sets of own prompts: edit, rename, duplicate, delete and bring back; each can be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from circuitviz.errors import InputError
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.tables import set_up_table
from circuitviz.tasks.prompt_set_files import (
    SavedSet,
    delete_prompt_set,
    duplicate_prompt_set,
    list_saved_sets,
    rename_prompt_set,
    restore_prompt_set,
)

TITLES = ("Name", "Pairs", "Last changed")
NAME_COLUMN = 0
WIDTH_CHARS, HEIGHT_ROWS = 92, 10


class SetsDialog(QDialog):
    """Lists the sets, and below them those that were deleted.

    Signals: ``edit_requested(name)``; ``renamed(old, new)``; ``deleted(name)``; ``list_changed()``, after any
    change.

    Args:
        task_names: Names of built-in tasks, which no set may have.
        parent: The dialog is over its window.
    """

    edit_requested = Signal(str)
    renamed = Signal(str, str)
    deleted = Signal(str)
    list_changed = Signal()

    def __init__(self, task_names: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Sets of own prompts")
        self._task_names, self._sets = task_names, list[SavedSet]()
        self._undo_change: Callable[[], None] | None = None
        self.table = QTableWidget(0, len(TITLES))
        self.edit_button = QPushButton("Edit", objectName="primary", toolTip="show the pairs (Enter)")
        self.rename_button = QPushButton("Rename", toolTip="F2")
        self.duplicate_button = QPushButton("Duplicate")
        self.delete_button = QPushButton("Delete", toolTip="Del; a deleted set stays in this list")
        self.restore_button = QPushButton("Bring back", toolTip="make the deleted set a task again")
        self.message_label = QLabel("", wordWrap=True, accessibleName="What was done")
        self.undo_button = QPushButton("Undo", objectName="link", toolTip="Ctrl+Z")
        self.close_button = QPushButton("Close")
        self._build()
        self.edit_button.clicked.connect(self._edit)
        self.rename_button.clicked.connect(self._begin_renaming)
        self.duplicate_button.clicked.connect(self._duplicate)
        self.delete_button.clicked.connect(self._delete)
        self.restore_button.clicked.connect(self._restore)
        self.undo_button.clicked.connect(self._undo)
        self.close_button.clicked.connect(self.accept)
        self.table.itemChanged.connect(self._on_name_typed)
        self.table.itemSelectionChanged.connect(self._update_buttons)
        self.table.cellDoubleClicked.connect(lambda *_cell: self._edit())
        for key, work in ((QKeySequence.StandardKey.Delete, self._delete),
                          (QKeySequence.StandardKey.Undo, self._undo)):  # fmt: skip
            QShortcut(key, self.table, work, context=Qt.ShortcutContext.WidgetShortcut)
        self._list_sets()
        self.table.selectRow(0)

    @property
    def chosen_set(self) -> SavedSet | None:
        """The set that is selected."""
        row = self.table.currentRow()
        return self._sets[row] if 0 <= row < len(self._sets) and self.table.selectedItems() else None

    def _build(self) -> None:
        table = self.table
        table.setAccessibleName("Sets of own prompts")
        table.setHorizontalHeaderLabels(list(TITLES))
        set_up_table(table, is_single=True)
        table.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # copies differ at their ends
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME_COLUMN, QHeaderView.ResizeMode.Stretch)
        row_px = self.fontMetrics().height() + 10
        table.verticalHeader().setDefaultSectionSize(row_px)
        table.setMinimumSize(WIDTH_CHARS * self.fontMetrics().averageCharWidth(), HEIGHT_ROWS * row_px)
        self.message_label.setMinimumHeight(2 * self.fontMetrics().lineSpacing())  # else others move
        buttons = (self.edit_button, self.rename_button, self.duplicate_button, self.delete_button,
                   self.restore_button)  # fmt: skip
        for button in (*buttons, self.close_button, self.undo_button):
            button.setAutoDefault(False)
        lay_out_column(
            (table, 1),
            lay_out_row((self.message_label, 1), self.undo_button, spacing=8),
            lay_out_row(*buttons, 1, self.close_button, spacing=6),
            parent=self,
            spacing=10,
            margins=(16, 14, 16, 14),
        )

    def _list_sets(self, chosen: str = "") -> None:
        """List the sets anew; the set of a name is selected, or the row that was."""
        row = self.table.currentRow()
        self._sets = list_saved_sets()
        with QSignalBlocker(self.table):
            self.table.setRowCount(len(self._sets))
            for number, saved in enumerate(self._sets):
                self._show_row(number, saved)
        names = [saved.name for saved in self._sets if not saved.is_deleted]
        row = names.index(chosen) if chosen in names else min(row, len(self._sets) - 1)
        self.table.selectRow(row)
        self.table.setCurrentCell(row, NAME_COLUMN)
        self._update_buttons()

    def _show_row(self, row: int, saved: SavedSet) -> None:
        time = f"{saved.changed:%d %B %Y, %H:%M}"
        texts = (saved.name, f"{saved.n_pairs:,}", f"deleted · {time}" if saved.is_deleted else time)
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
            if column == NAME_COLUMN and not saved.is_deleted:
                flags |= Qt.ItemFlag.ItemIsEditable
            item.setFlags(flags)
            font = item.font()
            font.setItalic(saved.is_deleted)
            item.setFont(font)
            self.table.setItem(row, column, item)

    def _update_buttons(self) -> None:
        saved = self.chosen_set
        for button in (self.edit_button, self.rename_button, self.duplicate_button, self.delete_button):
            button.setEnabled(saved is not None and not saved.is_deleted)
        is_deleted = saved is not None and saved.is_deleted
        self.restore_button.setVisible(is_deleted)
        self.delete_button.setVisible(not is_deleted)
        self.undo_button.setVisible(self._undo_change is not None)

    # what can be done

    def _edit(self) -> None:
        saved = self.chosen_set
        if saved is not None and not saved.is_deleted:
            self.edit_requested.emit(saved.name)
            self.accept()

    def _begin_renaming(self) -> None:
        item = self.table.item(self.table.currentRow(), NAME_COLUMN)
        if item is not None:
            self.table.editItem(item)

    def _on_name_typed(self, item: QTableWidgetItem) -> None:
        saved = self._sets[item.row()]
        if item.text() != saved.name:
            self._change(partial(self._rename, saved.name, item.text()))

    def _rename(self, name: str, new_name: str) -> None:
        bare = rename_prompt_set(name, new_name, self._task_names)
        self.renamed.emit(name, bare)
        self._show_change(f"Renamed to '{bare}'.", partial(self._rename, bare, name), bare)

    def _duplicate(self) -> None:
        if (saved := self.chosen_set) is not None:
            self._change(partial(self._copy, saved.name))

    def _copy(self, name: str) -> None:
        copy = duplicate_prompt_set(name, self._task_names)
        self._show_change(f"Copied as '{copy}'.", partial(self._remove, copy), copy)

    def _delete(self) -> None:
        saved = self.chosen_set
        if saved is not None and not saved.is_deleted:
            self._change(partial(self._remove, saved.name))

    def _remove(self, name: str) -> None:
        file = delete_prompt_set(name)
        self.deleted.emit(name)
        deleted = next(saved for saved in list_saved_sets() if saved.file == file)
        self._show_change(f"'{name}' is deleted.", partial(self._bring_back, deleted))

    def _restore(self) -> None:
        saved = self.chosen_set
        if saved is not None and saved.is_deleted:
            self._change(partial(self._bring_back, saved))

    def _bring_back(self, saved: SavedSet) -> None:
        name = restore_prompt_set(saved.file, self._task_names)
        self._show_change(f"'{name}' is back.", partial(self._remove, name), name)

    def _undo(self) -> None:
        if (undo := self._undo_change) is not None:
            self._change(undo)

    def _change(self, work: Callable[[], None]) -> None:
        """Do what may find that it cannot be done, and then say why."""
        try:
            work()
        except InputError as error:
            self._undo_change = None
            self._list_sets()
            self._show_message(str(error), is_warning=True)
        self.list_changed.emit()

    def _show_change(self, text: str, undo: Callable[[], None], chosen: str = "") -> None:
        self._undo_change = undo
        self._list_sets(chosen)
        self._show_message(text)

    def _show_message(self, text: str, is_warning: bool = False) -> None:
        self.message_label.setObjectName("warning" if is_warning else "muted")
        self.message_label.style().polish(self.message_label)
        self.message_label.setText(text)
        self._update_buttons()
