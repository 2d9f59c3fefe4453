"""What is left of the search panel while it is closed: a strip at the window's edge that opens it again."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QMainWindow,
    QStyle,
    QStyleOptionToolButton,
    QStylePainter,
    QToolBar,
    QToolButton,
)


class SearchStrip(QToolBar):
    """Stands at the left of the window while the dock is closed.

    Signals:
        opened: the user has opened the dock.
    """

    opened = Signal()

    def __init__(self, window: QMainWindow, dock: QDockWidget) -> None:
        super().__init__(dock.windowTitle(), window, movable=False)
        self.setObjectName("searchStrip")
        self._dock = dock
        self.button = SidewaysButton(dock.windowTitle())
        self.button.clicked.connect(self._open)
        self.addWidget(self.button)
        self.toggleViewAction().setVisible(False)  # it is there when the dock is not
        window.addToolBar(Qt.ToolBarArea.LeftToolBarArea, self)
        dock.visibilityChanged.connect(lambda _is_visible: self.update_visibility())
        self.update_visibility()

    def update_visibility(self) -> None:
        """Be there while the dock is not."""
        self.setVisible(self._dock.isHidden())

    def _open(self) -> None:
        self._dock.show()
        self.opened.emit()


class SidewaysButton(QToolButton):
    """A button whose text reads from bottom to top."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.setObjectName("sideways")
        self.setText(text)
        self.setToolTip(f"Open the panel {text}")
        self.setAccessibleName(f"Open the panel {text}")

    def sizeHint(self) -> QSize:
        """The size of a usual button, on its side."""
        return super().sizeHint().transposed()

    def minimumSizeHint(self) -> QSize:
        """The size that the text needs."""
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint a usual button, on its side."""
        painter = QStylePainter(self)
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        option.rect = option.rect.transposed()
        painter.rotate(-90)
        painter.translate(-self.height(), 0)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option)
