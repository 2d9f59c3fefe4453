"""Buttons in a dock's title bar: help on its panel, and where no title is shown, one that takes it out."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractButton, QDockWidget, QToolButton, QVBoxLayout, QWidget

from circuitviz.panels.widgets.font_scaling import scale_pixels

FLOAT_BUTTON_NAME = "qt_dockwidget_floatbutton"  # as Qt calls the first of its buttons in a title bar
BUTTON_PX = 16


class _TitleButton(QToolButton):
    """A square button that grows with the text."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # as Qt's own buttons there
        self._fix_size()

    def changeEvent(self, event: QEvent) -> None:
        """Grow when the font does."""
        if event.type() is QEvent.Type.FontChange:
            self._fix_size()
        super().changeEvent(event)

    def _fix_size(self) -> None:
        side_px = scale_pixels(self, BUTTON_PX)
        self.setFixedSize(side_px, side_px)


class DockHelpButton(_TitleButton):
    """Stands left of Qt's own buttons, or alone in a narrow bar at the panel's left.

    Args:
        dock: The dock.
        is_alone: Whether the dock's title bar shows nothing else, not even the title.
    """

    def __init__(self, dock: QDockWidget, is_alone: bool) -> None:
        help_text = f"Help on {dock.windowTitle()}"
        super().__init__(dock)
        self.setObjectName("dockHelp")
        self.setText("?")
        self.setToolTip(help_text)
        self.setAccessibleName(help_text)
        if is_alone:
            bar = QWidget()
            column = QVBoxLayout(bar)
            column.setContentsMargins(1, 6, 1, 0)
            column.addWidget(self)
            column.addWidget(_FloatButton(dock))
            column.addStretch(1)
            dock.setFeatures(dock.features() | QDockWidget.DockWidgetFeature.DockWidgetVerticalTitleBar)
            dock.setTitleBarWidget(bar)
        else:
            float_button = dock.findChild(QAbstractButton, FLOAT_BUTTON_NAME)
            assert float_button is not None
            self._float_button = float_button
            float_button.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay beside Qt's buttons."""
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show):
            float_rect = self._float_button.geometry()
            self.move(float_rect.left() - self.width() - 2, float_rect.center().y() - self.height() // 2)
            self.raise_()
        return super().eventFilter(watched, event)


class _FloatButton(_TitleButton):
    """Takes the panel out into a window, and puts it back."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self.setObjectName("dockFloat")
        self.clicked.connect(lambda: dock.setFloating(not dock.isFloating()))
        dock.topLevelChanged.connect(self._describe)
        self._describe(dock.isFloating())

    def _describe(self, is_floating: bool) -> None:
        text = (
            "Put this panel back into its place" if is_floating else "Show this panel in a window of its own"
        )
        self.setToolTip(text)
        self.setAccessibleName(text)
