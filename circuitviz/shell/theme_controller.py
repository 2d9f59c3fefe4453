"""How the application looks: theme, colours of edges, size of text, applied from the settings at once."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from circuitviz.canvas.stylesheet import WINDOW_STYLESHEET, qt_palette, stylesheet
from circuitviz.scene.theme import THEMES, Theme, with_edge_colours
from circuitviz.shell.settings import Settings

MIN_SIZE_CHANGE_PT = 0.01


class ThemeController(QObject):
    """Gives a window its style sheet, and the application its palette and font.

    Attributes:
        theme: What the window has now.
    """

    theme_changed = Signal(object)  # Theme
    _applied_sizes_pt: ClassVar[tuple[float, float]] = (0.0, 0.0)  # what a window set last, and the system's

    def __init__(self, window: QWidget, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._settings = window, settings
        self.theme = THEMES["light"]
        self._system_size_pt = self._system_font_size()
        self._window_style = ("", 0.0)  # the style sheet of the window, and the size it was set for
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_scheme_changed)
        window.installEventFilter(self)

    def apply_settings(self) -> None:
        """Use what the settings say."""
        self.apply_theme(self._settings.theme)

    def apply_theme(self, name: str) -> None:
        """Use ``light``, ``dark`` or ``system``, for now; the settings stay as they are."""
        if name == "system":
            is_dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
            name = "dark" if is_dark else "light"
        self._set_theme(with_edge_colours(THEMES.get(name, THEMES["light"]), self._settings.edge_colours))

    def toggle_theme(self) -> None:
        """Change between light and dark; kept for the next start."""
        self._settings.theme = "light" if self.theme.is_dark else "dark"
        self.apply_settings()

    def use_system_theme(self) -> None:
        """Use light or dark as the system does."""
        self._settings.theme = "system"
        self.apply_settings()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A window with a style sheet does not follow the system's size of text by itself."""
        if event.type() is QEvent.Type.ApplicationFontChange:
            size = self._system_font_size()
            if size > 0 and abs(size - self._system_size_pt) > MIN_SIZE_CHANGE_PT:
                self._system_size_pt = size
                QTimer.singleShot(0, self, self._reapply_theme)  # Qt is still telling the others
        return super().eventFilter(watched, event)

    @classmethod
    def _system_font_size(cls) -> float:
        """The system's size of text in points, also where a window of ours made it larger."""
        size = QApplication.font().pointSizeF()
        applied, system = cls._applied_sizes_pt
        return system if abs(size - applied) < MIN_SIZE_CHANGE_PT else size

    def _reapply_theme(self) -> None:
        self._set_theme(self.theme)

    def _on_system_scheme_changed(self) -> None:
        if self._settings.theme == "system":
            self.apply_settings()

    def _set_theme(self, theme: Theme) -> None:
        font = QApplication.font()
        size = self._system_size_pt * self._settings.text_size / 100
        if size > 0 and abs(font.pointSizeF() - size) > MIN_SIZE_CHANGE_PT:
            font.setPointSizeF(size)
            ThemeController._applied_sizes_pt = size, self._system_size_pt
            QApplication.setFont(font)
        self.theme = theme
        style = (WINDOW_STYLESHEET + stylesheet(theme), size)
        if style != self._window_style:  # to polish all widgets again takes a tenth of a second
            self._window_style = style
            QApplication.setPalette(qt_palette(theme))
            self._window.setStyleSheet(style[0])
        self.theme_changed.emit(theme)
