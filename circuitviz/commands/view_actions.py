"""How the canvas and the window look."""

from __future__ import annotations

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.commands.conditions import has_circuit, has_filters
from circuitviz.commands.registry import command
from circuitviz.commands.services import PanelService, ThemeService, WindowService
from circuitviz.document import ViewFilters, set_filters
from circuitviz.panels.filters.panel import FiltersPanel
from circuitviz.workspace import Workspace

ZOOM_STEP = 1.25


@command(
    "fit",
    text="Show everything",
    menu="View",
    group="canvas",
    shortcut="F",
    icon="fit",
    enabled=has_circuit,
    in_toolbar=True,
)
def fit(view: CircuitView) -> None:
    """Show the whole circuit; again: at a size that can be read."""
    view.fit(show_all=not view.is_showing_all)


@command(
    "zoom-in", text="Zoom in", menu="View", group="canvas",
    shortcut="Ctrl++", icon="zoom-in", enabled=has_circuit,
    in_toolbar=True,
)  # fmt: skip
def zoom_in(view: CircuitView) -> None:
    """Show the middle of the canvas larger."""
    view.zoom_by(ZOOM_STEP)


@command(
    "zoom-out", text="Zoom out", menu="View", group="canvas",
    shortcut="Ctrl+-", icon="zoom-out", enabled=has_circuit,
    in_toolbar=True,
)  # fmt: skip
def zoom_out(view: CircuitView) -> None:
    """Show more of the circuit."""
    view.zoom_by(1 / ZOOM_STEP)


@command(
    "filters", text="Filters…", menu="View", group="filters",
    shortcut="Ctrl+Shift+F", icon="filter", enabled=has_circuit,
    in_toolbar=True,
)  # fmt: skip
def show_filters(docks: PanelService, filters: FiltersPanel) -> None:
    """Choose which nodes and edges are drawn."""
    docks.bring_to_front("filters")
    filters.max_edges_slider.setFocus()


@command("clear-filters", text="Show what filters hide", menu="View", group="filters", enabled=has_filters)
def clear_filters(workspace: Workspace) -> None:
    """Draw everything that filters hide."""
    workspace.apply_command(set_filters(ViewFilters()))


@command(
    "places",
    text="Open or close the panels below",
    menu="View",
    group="window",
    shortcut="Ctrl+J",
    enabled=has_circuit,
)
def toggle_places(docks: PanelService) -> None:
    """Open the place below the canvas that was open last, or close the one that is open."""
    docks.toggle_places()


@command(
    "full-screen", text="Full-screen canvas", menu="View", group="window", shortcut="F11", enabled=has_circuit
)
def toggle_full_screen(window: WindowService) -> None:
    """Show the canvas alone on the whole screen; again: menus and panels as they were."""
    window.toggle_full_screen()


@command(
    "theme",
    text="Light or dark",
    menu="View",
    group="theme",
    shortcut="Ctrl+Alt+T",
    icon="theme",
    in_toolbar=True,
)
def toggle_theme(themes: ThemeService) -> None:
    """Change between light and dark colours."""
    themes.toggle_theme()


@command("theme-system", text="Colours follow the system", menu="View", group="theme")
def use_system_theme(themes: ThemeService) -> None:
    """Use light or dark colours as the system does."""
    themes.use_system_theme()
