"""The sheet of shortcuts, made from the commands and from the canvas's gestures."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from circuitviz.canvas.gestures import gestures
from circuitviz.shell.window_menus import WindowMenus

CANVAS_TITLE = "On the canvas"
ShortcutRow = tuple[list[str], str]


def collect_shortcuts(menus: WindowMenus) -> dict[str, list[ShortcutRow]]:
    """Keys and what they do, by menu; at the end what mouse and keys do on the canvas itself."""
    shortcuts: dict[str, list[ShortcutRow]] = {}
    for name, action in menus.actions.items():
        keys = [key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts()]
        if keys:
            title = menus.menu_of(name)
            text = name.capitalize() if name in ("undo", "redo") else action.text()  # not of which change
            shortcuts.setdefault(title, []).append((keys, text.replace("&", "").rstrip("…")))
    canvas: list[ShortcutRow] = []
    for entry in sorted(gestures.entries(), key=lambda e: int(e.extra.get("order", 50))):
        for part in entry.summary.split("; "):
            how, colon, what = part.partition(": ")
            if colon:
                canvas.append(([how[:1].upper() + how[1:]], what))
            else:  # what goes with the part before
                canvas[-1] = (canvas[-1][0], f"{canvas[-1][1]}; {part}")
    return {**shortcuts, CANVAS_TITLE: canvas}


class ShortcutSheet(QDialog):
    """All shortcuts in two columns, as they are now."""

    def __init__(self, parent: QWidget, menus: WindowMenus) -> None:
        super().__init__(parent)
        self.setWindowTitle("Shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        inside = QWidget()
        columns = QHBoxLayout(inside)
        columns.setContentsMargins(22, 18, 22, 18)
        columns.setSpacing(44)
        shortcuts = collect_shortcuts(menus)
        half, used = sum(len(rows) + 2 for rows in shortcuts.values()) / 2, 0
        column = QVBoxLayout(spacing=4)
        columns.addLayout(column)
        for title, rows in shortcuts.items():
            if used and used + len(rows) / 2 > half:
                column.addStretch(1)
                column, used = QVBoxLayout(spacing=4), 0
                columns.addLayout(column)
            column.addWidget(self._create_section(title, rows))
            used += len(rows) + 2
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(inside)
        hint = QLabel("Ctrl+Shift+P finds every command by a few letters of its name.", objectName="muted")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        foot = QHBoxLayout()
        foot.setContentsMargins(22, 8, 14, 12)
        foot.addWidget(hint, 1)
        foot.addWidget(buttons)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addLayout(foot)
        hint_size = inside.sizeHint()
        most = parent.size() - QSize(24, 60)
        self.resize(QSize(hint_size.width() + 24, hint_size.height() + 70).boundedTo(most))

    @staticmethod
    def _create_section(title: str, rows: list[ShortcutRow]) -> QWidget:
        section = QWidget()
        section.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        grid = QGridLayout(section, horizontalSpacing=14, verticalSpacing=2)
        grid.setContentsMargins(0, 0, 0, 12)
        grid.addWidget(QLabel(title, objectName="heading"), 0, 0, 1, 2)
        grid.setColumnMinimumWidth(0, 164)
        for number, (keys, text) in enumerate(rows, 1):
            caps = QHBoxLayout(spacing=4)
            for key in keys:
                caps.addWidget(QLabel(key, objectName="muted" if title == CANVAS_TITLE else "key"))
            caps.addStretch(1)
            grid.addLayout(caps, number, 0)
            grid.addWidget(QLabel(text), number, 1)
        grid.setColumnStretch(1, 1)
        return section
