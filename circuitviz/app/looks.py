"""How the application looks: theme, colours of edges, size of text, applied from the settings at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QIcon
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QDockWidget, QWidget
from shiboken6 import isValid

from circuitviz.canvas.style import WINDOW_SHEET, palette, stylesheet
from circuitviz.canvas.theme import THEMES, Theme, coloured

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

SLICE = 0.010  # seconds of dressing between two looks at the event queue


class Looks(QObject):
    """Dresses the window; ``theme`` is what it wears.

    A style sheet of the window would have some 900 widgets polished in one go. So each of the window's
    own children (menu bar, docks, dialogs) has the sheet for itself: what is in sight changes first,
    a few at a time and shown together, what is behind a tab afterwards.
    """

    _given: ClassVar[tuple[float, float]] = (0.0, 0.0)  # the size that a window set last, and the system's

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.settings = window, window.settings
        self.theme = THEMES["light"]
        self._sheet = ""
        self._size = self._systems()
        self._parts: deque[Callable[[], None]] = deque()
        self._slice = QTimer(self, interval=0)
        self._slice.timeout.connect(self._go_on)
        window.setStyleSheet(WINDOW_SHEET)  # before there are children to polish
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_changed)
        window.installEventFilter(self)

    def apply(self) -> None:
        """Wear what the settings say."""
        self.wear(self.settings.theme)

    def wear(self, name: str) -> None:
        """``light``, ``dark`` or ``system``, for now; the settings stay as they are."""
        if name == "system":
            dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
            name = "dark" if dark else "light"
        self._change(coloured(THEMES.get(name, THEMES["light"]), self.settings.colours))

    def dress(self, child: QWidget) -> None:
        """Give a child of the window its sheet, as it is shown for the first time."""
        if child.styleSheet() != self._sheet:
            child.setStyleSheet(self._sheet)
        for buttons in child.findChildren(QDialogButtonBox) if isinstance(child, QDialog) else ():
            for button in buttons.buttons():
                button.setIcon(QIcon())  # some platforms put one on Close and Save, and on no other button

    def settle(self) -> None:
        """Finish now what is left to be dressed: for a picture of the window."""
        while self._parts:
            self._parts.popleft()()
        self._slice.stop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Widgets with a sheet of their own do not follow the system's text by themselves."""
        if event.type() is QEvent.Type.ApplicationFontChange:
            size = self._systems()
            if size > 0 and abs(size - self._size) > 0.01:
                self._size = size
                QTimer.singleShot(0, self, self._wear_again)  # Qt is still telling the others
        return super().eventFilter(watched, event)

    @staticmethod
    def _systems() -> float:
        """The system's size of text, also where a window made it larger."""
        size = QApplication.font().pointSizeF()
        given, made_from = Looks._given
        return made_from if abs(size - given) < 0.01 else size

    def _wear_again(self) -> None:
        self._change(self.theme)

    def _system_changed(self) -> None:
        if self.settings.theme == "system":
            self.apply()

    def _change(self, theme: Theme) -> None:
        app, window = QApplication.instance(), self.window
        if isinstance(app, QApplication):
            font = app.font()
            size = self._size * self.settings.text_size / 100
            if size > 0 and abs(font.pointSizeF() - size) > 0.01:
                font.setPointSizeF(size)
                Looks._given = size, self._size
                app.setFont(font)
            app.setPalette(palette(theme))
        self.theme, self._sheet = theme, stylesheet(theme)
        direct = Qt.FindChildOption.FindDirectChildrenOnly
        children = window.findChildren(QWidget, options=direct)
        seen = [child for child in children if child.isVisible()]
        unseen = [child for child in children if not child.isVisible()]
        window.view.set_theme(theme)
        self._parts = deque([partial(window.chrome.set_theme, theme)])
        self._parts += [partial(self._dress_part, child) for child in seen]
        window.setUpdatesEnabled(False)  # no half of it in the old colours
        self._parts.append(partial(window.setUpdatesEnabled, True))
        self._parts += [partial(self._dress_part, child) for child in unseen]
        self._slice.start()
        if not window.isVisible():
            self.settle()

    def _dress_part(self, child: QWidget) -> None:
        if not isValid(child):  # a dialog that was closed meanwhile
            return
        child.setStyleSheet(self._sheet)  # the same sheet again takes over another size of text
        if isinstance(child, QDockWidget) and child.objectName() in self.window.panels:
            self.window.panels[child.objectName()].set_theme(self.theme)

    def _go_on(self) -> None:
        until = perf_counter() + SLICE
        while self._parts and perf_counter() < until:
            self._parts.popleft()()
        if not self._parts:
            self._slice.stop()
