"""The command palette: every action of the table at the tips of one's fingers, found by a few letters."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

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

from circuitviz.commands import USER_COMMANDS
from circuitviz.panels.widgets.font_scaling import scale_pixels
from circuitviz.scene.theme import Theme
from circuitviz.shell.fuzzy_match import FuzzyMatch, fuzzy_match

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow

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
    is_enabled: bool
    run: Callable[[], None]


class CommandPalette(QFrame):
    """Type, choose with the arrows, press Return; Escape or a click elsewhere leaves."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window, objectName="card")
        self.main_window = window
        self._previous_focus: QWidget | None = None
        self.query_field = QLineEdit(
            placeholderText="What do you want to do?", accessibleName="Find a command"
        )
        self.list_widget = QListWidget(accessibleName="Commands", uniformItemSizes=True)
        self.list_widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list_widget.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list_widget.setItemDelegate(_EntryDelegate(window, self.list_widget))
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
        """Show everything that can be done now."""
        focus = QApplication.focusWidget()
        self._previous_focus = focus if focus is not self.query_field else self._previous_focus
        self._entries = self._collect_entries()
        self.query_field.clear()
        self._show_matches("")
        self.raise_()
        self.show()
        self.query_field.setFocus()

    def run_current(self) -> None:
        """Do what is chosen, with the focus back where it was."""
        item = self.list_widget.currentItem()
        offer: PaletteEntry | None = item.data(ENTRY_ROLE) if item is not None else None
        if offer is not None and offer.is_enabled:
            self.close_palette()
            offer.run()

    def close_palette(self) -> None:
        """Hide, and give the focus back."""
        self.hide()
        if (
            self._previous_focus is not None
            and isValid(self._previous_focus)
            and self._previous_focus.isVisible()
        ):
            self._previous_focus.setFocus()  # a form may have made its fields anew meanwhile
        self._previous_focus = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys of the list work while one types."""
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
        chrome, offers = self.main_window.menus, []
        for name, made in chrome.actions.items():
            if name != "palette":
                where = USER_COMMANDS[name].menu if name in USER_COMMANDS else "Edit"
                keys = made.shortcut().toString()
                text = re.sub("&(.)", r"\1", made.text()).rstrip("…")
                offers.append(PaletteEntry(text, where, keys, made.isEnabled(), made.trigger))
        for name, dock in self.main_window.docks.items():
            show = partial(self.main_window.dock_manager.bring_to_front, name)
            open_ = self.main_window.workspace.state.circuit is not None or name == "discovery"
            offers.append(PaletteEntry(f"Show {dock.windowTitle()}", "Panel", "", open_, show))
        return offers

    def _show_matches(self, query: str) -> None:
        found: list[tuple[float, PaletteEntry, FuzzyMatch]] = []
        for offer in self._entries:
            hit = fuzzy_match(query, offer.text)
            also = fuzzy_match(query, f"{offer.text} {offer.menu}") if hit is None else None
            if also is not None:  # found with the help of its menu's name: after what is found by its own
                places = tuple(at for at in also.positions if at < len(offer.text))
                hit = FuzzyMatch(also.score - 20, places)
            if hit is not None:
                found.append((hit.score - (0 if offer.is_enabled else 30), offer, hit))
        if query.strip():
            found.sort(key=lambda each: -each[0])
        self.list_widget.clear()
        for _, offer, hit in found:
            item = QListWidgetItem(self.list_widget)
            item.setText(offer.text)
            item.setData(ENTRY_ROLE, offer)
            item.setData(POSITIONS_ROLE, hit.positions)
        if not found:
            item = QListWidgetItem("Nothing is called like that", self.list_widget)
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.list_widget.setCurrentRow(0 if found else -1)
        self._move_to_top()

    def _move_selection(self, step: int) -> None:
        count = self.list_widget.count()
        row = self.list_widget.currentRow() + step
        self.list_widget.setCurrentRow(row % count if abs(step) == 1 else max(0, min(count - 1, row)))

    def _move_to_top(self) -> None:
        rows = min(MAX_VISIBLE_ROWS, max(1, self.list_widget.count()))
        self.list_widget.setFixedHeight(rows * scale_pixels(self.list_widget, ROW_HEIGHT_PX) + 2)
        wide = min(scale_pixels(self, PALETTE_WIDTH_PX), self.main_window.width() - 40)
        self.setFixedWidth(wide)
        self.adjustSize()
        self.move((self.main_window.width() - wide) // 2, 64)


class _EntryDelegate(QStyledItemDelegate):
    """An action's words with the found letters in bold, its menu, and its shortcut at the right."""

    def __init__(self, window: MainWindow, parent: QWidget) -> None:
        super().__init__(parent)
        self.window = window

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Rows of one height."""
        return QSize(option.rect.width(), scale_pixels(self.window, ROW_HEIGHT_PX))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one line."""
        offer: PaletteEntry | None = index.data(ENTRY_ROLE)
        theme: Theme = self.window.theme
        painter.save()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected) and offer is not None
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.accent))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.drawRoundedRect(option.rect.adjusted(1, 1, -1, -1), 6, 6)
        text, quiet = (theme.on_accent, theme.on_accent) if chosen else (theme.text, theme.muted)
        area = option.rect.adjusted(12, 0, -12, 0)
        centre = Qt.AlignmentFlag.AlignVCenter
        if offer is None or not offer.is_enabled:
            text = text if chosen else theme.muted
            painter.setOpacity(0.75 if offer is not None else 1.0)
        painter.setPen(QColor(text))
        x = area.left()
        places = set(index.data(POSITIONS_ROLE) or ())
        bold = QFont(option.font)
        bold.setBold(True)
        for found, letters in groupby(enumerate(str(index.data())), key=lambda each: each[0] in places):
            run = "".join(letter for _, letter in letters)
            painter.setFont(bold if found else option.font)
            step = QFontMetrics(painter.font()).horizontalAdvance(run)
            painter.drawText(QRect(x, area.top(), step + 4, area.height()), centre, run)
            x += step
        if offer is not None:
            painter.setFont(option.font)
            painter.setPen(QColor(quiet))
            where = offer.menu if offer.is_enabled else f"{offer.menu} · not now"
            free = area.right() - x - 24 - option.fontMetrics.horizontalAdvance(offer.shortcut)
            place = QRect(x + 12, area.top(), free, area.height())
            shown = option.fontMetrics.elidedText(where, Qt.TextElideMode.ElideRight, free)
            painter.drawText(place, centre, shown)
            painter.setPen(QColor(text if offer.is_enabled else quiet))
            painter.drawText(area, centre | Qt.AlignmentFlag.AlignRight, offer.shortcut)
        painter.restore()
