"""A button whose lines are elided, so that its text never makes a page wider."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy

from circuitviz.workspace.plain_text import escape_mnemonics


class ElidedButton(QPushButton):
    """Takes whatever width there is up to that of its text; its tool tip is the whole text."""

    def __init__(
        self,
        *lines: str,
        name: str = "",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        padding_px: int = 0,
    ) -> None:
        """Show lines of text.

        Args:
            *lines: The whole text.
            name: The object name, by which the style knows it.
            mode: Where a line is cut.
            padding_px: Pixels that the style keeps free at the left and the right together.
        """
        super().__init__()
        self.setObjectName(name)
        self._lines: tuple[str, ...] = lines
        self._mode, self._padding_px = mode, padding_px
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.show_lines(*lines)

    def show_lines(self, *lines: str) -> None:
        """Show another text."""
        self._lines = lines
        self.setToolTip("\n".join(lines))
        self.setAccessibleName(lines[0])
        self.updateGeometry()
        self._elide()

    def sizeHint(self) -> QSize:
        """As wide as the whole text."""
        widest_px = max(self.fontMetrics().horizontalAdvance(line) for line in self._lines)
        return QSize(widest_px + self._padding_px, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """No width is required."""
        return QSize(self._padding_px, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as much as the width holds."""
        super().resizeEvent(event)
        self._elide()

    def showEvent(self, event: QShowEvent) -> None:
        """Its width is known now."""
        super().showEvent(event)
        self._elide()

    def changeEvent(self, event: QEvent) -> None:
        """Another font holds more or less."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._elide()

    def _elide(self) -> None:
        room_px, metrics = self.width() - self._padding_px, self.fontMetrics()
        lines = self._lines
        if self.isVisible():  # before that its width is none that it was given
            lines = tuple(metrics.elidedText(line, self._mode, room_px) for line in lines)
        text = "\n".join(escape_mnemonics(line) for line in lines)
        if text != self.text():
            self.setText(text)
