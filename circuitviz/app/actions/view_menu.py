"""How the canvas and the window look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action
from circuitviz.session import Sight, filter_view

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("fit", "Show everything", "View", "F", "fit", "circuit", toolbar=True)
def _fit(window: MainWindow) -> None:
    window.view.fit(whole=not window.view.is_whole)  # again: as it can be read


@action("zoom-in", "Zoom in", "View", "Ctrl++", "zoom-in", "circuit", toolbar=True)
def _zoom_in(window: MainWindow) -> None:
    window.view.zoom_by(1.25)


@action("zoom-out", "Zoom out", "View", "Ctrl+-", "zoom-out", "circuit", toolbar=True)
def _zoom_out(window: MainWindow) -> None:
    window.view.zoom_by(0.8)


@action("filters", "Filters…", "View", "Ctrl+Shift+F", "filter", "circuit", toolbar=True)
def _filters(window: MainWindow) -> None:
    window.places.bring("filters")
    window.panels["filters"].most.setFocus()  # type: ignore[attr-defined]


@action("clear-filters", "Show what filters hide", "View", needs="filters")
def _clear_filters(window: MainWindow) -> None:
    window.desk.do(filter_view(Sight()))


@action("theme", "Light or dark", "View", "Ctrl+T", "theme", toolbar=True)
def _theme(window: MainWindow) -> None:
    window.switch_theme()


@action("theme-system", "Colours follow the system", "View")
def _theme_system(window: MainWindow) -> None:
    window.follow_system()
