"""The panels' docks: where they stand, how tall they like to be, and when they stay away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDockWidget, QTabBar, QWidget

from circuitviz.panels import Panel, panels
from circuitviz.panels.widgets.font_scaling import DockScrollArea, scale_pixels

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow

DOCK_AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
MAX_BOTTOM_DOCK_FRACTION = 0.55  # of the window's height for a bottom dock: the canvas keeps the rest
BOTTOM_DOCK_HEIGHT_PX = 210  # pixels of the bottom docks, where a panel does not ask for more


class DockManager(QObject):
    """A dock for each registered panel. ``tall`` panels get more room while they are in front."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.docks: dict[str, QDockWidget] = {}
        self.panels: dict[str, Panel] = {}
        self.hidden_names: set[str] = set()
        self._front_names: set[str] = set()  # of them, those before others in one place
        self._create_docks()

    def _create_docks(self) -> None:
        window = self.window
        window.setDockNestingEnabled(True)
        window.setCorner(Qt.Corner.BottomRightCorner, DOCK_AREAS["right"])
        window.setCorner(Qt.Corner.BottomLeftCorner, DOCK_AREAS["left"])
        window.setTabPosition(DOCK_AREAS["bottom"], window.tabPosition(DOCK_AREAS["left"]).North)
        before: dict[str, QDockWidget] = {}
        for entry in sorted(panels.entries(), key=lambda e: float(e.extra["order"])):
            dock = QDockWidget(entry.extra["title"], window)
            dock.setObjectName(entry.name)
            panel = entry.value(window.workspace)
            for named in (dock, panel):
                named.setAccessibleName(entry.extra["title"])
            area = entry.extra["area"]
            dock.setWidget(DockScrollArea(panel) if area == "bottom" else panel)
            dock.visibilityChanged.connect(panel.set_in_front)
            window.addDockWidget(DOCK_AREAS[area], dock)
            if area == "bottom":
                dock.setTitleBarWidget(QWidget())  # the tabs name these docks
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
        window.workspace.panel_requested.connect(self.bring_to_front)

    def lay_out_hidden_docks(self) -> None:
        """Lay all docks out while nobody waits: the first circuit brings them into sight at once."""
        self.window.grab()

    def set_circuit_docks_visible(self, is_visible: bool) -> None:
        """Docks that speak of a circuit stay away until there is one; then as they were left."""
        if not is_visible and not self.hidden_names:
            self._front_names = {
                name
                for name, dock in self.docks.items()  # Qt keeps those behind a tab left of the window
                if self.window.tabifiedDockWidgets(dock) and dock.geometry().right() > 0
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
            for bar in self.window.findChildren(QTabBar):
                bar.setElideMode(Qt.TextElideMode.ElideNone)  # many tabs scroll; none becomes a letter
                bar.setUsesScrollButtons(True)

    def is_uncovered(self, widget: QWidget) -> bool:
        """Whether a widget stands in no dock, or in one that no other hides."""
        docks = (dock for dock in self.docks.values() if dock.isAncestorOf(widget))
        return all(dock.isFloating() or dock.geometry().right() > 0 for dock in docks)

    def bring_to_front(self, name: str) -> None:
        """Show a panel in front of those that share its place."""
        dock = self.docks[name]
        self._front_names.clear()  # what was asked for last stays before the others
        dock.show()
        dock.raise_()
        self._on_raised(dock)

    def _on_raised(self, dock: QDockWidget) -> None:
        """Give a tall panel room when it comes to the front, and take it back from the others."""
        if self.window.dockWidgetArea(dock) != DOCK_AREAS["bottom"] or dock.isFloating():
            return
        extra = panels.get(dock.objectName()).extra
        low = scale_pixels(dock, BOTTOM_DOCK_HEIGHT_PX)
        height = min(
            scale_pixels(dock, int(extra.get("height", BOTTOM_DOCK_HEIGHT_PX))),
            MAX_BOTTOM_DOCK_FRACTION * self.window.height(),
        )
        if height > low or dock.height() > 1.3 * low:
            self.window.resizeDocks([dock], [round(height)], Qt.Orientation.Vertical)
