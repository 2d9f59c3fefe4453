"""The panels' docks: where they stand, how tall they like to be, and when they stay away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDockWidget, QTabBar, QWidget

from circuitviz.panels import Panel, panels
from circuitviz.panels.room import DockFrame, room

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
MOST = 0.55  # of the window's height for a bottom dock: the canvas keeps the rest
LOW = 210  # pixels of the bottom docks, where a panel does not ask for more


class Docks(QObject):
    """A dock for each registered panel. ``tall`` panels get more room while they are in front."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.by_name: dict[str, QDockWidget] = {}
        self.panels: dict[str, Panel] = {}
        self.away: set[str] = set()
        self._front: set[str] = set()  # of them, those before others in one place
        self._build()

    def _build(self) -> None:
        window = self.window
        window.setDockNestingEnabled(True)
        window.setCorner(Qt.Corner.BottomRightCorner, AREAS["right"])
        window.setCorner(Qt.Corner.BottomLeftCorner, AREAS["left"])
        window.setTabPosition(AREAS["bottom"], window.tabPosition(AREAS["left"]).North)
        before: dict[str, QDockWidget] = {}
        for entry in sorted(panels.entries(), key=lambda e: float(e.extra["order"])):
            dock = QDockWidget(entry.extra["title"], window)
            dock.setObjectName(entry.name)
            panel = entry.value(window.desk)
            for named in (dock, panel):
                named.setAccessibleName(entry.extra["title"])
            area = entry.extra["area"]
            dock.setWidget(DockFrame(panel) if area == "bottom" else panel)
            dock.visibilityChanged.connect(panel.set_seen)
            window.addDockWidget(AREAS[area], dock)
            if area == "bottom":
                dock.setTitleBarWidget(QWidget())  # the tabs name these docks
            if area == "bottom" and area in before:
                window.tabifyDockWidget(before[area], dock)
                before[area].raise_()
            before.setdefault(area, dock)
            dock.setVisible(not entry.extra.get("hidden"))
            self.panels[entry.name], self.by_name[entry.name] = panel, dock
        docks, across, upright = self.by_name, Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        window.resizeDocks([docks["discovery"]], [258], across)
        window.resizeDocks([docks["inspector"]], [312], across)
        window.resizeDocks([docks["meter"], docks["inspector"]], [150, 600], upright)
        window.resizeDocks([docks["edges"]], [room(window, LOW)], upright)
        window.tabifiedDockWidgetActivated.connect(self._raised)
        window.desk.panel_wanted.connect(self.bring)

    def prepare(self) -> None:
        """Lay all docks out while nobody waits: the first circuit brings them into sight at once."""
        self.window.grab()

    def show(self, shown: bool) -> None:
        """Docks that speak of a circuit stay away until there is one; then as they were left."""
        if not shown and not self.away:
            self._front = {
                name
                for name, dock in self.by_name.items()  # Qt keeps those behind a tab left of the window
                if self.window.tabifiedDockWidgets(dock) and dock.geometry().right() > 0
            }
        for name, dock in self.by_name.items():
            if shown and name in self.away:
                dock.show()
            if not shown and name != "discovery" and not dock.isHidden():
                dock.hide()
                self.away.add(name)
        if shown:
            for name in self.away & self._front:
                self.by_name[name].raise_()
            self.away.clear()
            for bar in self.window.findChildren(QTabBar):
                bar.setElideMode(Qt.TextElideMode.ElideNone)  # many tabs scroll; none becomes a letter
                bar.setUsesScrollButtons(True)

    def in_sight(self, widget: QWidget) -> bool:
        """Whether a widget stands in no dock, or in one that no other hides."""
        docks = (dock for dock in self.by_name.values() if dock.isAncestorOf(widget))
        return all(dock.isFloating() or dock.geometry().right() > 0 for dock in docks)

    def bring(self, name: str) -> None:
        """Show a panel in front of those that share its place."""
        dock = self.by_name[name]
        self._front.clear()  # what was asked for last stays before the others
        dock.show()
        dock.raise_()
        self._raised(dock)

    def _raised(self, dock: QDockWidget) -> None:
        """Give a tall panel room when it comes to the front, and take it back from the others."""
        if self.window.dockWidgetArea(dock) != AREAS["bottom"] or dock.isFloating():
            return
        extra = panels.get(dock.objectName()).extra
        low = room(dock, LOW)
        height = min(room(dock, int(extra.get("height", LOW))), MOST * self.window.height())
        if height > low or dock.height() > 1.3 * low:
            self.window.resizeDocks([dock], [round(height)], Qt.Orientation.Vertical)
