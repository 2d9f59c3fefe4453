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

from circuitviz.canvas.stylesheet import WINDOW_STYLESHEET, qt_palette, stylesheet
from circuitviz.scene.theme import THEMES, Theme, with_sign_colours

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow

RESTYLE_SLICE_S = 0.010  # seconds of dressing between two looks at the event queue


class ThemeController(QObject):
    """Dresses the window; ``theme`` is what it wears.

    A style sheet of the window would have some 900 widgets polished in one go. So each of the window's
    own children (menu bar, docks, dialogs) has the sheet for itself: what is in sight changes first,
    a few at a time and shown together, what is behind a tab afterwards.
    """

    _applied_font_sizes: ClassVar[tuple[float, float]] = (
        0.0,
        0.0,
    )  # the size that a window set last, and the system's

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.settings = window, window.settings
        self.theme = THEMES["light"]
        self._stylesheet = ""
        self._system_size_pt = self._system_font_size()
        self._pending_restyles: deque[Callable[[], None]] = deque()
        self._restyle_timer = QTimer(self, interval=0)
        self._restyle_timer.timeout.connect(self._restyle_slice)
        window.setStyleSheet(WINDOW_STYLESHEET)  # before there are children to polish
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_scheme_changed)
        window.installEventFilter(self)

    def apply_settings(self) -> None:
        """Wear what the settings say."""
        self.apply_theme(self.settings.theme)

    def apply_theme(self, name: str) -> None:
        """``light``, ``dark`` or ``system``, for now; the settings stay as they are."""
        if name == "system":
            dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
            name = "dark" if dark else "light"
        self._set_theme(with_sign_colours(THEMES.get(name, THEMES["light"]), self.settings.edge_colours))

    def style_widget(self, child: QWidget) -> None:
        """Give a child of the window its sheet, as it is shown for the first time."""
        if child.styleSheet() != self._stylesheet:
            child.setStyleSheet(self._stylesheet)
        for buttons in child.findChildren(QDialogButtonBox) if isinstance(child, QDialog) else ():
            for button in buttons.buttons():
                button.setIcon(QIcon())  # some platforms put one on Close and Save, and on no other button

    def finish_restyling(self) -> None:
        """Finish now what is left to be dressed: for a picture of the window."""
        while self._pending_restyles:
            self._pending_restyles.popleft()()
        self._restyle_timer.stop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Widgets with a sheet of their own do not follow the system's text by themselves."""
        if event.type() is QEvent.Type.ApplicationFontChange:
            size = self._system_font_size()
            if size > 0 and abs(size - self._system_size_pt) > 0.01:
                self._system_size_pt = size
                QTimer.singleShot(0, self, self._reapply_theme)  # Qt is still telling the others
        return super().eventFilter(watched, event)

    @staticmethod
    def _system_font_size() -> float:
        """The system's size of text, also where a window made it larger."""
        size = QApplication.font().pointSizeF()
        given, made_from = ThemeController._applied_font_sizes
        return made_from if abs(size - given) < 0.01 else size

    def _reapply_theme(self) -> None:
        self._set_theme(self.theme)

    def _on_system_scheme_changed(self) -> None:
        if self.settings.theme == "system":
            self.apply_settings()

    def _set_theme(self, theme: Theme) -> None:
        app, window = QApplication.instance(), self.window
        if isinstance(app, QApplication):
            font = app.font()
            size = self._system_size_pt * self.settings.text_size / 100
            if size > 0 and abs(font.pointSizeF() - size) > 0.01:
                font.setPointSizeF(size)
                ThemeController._applied_font_sizes = size, self._system_size_pt
                app.setFont(font)
            app.setPalette(qt_palette(theme))
        self.theme, self._stylesheet = theme, stylesheet(theme)
        direct = Qt.FindChildOption.FindDirectChildrenOnly
        children = window.findChildren(QWidget, options=direct)
        seen = [child for child in children if child.isVisible()]
        unseen = [child for child in children if not child.isVisible()]
        window.view.set_theme(theme)
        self._pending_restyles = deque([partial(window.menus.set_theme, theme)])
        self._pending_restyles += [partial(self._restyle_child, child) for child in seen]
        window.setUpdatesEnabled(False)  # no half of it in the old colours
        self._pending_restyles.append(partial(window.setUpdatesEnabled, True))
        self._pending_restyles += [partial(self._restyle_child, child) for child in unseen]
        self._restyle_timer.start()
        if not window.isVisible():
            self.finish_restyling()

    def _restyle_child(self, child: QWidget) -> None:
        if not isValid(child):  # a dialog that was closed meanwhile
            return
        child.setStyleSheet(self._stylesheet)  # the same sheet again takes over another size of text
        if isinstance(child, QDockWidget) and child.objectName() in self.window.panels:
            self.window.panels[child.objectName()].set_theme(self.theme)

    def _restyle_slice(self) -> None:
        until = perf_counter() + RESTYLE_SLICE_S
        while self._pending_restyles and perf_counter() < until:
            self._pending_restyles.popleft()()
        if not self._pending_restyles:
            self._restyle_timer.stop()
