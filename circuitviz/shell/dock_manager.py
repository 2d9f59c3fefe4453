"""The panels' docks: their places, their heights, and when they are hidden."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

from PySide6.QtCore import QObject, QRect, Qt, Signal
from PySide6.QtWidgets import QDockWidget, QMainWindow, QTabBar, QWidget

from circuitviz.panels import Panel, panels
from circuitviz.panels.widgets.font_scaling import DockScrollArea, scale_pixels
from circuitviz.shell.dock_help_button import DockHelpButton
from circuitviz.workspace import Workspace

P = TypeVar("P", bound=Panel)
DOCK_AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
MAX_BOTTOM_DOCK_FRACTION = 0.55  # of the window's height for a bottom dock: the canvas keeps the rest
BOTTOM_DOCK_HEIGHT_PX = 210  # pixels of the bottom docks, where a panel does not ask for more


class DockManager(QObject):
    """A dock for each registered panel; tall panels get more room while they are in front.

    Attributes:
        docks: By the registered name of the panel.
        panels: Likewise.
        hidden_names: Docks that stay away until there is a circuit.
    """

    help_requested = Signal(str)  # the title of the panel that help is wanted on

    def __init__(self, window: QMainWindow, workspace: Workspace) -> None:
        super().__init__(window)
        self._window, self._workspace = window, workspace
        self.docks: dict[str, QDockWidget] = {}
        self.panels: dict[str, Panel] = {}
        self.hidden_names: set[str] = set()
        self._front_names: set[str] = set()  # of them, those before others in one place
        self._create_docks()

    def _create_docks(self) -> None:
        window = self._window
        window.setDockNestingEnabled(True)
        window.setCorner(Qt.Corner.BottomRightCorner, DOCK_AREAS["right"])
        window.setCorner(Qt.Corner.BottomLeftCorner, DOCK_AREAS["left"])
        window.setTabPosition(DOCK_AREAS["bottom"], window.tabPosition(DOCK_AREAS["left"]).North)
        before: dict[str, QDockWidget] = {}
        for entry in sorted(panels.entries(), key=lambda e: float(e.extra["order"])):
            dock = QDockWidget(entry.extra["title"], window)
            dock.setObjectName(entry.name)
            panel = entry.value(self._workspace)
            for named in (dock, panel):
                named.setAccessibleName(entry.extra["title"])
            area = entry.extra["area"]
            dock.setWidget(DockScrollArea(panel) if area == "bottom" else panel)
            dock.visibilityChanged.connect(panel.set_in_front)
            window.addDockWidget(DOCK_AREAS[area], dock)
            # the tabs name the docks at the bottom: all that their title bars hold is the button
            help_button = DockHelpButton(dock, is_alone=area == "bottom")
            help_button.clicked.connect(partial(self.help_requested.emit, entry.extra["title"]))
            if area == "bottom" and area in before:
                window.tabifyDockWidget(before[area], dock)
                before[area].raise_()
            before.setdefault(area, dock)
            dock.setVisible(not entry.extra.get("hidden"))
            self.panels[entry.name], self.docks[entry.name] = panel, dock
        docks, across, upright = self.docks, Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        window.resizeDocks([docks["discovery"]], [258], across)
        window.resizeDocks([docks["inspector"]], [312], across)
        window.resizeDocks([docks["meter"], docks["inspector"]], [150, 600], upright)
        window.resizeDocks([docks["edges"]], [scale_pixels(window, BOTTOM_DOCK_HEIGHT_PX)], upright)
        window.tabifiedDockWidgetActivated.connect(self._on_raised)

    def panel(self, kind: type[P]) -> P:
        """The panel of a class."""
        return next(panel for panel in self.panels.values() if isinstance(panel, kind))

    def lay_out_hidden_docks(self) -> None:
        """Lay out all docks at the start, so that the first circuit does not wait for that."""
        self._window.grab(QRect(0, 0, 1, 1))  # which lays out the whole window and paints one pixel

    def set_circuit_docks_visible(self, is_visible: bool) -> None:
        """Hide the docks that need a circuit, or show them again as they were."""
        if not is_visible and not self.hidden_names:
            self._front_names = {
                name
                for name, dock in self.docks.items()  # Qt keeps those behind a tab left of the window
                if self._window.tabifiedDockWidgets(dock) and dock.geometry().right() > 0
            }
        for name, dock in self.docks.items():
            if is_visible and name in self.hidden_names:
                dock.show()
            if not is_visible and name != "discovery" and not dock.isHidden():
                dock.hide()
                self.hidden_names.add(name)
        if is_visible:
            for name in self.hidden_names & self._front_names:
                self.docks[name].raise_()
            self.hidden_names.clear()
            for bar in self._window.findChildren(QTabBar):
                bar.setElideMode(Qt.TextElideMode.ElideNone)  # many tabs scroll; none becomes a letter
                bar.setUsesScrollButtons(True)

    def is_uncovered(self, widget: QWidget) -> bool:
        """Whether a widget is in no dock, or in one that is in front of its tabs."""
        docks = (dock for dock in self.docks.values() if dock.isAncestorOf(widget))
        return all(dock.isFloating() or dock.geometry().right() > 0 for dock in docks)

    def bring_to_front(self, name: str) -> None:
        """Show a panel, by its registered name, in front of those that share its place."""
        dock = self.docks[name]
        self._front_names.clear()  # what was asked for last stays before the others
        dock.show()
        dock.raise_()
        self._on_raised(dock)

    def _on_raised(self, dock: QDockWidget) -> None:
        """Resize the bottom docks to what the panel in front asks for."""
        if self._window.dockWidgetArea(dock) != DOCK_AREAS["bottom"] or dock.isFloating():
            return
        extra = panels.get(dock.objectName()).extra
        low = scale_pixels(dock, BOTTOM_DOCK_HEIGHT_PX)
        height = min(
            scale_pixels(dock, int(extra.get("height", BOTTOM_DOCK_HEIGHT_PX))),
            MAX_BOTTOM_DOCK_FRACTION * self._window.height(),
        )
        if height > low or dock.height() > 1.3 * low:
            self._window.resizeDocks([dock], [round(height)], Qt.Orientation.Vertical)
