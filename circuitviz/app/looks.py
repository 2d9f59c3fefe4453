"""How the application looks: theme, colours of edges, size of text, applied from the settings at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from circuitviz.canvas.style import palette, stylesheet
from circuitviz.canvas.theme import THEMES, Theme, coloured

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


class Looks(QObject):
    """Dresses the window; ``theme`` is what it wears."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.settings = window, window.settings
        self.theme = THEMES["light"]
        self._size = QApplication.font().pointSizeF()  # the system's
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_changed)

    def apply(self) -> None:
        """Wear what the settings say."""
        self.wear(self.settings.theme)

    def wear(self, name: str) -> None:
        """``light``, ``dark`` or ``system``, for now; the settings stay as they are."""
        if name == "system":
            dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
            name = "dark" if dark else "light"
        self._dress(coloured(THEMES.get(name, THEMES["light"]), self.settings.colours))

    def _system_changed(self) -> None:
        if self.settings.theme == "system":
            self.apply()

    def _dress(self, theme: Theme) -> None:
        self.theme = theme
        app = QApplication.instance()
        if isinstance(app, QApplication):
            font = app.font()
            size = self._size * self.settings.text_size / 100
            if size > 0 and abs(font.pointSizeF() - size) > 0.01:
                font.setPointSizeF(size)
                app.setFont(font)
            app.setPalette(palette(theme))
        # The window's own sheet, which its dialogs inherit: the application's would take five times as long.
        self.window.setStyleSheet(stylesheet(theme))
        self.window.view.set_theme(theme)
        for panel in self.window.panels.values():
            panel.set_theme(theme)
        self.window.chrome.set_theme(theme)
