"""The command palette: finds any command or panel by a few letters of its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGraphicsDropShadowEffect,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from circuitviz.commands.conditions import has_circuit
from circuitviz.panels.widgets.font_scaling import scale_pixels
from circuitviz.scene.theme import THEMES, Theme
from circuitviz.shell.dock_manager import DockManager
from circuitviz.shell.fuzzy_match import FuzzyMatch, fuzzy_match
from circuitviz.shell.window_menus import WindowMenus
from circuitviz.workspace import Workspace

PALETTE_WIDTH_PX, ROW_HEIGHT_PX, MAX_VISIBLE_ROWS = 560, 34, 11
KEY_STEPS = {
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_PageDown: MAX_VISIBLE_ROWS,
    Qt.Key.Key_PageUp: -MAX_VISIBLE_ROWS,
}
ENTRY_ROLE, POSITIONS_ROLE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class PaletteEntry:
    """One line of the palette."""

    text: str
    menu: str
    shortcut: str
    reason_disabled: str
    run: Callable[[], None]


class CommandPalette(QFrame):
    """A query field above a list of commands; Return runs one, Escape or a click elsewhere closes."""

    def __init__(self, window: QWidget, workspace: Workspace, menus: WindowMenus, docks: DockManager) -> None:
        """Offer the actions of a window's menus and its panels."""
        super().__init__(window)
        self.setObjectName("card")
        self._window, self._workspace, self._menus, self._docks = window, workspace, menus, docks
        self.theme = THEMES["light"]
        self._previous_focus: QWidget | None = None
        self.query_field = QLineEdit(
            placeholderText="What do you want to do?", accessibleName="Find a command"
        )
        self.list_widget = QListWidget(accessibleName="Commands", uniformItemSizes=True)
        self.list_widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list_widget.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list_widget.setItemDelegate(_EntryDelegate(self, self.list_widget))
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 8)
        column.setSpacing(8)
        column.addWidget(self.query_field)
        column.addWidget(self.list_widget)
        shadow = QGraphicsDropShadowEffect(self, blurRadius=34, xOffset=0, yOffset=8)
        shadow.setColor(QColor(0, 0, 0, 90))
        self.setGraphicsEffect(shadow)
        self.query_field.textChanged.connect(self._show_matches)
        self.query_field.installEventFilter(self)
        self.list_widget.itemClicked.connect(lambda _item: self.run_current())
        self.hide()

    def open_palette(self) -> None:
        """Show the palette with all commands, whether or not they can be used now."""
        focus = QApplication.focusWidget()
        self._previous_focus = focus if focus is not self.query_field else self._previous_focus
        self._entries = self._collect_entries()
        self.query_field.clear()
        self._show_matches("")
        self.raise_()
        self.show()
        self.query_field.setFocus()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.theme = theme

    def run_current(self) -> None:
        """Run the chosen command, with the keyboard focus where it was before."""
        item = self.list_widget.currentItem()
        entry: PaletteEntry | None = item.data(ENTRY_ROLE) if item is not None else None
        if entry is not None and not entry.reason_disabled:
            self.close_palette()
            entry.run()

    def close_palette(self) -> None:
        """Hide, and give the keyboard focus back."""
        self.hide()
        if (
            self._previous_focus is not None
            and isValid(self._previous_focus)
            and self._previous_focus.isVisible()
        ):
            self._previous_focus.setFocus()  # a form may have made its fields anew meanwhile
        self._previous_focus = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys move in the list while the query field has the focus."""
        if event.type() is QEvent.Type.FocusOut and self.isVisible():
            self.close_palette()
        elif isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if (step := KEY_STEPS.get(Qt.Key(event.key()))) is not None:
                self._move_selection(step)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.run_current()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.close_palette()
                return True
        return super().eventFilter(watched, event)

    def _collect_entries(self) -> list[PaletteEntry]:
        entries = []
        for name, action in self._menus.actions.items():
            if name != "palette":
                keys = action.shortcut().toString()
                text = re.sub("&(.)", r"\1", action.text()).rstrip("…")
                menu, reason = self._menus.menu_of(name), self._menus.reason_disabled(name)
                entries.append(PaletteEntry(text, menu, keys, reason, action.trigger))
        for name, dock in self._docks.docks.items():
            show = partial(self._docks.bring_to_front, name)
            reason = has_circuit(self._workspace) if self._docks.needs_circuit(name) else ""
            entries.append(PaletteEntry(f"Show {dock.windowTitle()}", "Panel", "", reason, show))
        return entries

    def _show_matches(self, query: str) -> None:
        matches: list[tuple[float, PaletteEntry, FuzzyMatch]] = []
        for entry in self._entries:
            hit = fuzzy_match(query, entry.text)
            also = fuzzy_match(query, f"{entry.text} {entry.menu}") if hit is None else None
            if also is not None:  # it matches with its menu: after those that match by their names
                places = tuple(at for at in also.positions if at < len(entry.text))
                hit = FuzzyMatch(also.score - 20, places)
            if hit is not None:
                matches.append((hit.score - (0 if not entry.reason_disabled else 30), entry, hit))
        if query.strip():
            matches.sort(key=lambda each: -each[0])
        self.list_widget.clear()
        for _, entry, hit in matches:
            item = QListWidgetItem(self.list_widget)
            item.setText(entry.text)
            item.setData(ENTRY_ROLE, entry)
            item.setData(POSITIONS_ROLE, hit.positions)
        if not matches:
            item = QListWidgetItem("No matching command", self.list_widget)
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.list_widget.setCurrentRow(0 if matches else -1)
        self._move_to_top()

    def _move_selection(self, step: int) -> None:
        count = self.list_widget.count()
        row = self.list_widget.currentRow() + step
        self.list_widget.setCurrentRow(row % count if abs(step) == 1 else max(0, min(count - 1, row)))

    def _move_to_top(self) -> None:
        rows = min(MAX_VISIBLE_ROWS, max(1, self.list_widget.count()))
        self.list_widget.setFixedHeight(rows * scale_pixels(self.list_widget, ROW_HEIGHT_PX) + 2)
        wide = min(scale_pixels(self, PALETTE_WIDTH_PX), self._window.width() - 40)
        self.setFixedWidth(wide)
        self.adjustSize()
        self.move((self._window.width() - wide) // 2, 64)


class _EntryDelegate(QStyledItemDelegate):
    """Draws an entry: matched letters in bold, then its menu, and its shortcut at the right."""

    def __init__(self, palette: CommandPalette, parent: QWidget) -> None:
        super().__init__(parent)
        self._palette = palette

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Rows of one height."""
        return QSize(option.rect.width(), scale_pixels(self._palette, ROW_HEIGHT_PX))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one line."""
        entry: PaletteEntry | None = index.data(ENTRY_ROLE)
        theme: Theme = self._palette.theme
        painter.save()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected) and entry is not None
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.accent))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.drawRoundedRect(option.rect.adjusted(1, 1, -1, -1), 6, 6)
        text, quiet = (theme.on_accent, theme.on_accent) if chosen else (theme.text, theme.muted)
        area = option.rect.adjusted(12, 0, -12, 0)
        centre = Qt.AlignmentFlag.AlignVCenter
        if entry is None or entry.reason_disabled:
            text = text if chosen else theme.muted
            painter.setOpacity(0.75 if entry is not None else 1.0)
        painter.setPen(QColor(text))
        x = area.left()
        places = set(index.data(POSITIONS_ROLE) or ())
        bold = QFont(option.font)
        bold.setBold(True)
        for is_match, letters in groupby(enumerate(str(index.data())), key=lambda each: each[0] in places):
            run = "".join(letter for _, letter in letters)
            painter.setFont(bold if is_match else option.font)
            step = QFontMetrics(painter.font()).horizontalAdvance(run)
            painter.drawText(QRect(x, area.top(), step + 4, area.height()), centre, run)
            x += step
        if entry is not None:
            painter.setFont(option.font)
            painter.setPen(QColor(quiet))
            detail = f"{entry.menu} · {entry.reason_disabled}" if entry.reason_disabled else entry.menu
            free = area.right() - x - 24 - option.fontMetrics.horizontalAdvance(entry.shortcut)
            place = QRect(x + 12, area.top(), free, area.height())
            shown = option.fontMetrics.elidedText(detail, Qt.TextElideMode.ElideRight, free)
            painter.drawText(place, centre, shown)
            painter.setPen(QColor(text if not entry.reason_disabled else quiet))
            painter.drawText(area, centre | Qt.AlignmentFlag.AlignRight, entry.shortcut)
        painter.restore()
