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

from circuitviz.app.actions import ACTIONS
from circuitviz.app.fuzzy import Match, match
from circuitviz.canvas.theme import Theme
from circuitviz.panels.room import room

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

WIDE, ROW, MOST = 560, 34, 11
STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: MOST, Qt.Key.Key_PageUp: -MOST}
ENTRY, FOUND = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class Offer:
    """One line of the palette."""

    text: str
    where: str
    shortcut: str
    enabled: bool
    run: Callable[[], None]


class Palette(QFrame):
    """Type, choose with the arrows, press Return; Escape or a click elsewhere leaves."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window, objectName="card")
        self.window_ = window
        self._before: QWidget | None = None
        self.line = QLineEdit(placeholderText="What do you want to do?", accessibleName="Find a command")
        self.list = QListWidget(accessibleName="Commands", uniformItemSizes=True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setItemDelegate(_Row(window, self.list))
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 8)
        column.setSpacing(8)
        column.addWidget(self.line)
        column.addWidget(self.list)
        shadow = QGraphicsDropShadowEffect(self, blurRadius=34, xOffset=0, yOffset=8)
        shadow.setColor(QColor(0, 0, 0, 90))
        self.setGraphicsEffect(shadow)
        self.line.textChanged.connect(self._search)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(lambda _item: self.run())
        self.hide()

    def open(self) -> None:
        """Show everything that can be done now."""
        focus = QApplication.focusWidget()
        self._before = focus if focus is not self.line else self._before
        self._offers = self._all()
        self.line.clear()
        self._search("")
        self.raise_()
        self.show()
        self.line.setFocus()

    def run(self) -> None:
        """Do what is chosen, with the focus back where it was."""
        item = self.list.currentItem()
        offer: Offer | None = item.data(ENTRY) if item is not None else None
        if offer is not None and offer.enabled:
            self.leave()
            offer.run()

    def leave(self) -> None:
        """Hide, and give the focus back."""
        self.hide()
        if self._before is not None and isValid(self._before) and self._before.isVisible():
            self._before.setFocus()  # a form may have made its fields anew meanwhile
        self._before = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys of the list work while one types."""
        if event.type() is QEvent.Type.FocusOut and self.isVisible():
            self.leave()
        elif isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            if (step := STEPS.get(Qt.Key(event.key()))) is not None:
                self._move(step)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.run()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.leave()
                return True
        return super().eventFilter(watched, event)

    def _all(self) -> list[Offer]:
        chrome, offers = self.window_.chrome, []
        for name, made in chrome.actions.items():
            if name != "palette":
                where = ACTIONS[name].menu if name in ACTIONS else "Edit"
                keys = made.shortcut().toString()
                text = re.sub("&(.)", r"\1", made.text()).rstrip("…")
                offers.append(Offer(text, where, keys, made.isEnabled(), made.trigger))
        for name, dock in self.window_.docks.items():
            show = partial(self.window_.places.bring, name)
            open_ = self.window_.desk.state.circuit is not None or name == "discovery"
            offers.append(Offer(f"Show {dock.windowTitle()}", "Panel", "", open_, show))
        return offers

    def _search(self, query: str) -> None:
        found: list[tuple[float, Offer, Match]] = []
        for offer in self._offers:
            hit = match(query, offer.text)
            also = match(query, f"{offer.text} {offer.where}") if hit is None else None
            if also is not None:  # found with the help of its menu's name: after what is found by its own
                places = tuple(at for at in also.places if at < len(offer.text))
                hit = Match(also.score - 20, places)
            if hit is not None:
                found.append((hit.score - (0 if offer.enabled else 30), offer, hit))
        if query.strip():
            found.sort(key=lambda each: -each[0])
        self.list.clear()
        for _, offer, hit in found:
            item = QListWidgetItem(self.list)
            item.setText(offer.text)
            item.setData(ENTRY, offer)
            item.setData(FOUND, hit.places)
        if not found:
            item = QListWidgetItem("Nothing is called like that", self.list)
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.list.setCurrentRow(0 if found else -1)
        self._place()

    def _move(self, step: int) -> None:
        count = self.list.count()
        row = self.list.currentRow() + step
        self.list.setCurrentRow(row % count if abs(step) == 1 else max(0, min(count - 1, row)))

    def _place(self) -> None:
        rows = min(MOST, max(1, self.list.count()))
        self.list.setFixedHeight(rows * room(self.list, ROW) + 2)
        wide = min(room(self, WIDE), self.window_.width() - 40)
        self.setFixedWidth(wide)
        self.adjustSize()
        self.move((self.window_.width() - wide) // 2, 64)


class _Row(QStyledItemDelegate):
    """An action's words with the found letters in bold, its menu, and its shortcut at the right."""

    def __init__(self, window: MainWindow, parent: QWidget) -> None:
        super().__init__(parent)
        self.window = window

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Rows of one height."""
        return QSize(option.rect.width(), room(self.window, ROW))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one line."""
        offer: Offer | None = index.data(ENTRY)
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
        if offer is None or not offer.enabled:
            text = text if chosen else theme.muted
            painter.setOpacity(0.75 if offer is not None else 1.0)
        painter.setPen(QColor(text))
        x = area.left()
        places = set(index.data(FOUND) or ())
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
            where = offer.where if offer.enabled else f"{offer.where} · not now"
            free = area.right() - x - 24 - option.fontMetrics.horizontalAdvance(offer.shortcut)
            place = QRect(x + 12, area.top(), free, area.height())
            shown = option.fontMetrics.elidedText(where, Qt.TextElideMode.ElideRight, free)
            painter.drawText(place, centre, shown)
            painter.setPen(QColor(text if offer.enabled else quiet))
            painter.drawText(area, centre | Qt.AlignmentFlag.AlignRight, offer.shortcut)
        painter.restore()
