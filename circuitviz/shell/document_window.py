"""A window of a circuit's own: its pane below the menus and tools, which act on this circuit here."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QMenuBar, QToolBar, QVBoxLayout, QWidget

from circuitviz.shell.canvas_pane import CanvasPane

WINDOW_SIZE_PX = (900, 700)


class BarPresses(QObject):
    """Tells of presses on bars of a window before they do anything, also on a button that is disabled.

    Signals:
        pressed: a mouse button is pressed on a bar.
    """

    pressed = Signal()

    def __init__(self, *bars: QWidget) -> None:
        super().__init__(bars[0])
        for bar in bars:
            for widget in (bar, *bar.findChildren(QWidget)):
                widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tell, and let the press through."""
        if event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick):
            self.pressed.emit()
        return super().eventFilter(watched, event)


class DocumentWindow(QWidget):
    """A window of one pane; closing it is for the tab's owner to decide.

    Attributes:
        pane: The name of the tab, above its circuit.
        menu_bar, toolbar: To be filled by whoever has the actions; the full screen hides both.

    Signals:
        close_requested: the person closes it.
    """

    close_requested = Signal()

    def __init__(self, parent: QWidget, pane: CanvasPane) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.pane = pane
        self.setObjectName("documentWindow")
        self.menu_bar, self.toolbar = QMenuBar(), QToolBar("Tools")
        column = QVBoxLayout(self, spacing=0)
        column.setContentsMargins(0, 0, 0, 0)
        column.setMenuBar(self.menu_bar)
        column.addWidget(self.toolbar)
        column.addWidget(pane, 1)
        self._is_ended = False

    def watch_bars(self) -> None:
        """Bring the tab to the front when its menus or tools are pressed, once they are filled."""
        BarPresses(self.menu_bar, self.toolbar).pressed.connect(self.pane.activated)

    def end(self) -> None:
        """Go, without a question."""
        self._is_ended = True
        self.pane.end()
        self.close()
        self.deleteLater()

    def toggle_full_screen(self) -> None:
        """Be as large as the screen, or as before."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape ends the full screen."""
        if event.key() == Qt.Key.Key_Escape and self.isFullScreen():
            self.toggle_full_screen()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """The window that the person goes to has the tab in front; on the full screen it has no bars."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.ActivationChange and self.isActiveWindow() and not self._is_ended:
            self.pane.activated.emit()
        elif event.type() is QEvent.Type.WindowStateChange:
            for bar in (self.menu_bar, self.toolbar):
                bar.setVisible(not self.isFullScreen())

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask first."""
        if not self._is_ended:
            event.ignore()
            self.close_requested.emit()


def find_asking_window(main_window: QWidget) -> QWidget:
    """The window that the person is in, which is the parent of what is asked there.

    Args:
        main_window: The main window.

    Returns:
        A window of a circuit's own where that, or a dialog over it, is active; else the main window.
    """
    window = QApplication.activeWindow()
    while window is not None and window is not main_window and not isinstance(window, DocumentWindow):
        window = window.parentWidget()
    return window or main_window
