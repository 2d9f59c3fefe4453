"""The panels' docks: their places, and when they are offered, opened and hidden."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from PySide6.QtCore import QByteArray, QObject, QRect, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from circuitviz.panels import Panel, panels
from circuitviz.panels.registry import PLACES, place_of, place_title
from circuitviz.registry import RegistryEntry
from circuitviz.shell.dock_help_button import DockHelpButton
from circuitviz.shell.panel_places import PanelFrame, PanelPlace, PlacesView, is_dock_in_front
from circuitviz.shell.search_strip import SearchStrip
from circuitviz.workspace import Workspace

P = TypeVar("P", bound=Panel)
SIDE_AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
}
SEARCH = "discovery"  # the panel at the left, which stands apart from the document


class DockManager(QObject):
    """A dock for each registered panel: at the sides of the window, or in a place below the canvas.

    Attributes:
        docks: By the registered name of the panel.
        panels: Likewise.
        hidden_names: Docks at the sides, and floating ones, that stay away until there is a circuit.
        places_view: The places, in the middle of the window.
        search_strip: What is left of the search panel while that is closed.
    """

    help_requested = Signal(str)  # the title of the panel that help is wanted on

    def __init__(self, window: QMainWindow, workspace: Workspace) -> None:
        """Create the docks; what is in the middle of the window stays above the places."""
        super().__init__(window)
        self._window, self._workspace = window, workspace
        self.docks: dict[str, QDockWidget] = {}
        self.panels: dict[str, Panel] = {}
        self.hidden_names: set[str] = set()
        self._front_names: set[str] = set()  # of them, those before others in one place
        self._offered_names: set[str] = set()  # docks of places that were shown, unless the user hid one
        self._hidden_by_user: set[str] = set()
        self._requested_names: set[str] = set()  # shown because they were asked for
        self._is_search_open_with_circuit: bool | None = None  # as the user left it
        self._is_setting_search = self.has_circuit = False
        canvas = window.takeCentralWidget()
        assert canvas is not None
        self.places_view = PlacesView(canvas)
        window.setCentralWidget(self.places_view)
        window.setDockNestingEnabled(True)
        window.setCorner(Qt.Corner.BottomRightCorner, SIDE_AREAS["right"])
        window.setCorner(Qt.Corner.BottomLeftCorner, SIDE_AREAS["left"])
        entries = sorted(panels.entries(), key=lambda e: float(e.extra["order"]))
        lower = [entry for entry in entries if entry.extra["area"] == "bottom"]
        used = [place_of(entry.extra) for entry in lower]
        for name in dict.fromkeys([*(name for name in PLACES if name in used), *used]):
            needs = all(_needs_circuit(entry) for entry in lower if place_of(entry.extra) == name)
            self.places_view.add_place(PanelPlace(name, place_title(name), needs))
        for entry in entries:
            self._create_dock(entry)
        docks, across, upright = self.docks, Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        window.resizeDocks([docks[SEARCH]], [258], across)
        window.resizeDocks([docks["inspector"]], [312], across)
        window.resizeDocks([docks["meter"], docks["inspector"]], [150, 600], upright)
        self.search_strip = SearchStrip(window, docks[SEARCH])
        docks[SEARCH].toggleViewAction().triggered.connect(self._remember_search_panel)
        self.search_strip.opened.connect(partial(self._remember_search_panel, True))
        docks[SEARCH].visibilityChanged.connect(lambda _is_visible: self._on_search_panel_closed())
        self._connect_conditions()
        self.update_offered_panels()

    def _create_dock(self, entry: RegistryEntry[Callable[[Workspace], Panel]]) -> None:
        title, area = entry.extra["title"], entry.extra["area"]
        dock = QDockWidget(title)
        dock.setObjectName(entry.name)
        panel = entry.value(self._workspace)
        for named in (dock, panel):
            named.setAccessibleName(title)
        self.panels[entry.name], self.docks[entry.name] = panel, dock
        if area == "bottom":
            panel.set_in_front(False)
            dock.setWidget(PanelFrame(panel))
            self.places_view.places[place_of(entry.extra)].add_dock(entry.name, dock)
            dock.topLevelChanged.connect(lambda _floats: self.places_view.update_buttons())
        else:
            dock.setWidget(panel)
            self._window.addDockWidget(SIDE_AREAS[area], dock)
        dock.visibilityChanged.connect(panel.set_in_front)
        panel.applicability_changed.connect(self.update_offered_panels)
        # the tabs name the docks of a place: all that their title bars hold is the buttons
        help_button = DockHelpButton(dock, is_alone=area == "bottom")
        help_button.clicked.connect(partial(self.help_requested.emit, title))

    def _connect_conditions(self) -> None:
        workspace = self._workspace
        for signal in (
            workspace.state_changed,
            workspace.document_opened,
            workspace.model_ready,
            workspace.search_finished,
            workspace.comparison.changed,
            workspace.prompt_circuits.needed_model_changed,
            workspace.prompt_circuits.opening_changed,
        ):
            signal.connect(lambda *_given: self.update_offered_panels())

    def needs_circuit(self, name: str) -> bool:
        """Whether a panel, by its registered name, is there only where a circuit is open."""
        return _needs_circuit(panels.get(name))

    def panel(self, kind: type[P]) -> P:
        """The panel of a class."""
        return next(panel for panel in self.panels.values() if isinstance(panel, kind))

    def lay_out_hidden_docks(self) -> None:
        """Lay out all docks at the start, so that the first circuit does not wait for that."""
        for widget in (self._window, *self.places_view.places.values()):
            widget.grab(QRect(0, 0, 1, 1))  # which lays out all of it and paints one pixel

    # what is offered

    def update_offered_panels(self) -> None:
        """Offer the panels that apply to what is open, and say which step is missing for them."""
        self._find_hidden_by_user()
        for place in self.places_view.places.values():
            front = place.docks_in_front()
            for name, dock in place.docks.items():
                panel = self.panels[name]
                is_wanted = name in self._requested_names or (
                    name not in self._hidden_by_user and panel.is_applicable()
                )
                if is_wanted == dock.isHidden():
                    dock.setVisible(is_wanted)
                (self._offered_names.add if is_wanted else self._offered_names.discard)(name)
                if is_wanted:
                    frame = dock.widget()
                    assert isinstance(frame, PanelFrame)
                    frame.update_step()
            for dock in front:
                place.bring_to_front(dock)  # a panel that comes stays behind the one that is read
        self.places_view.update_buttons()

    def _find_hidden_by_user(self) -> None:
        """Notice which docks were hidden since: only the user hides what is offered."""
        if self.has_circuit:
            hidden = {name for name in self._offered_names - self.hidden_names if self.docks[name].isHidden()}
            self._hidden_by_user |= hidden
            self._requested_names -= hidden
            self._offered_names -= hidden

    def set_circuit_docks_visible(self, is_visible: bool) -> None:
        """Hide the docks that need a circuit, or show them again as they were."""
        if not is_visible and not self.hidden_names:
            self._front_names = {
                name
                for name, dock in self.docks.items()
                if self._window.tabifiedDockWidgets(dock) and is_dock_in_front(dock)
            }
        self._find_hidden_by_user()
        had_circuit, self.has_circuit = self.has_circuit, is_visible
        for name, dock in self.docks.items():
            if is_visible and name in self.hidden_names:
                dock.show()
            is_here = dock.isFloating() or not self._is_in_place(name)
            if not is_visible and name != SEARCH and is_here and not dock.isHidden():
                dock.hide()
                self.hidden_names.add(name)
        if is_visible:
            for name in self.hidden_names & self._front_names:
                self.docks[name].raise_()
            self.hidden_names.clear()
        self.places_view.set_available(is_visible)
        if is_visible and not had_circuit:
            self._set_search_panel_open(bool(self._is_search_open_with_circuit))
        elif not is_visible:
            self._set_search_panel_open(True)

    # what is in front

    def is_uncovered(self, widget: QWidget) -> bool:
        """Whether a widget is in no dock, or in one that is in front of its tabs."""
        return all(is_dock_in_front(dock) for dock in self.docks.values() if dock.isAncestorOf(widget))

    def bring_to_front(self, name: str) -> None:
        """Show a panel, by its registered name, in front of those that share its place."""
        dock = self.docks[name]
        self._front_names.clear()  # what was asked for last stays before the others
        if self._is_in_place(name):
            self._requested_names.add(name)
            self._hidden_by_user.discard(name)
            self.update_offered_panels()
        elif name == SEARCH:
            self._remember_search_panel(True)
        dock.show()
        place = self.places_view.places.get(place_of(panels.get(name).extra))
        if place is None or name not in place.docks or dock.isFloating():
            dock.raise_()
        else:
            place.bring_to_front(dock)
            self.places_view.show_place(place.name)  # last: what it covers is never shown
        if dock.isFloating():
            dock.activateWindow()

    def toggle_places(self) -> None:
        """Open the place that was open last, or close the one that is open."""
        self.places_view.toggle_area()

    def show_actions(self) -> list[list[QAction]]:
        """Actions that show a panel each, or hide the one that is in sight; by side and place."""
        sides = [name for name, dock in self.docks.items() if not self._is_in_place(name)]
        places = [list(place.docks) for place in self.places_view.places.values()]
        return [[self._show_action(name) for name in names] for names in (sides, *places)]

    def _show_action(self, name: str) -> QAction:
        dock = self.docks[name]
        action = QAction(dock.windowTitle(), self._window, checkable=True)
        dock.visibilityChanged.connect(lambda is_visible: action.setChecked(is_visible))
        action.triggered.connect(lambda is_on: self.bring_to_front(name) if is_on else self._hide(name))
        return action

    def _hide(self, name: str) -> None:
        dock = self.docks[name]
        dock.hide()
        if name == SEARCH:
            self._remember_search_panel(False)
        self.update_offered_panels()

    def _is_in_place(self, name: str) -> bool:
        return any(name in place.docks for place in self.places_view.places.values())

    # the search panel

    def _set_search_panel_open(self, is_open: bool) -> None:
        dock, focus = self.docks[SEARCH], QApplication.focusWidget()
        had_focus = focus is not None and dock.isAncestorOf(focus)
        self._is_setting_search = True
        dock.setVisible(is_open)
        self._is_setting_search = False
        if had_focus and not is_open:
            self.places_view.focus_canvas()

    def _remember_search_panel(self, is_open: bool) -> None:
        if self.has_circuit:
            self._is_search_open_with_circuit = is_open

    def _on_search_panel_closed(self) -> None:
        if self.docks[SEARCH].isHidden() and not self._is_setting_search and self._window.isVisible():
            self._remember_search_panel(False)

    # kept between two starts

    def save_layout(self) -> str:
        """The open place, its height, and what the user hid, moved or closed, as JSON."""
        self._find_hidden_by_user()
        view = self.places_view
        return json.dumps(
            {
                "open": view.open_place,
                "last": getattr(view.stack.currentWidget(), "name", ""),
                "height": view.area_height_px,
                "search": self._is_search_open_with_circuit,
                "hidden": sorted(self._hidden_by_user),
                "places": {
                    name: bytes(place.saveState().toBase64().data()).decode()
                    for name, place in view.places.items()
                },
            }
        )

    def restore_layout(self, text: str) -> None:
        """Restore what ``save_layout`` has written; what cannot be read is left as it is."""
        try:
            saved = json.loads(text)
            height, search = int(saved["height"]), saved["search"]
            hidden, states = {str(name) for name in saved["hidden"]}, dict(saved["places"])
            last, is_open = str(saved["last"]), bool(saved["open"])
        except (ValueError, KeyError, TypeError):
            return
        view = self.places_view
        for name, place in view.places.items():
            place.restoreState(QByteArray.fromBase64(str(states.get(name, "")).encode()))
        view.area_height_px = max(0, height)
        self._is_search_open_with_circuit = search if isinstance(search, bool) else None
        self._hidden_by_user = hidden & self.docks.keys()
        self._offered_names = {name for name, dock in self.docks.items() if not dock.isHidden()}
        self.update_offered_panels()
        if last in view.places and view.places[last].is_offered:
            view.show_place(last) if is_open else view.stack.setCurrentWidget(view.places[last])


def _needs_circuit(entry: RegistryEntry[Callable[[Workspace], Panel]]) -> bool:
    return bool(entry.extra.get("needs_circuit", entry.name != SEARCH))
