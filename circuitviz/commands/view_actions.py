"""How the canvas and the window look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command
from circuitviz.document import ViewFilters, set_filters

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("fit", "Show everything", "View", "F", "fit", "circuit", in_toolbar=True)
def _fit(window: MainWindow) -> None:
    window.view.fit(show_all=not window.view.is_showing_all)  # again: as it can be read


@command("zoom-in", "Zoom in", "View", "Ctrl++", "zoom-in", "circuit", in_toolbar=True)
def _zoom_in(window: MainWindow) -> None:
    window.view.zoom_by(1.25)


@command("zoom-out", "Zoom out", "View", "Ctrl+-", "zoom-out", "circuit", in_toolbar=True)
def _zoom_out(window: MainWindow) -> None:
    window.view.zoom_by(0.8)


@command("filters", "Filters…", "View", "Ctrl+Shift+F", "filter", "circuit", in_toolbar=True)
def _filters(window: MainWindow) -> None:
    window.dock_manager.bring_to_front("filters")
    window.panels["filters"].max_edges_slider.setFocus()  # type: ignore[attr-defined]


@command("clear-filters", "Show what filters hide", "View", condition="filters")
def _clear_filters(window: MainWindow) -> None:
    window.workspace.apply_command(set_filters(ViewFilters()))


@command("theme", "Light or dark", "View", "Ctrl+T", "theme", in_toolbar=True)
def _theme(window: MainWindow) -> None:
    window.toggle_theme()


@command("theme-system", "Colours follow the system", "View")
def _theme_system(window: MainWindow) -> None:
    window.use_system_theme()
