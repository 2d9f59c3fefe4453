"""The places below the canvas: a strip of buttons that never moves, and an area above it of one height.

The area is closed at first. A place holds the docks of its panels in a window of its own, so that they are
tabs of that place, can be put side by side in it, and can be taken out.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QFrame,
    QGraphicsView,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from circuitviz.panels.registry import MissingStep, Panel
from circuitviz.panels.widgets.font_scaling import DockScrollArea, scale_pixels
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row

AREA_HEIGHT_PX = 310  # until the user chooses another
MIN_AREA_HEIGHT_PX = 90
MAX_AREA_FRACTION = 0.6  # of the height that canvas and area share, when the area is opened
DOCK_AREA = Qt.DockWidgetArea.TopDockWidgetArea  # the only one that a place uses


class PanelPlace(QMainWindow):
    """The docks of one place: tabs, as long as the user does not put them side by side."""

    def __init__(self, name: str, title: str, needs_circuit: bool = True) -> None:
        super().__init__()
        self.needs_circuit = needs_circuit
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setObjectName(f"place {name}")
        self.name, self.title = name, title
        self.docks: dict[str, QDockWidget] = {}
        self.setDockNestingEnabled(True)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)

    def add_dock(self, name: str, dock: QDockWidget) -> None:
        """Add a dock, by the registered name of its panel, behind those that are there."""
        dock.setObjectName(f"in place {name}")  # not the name that older windows have saved
        self.addDockWidget(DOCK_AREA, dock)
        if self.docks:
            first, last = next(iter(self.docks.values())), list(self.docks.values())[-1]
            self.tabifyDockWidget(last, dock)
            first.raise_()
        self.docks[name] = dock

    @property
    def is_offered(self) -> bool:
        """Whether any panel of the place is in it, and is not hidden."""
        return any(not dock.isHidden() and not dock.isFloating() for dock in self.docks.values())

    def bring_to_front(self, dock: QDockWidget) -> None:
        """Bring a dock to the front of its tabs, also one that was shown just now."""
        if (layout := self.layout()) is not None:
            layout.activate()  # which makes its tab
        for bar in self.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            for index in range(bar.count()):
                if bar.tabText(index) == dock.windowTitle():
                    bar.setCurrentIndex(index)

    def docks_in_front(self) -> list[QDockWidget]:
        """The docks that are not behind the tab of another one."""
        return [dock for dock in self.docks.values() if not dock.isHidden() and is_dock_in_front(dock)]


class PlacesView(QWidget):
    """The canvas, the area of the open place below it, and the strip of places below both.

    Args:
        upper: What is above the area.

    Signals:
        place_changed: another place is open, or none.
    """

    place_changed = Signal()

    def __init__(self, upper: QWidget) -> None:
        super().__init__()
        self.places: dict[str, PanelPlace] = {}
        self.buttons: dict[str, QToolButton] = {}
        self.area_height_px = 0  # the user's; 0 until there is one
        self._upper = upper
        self._is_available, self._name_to_reopen = True, ""
        self.stack = QStackedWidget()
        self.stack.setMinimumHeight(MIN_AREA_HEIGHT_PX)
        self.splitter = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        self.splitter.addWidget(upper)
        self.splitter.addWidget(self.stack)
        self.splitter.setStretchFactor(0, 1)
        self.stack.hide()
        self.strip = QFrame(objectName="places")
        row = QHBoxLayout(self.strip, spacing=0)
        row.setContentsMargins(6, 0, 6, 0)
        row.addStretch(1)
        column = QVBoxLayout(self, spacing=0)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.splitter, 1)
        column.addWidget(self.strip)
        self.splitter.splitterMoved.connect(self._remember_height)

    def add_place(self, place: PanelPlace) -> None:
        """Add a place at the right of those that are there."""
        button = QToolButton(text=place.title, checkable=True, objectName="place")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the focus where it is
        button.setToolTip(f"Open or close {place.title}")
        button.clicked.connect(partial(self.toggle_place, place.name))
        layout = self.strip.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.insertWidget(layout.count() - 1, button)
        self.stack.addWidget(place)
        self.places[place.name], self.buttons[place.name] = place, button

    @property
    def open_place(self) -> str:
        """The name of the place that is open; empty where none is."""
        place = self.stack.currentWidget()
        return place.name if isinstance(place, PanelPlace) and not self.stack.isHidden() else ""

    def toggle_place(self, name: str, _is_checked: bool = False) -> None:
        """Open a place, or close it where it is open."""
        self.close_area() if self.open_place == name else self.show_place(name)

    def toggle_area(self) -> None:
        """Open the place that was open last, or close the one that is open."""
        if self.open_place:
            return self.close_area()
        place = self.stack.currentWidget()
        offered = [place, *self.places.values()]
        name = next((p.name for p in offered if isinstance(p, PanelPlace) and p.is_offered), "")
        if name:
            self.show_place(name)

    def show_place(self, name: str) -> None:
        """Open a place at the height that the user chose."""
        is_opening = self.stack.isHidden()
        self.stack.setCurrentWidget(self.places[name])
        if is_opening:
            whole = self.splitter.height() - self.splitter.handleWidth()
            height = self.area_height_px or scale_pixels(self, AREA_HEIGHT_PX)
            height = round(min(height, MAX_AREA_FRACTION * whole))
            self.stack.show()
            self.splitter.setSizes([whole - height, height])
        self._show_open_place()

    def close_area(self) -> None:
        """Close the area; the focus goes to the canvas if it was in there."""
        focus = QApplication.focusWidget()
        had_focus = focus is not None and self.stack.isAncestorOf(focus)
        self.stack.hide()
        if had_focus:
            self.focus_canvas()
        self._show_open_place()

    def focus_canvas(self) -> None:
        """Give the keyboard focus to the canvas in sight."""
        views = (view for view in self._upper.findChildren(QGraphicsView) if view.isVisible())
        next(views, self._upper).setFocus()

    def set_available(self, is_available: bool) -> None:
        """Show the strip and what was open, or neither: without a circuit there is nothing to show."""
        if not is_available and self._is_available:
            self._name_to_reopen = self.open_place
            if self.open_place and self.places[self.open_place].needs_circuit:
                self.close_area()
        is_returning, self._is_available = is_available and not self._is_available, is_available
        self.update_buttons()
        if is_returning and self._name_to_reopen and self.places[self._name_to_reopen].is_offered:
            self.show_place(self._name_to_reopen)

    def update_buttons(self) -> None:
        """Offer the places that have panels to show; an open one that has none is closed."""
        offered = {
            name: place.is_offered and (self._is_available or not place.needs_circuit)
            for name, place in self.places.items()
        }
        for name, is_offered in offered.items():
            self.buttons[name].setVisible(is_offered)
        self.strip.setVisible(any(offered.values()))
        if self.open_place and not self.places[self.open_place].is_offered:
            self.close_area()

    def _show_open_place(self) -> None:
        for name, button in self.buttons.items():
            button.setChecked(name == self.open_place)
        self.place_changed.emit()

    def _remember_height(self, _position: int, _index: int) -> None:
        if self.open_place:
            self.area_height_px = self.stack.height()


class PanelFrame(QWidget):
    """A panel that scrolls, below a line that says which step is missing before it can be used."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._panel = panel
        self._step: MissingStep | None = None
        self.step_line = QFrame(objectName="notice")
        self.step_label = QLabel(wordWrap=True)
        self.step_button = QPushButton(accessibleName="Do the missing step")
        self.step_button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        lay_out_row(
            (self.step_label, 1), self.step_button, parent=self.step_line, spacing=8, margins=(12, 6, 8, 6)
        )
        lay_out_column(self.step_line, (DockScrollArea(panel), 1), parent=self, spacing=0)
        self.step_line.hide()
        self.step_button.clicked.connect(lambda: self._step.run() if self._step is not None else None)

    def update_step(self) -> None:
        """Ask the panel what is missing, and show that."""
        self._step = step = self._panel.missing_step()
        self.step_line.setVisible(step is not None)
        if step is not None:
            self.step_label.setText(step.text)
            self.step_button.setText(step.button_text)
            self.step_button.setVisible(bool(step.button_text))


def is_dock_in_front(dock: QDockWidget) -> bool:
    """Whether a dock floats, or is in front of the tabs that share its room."""
    return dock.isFloating() or dock.geometry().right() > 0  # Qt keeps those behind a tab left of the window
