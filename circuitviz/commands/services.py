"""Protocols of what the window offers to commands beside the workspace and the canvas.

A command knows nothing of the window's parts, and can be tested without a window.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol


class PanelService(Protocol):
    """The docks."""

    def bring_to_front(self, name: str) -> None:
        """Show a panel, by its registered name, in front of those that share its place."""

    def toggle_places(self) -> None:
        """Open the place that was open last, or close the one that is open."""


class FileService(Protocol):
    """Opening, saving and exporting, with the dialogs that go with it."""

    def ask_and_open(self) -> None:
        """Let the person choose a file, and open it."""

    def save_document(self) -> bool:
        """Save; returns whether saving has begun."""

    def save_as(self) -> bool:
        """Save to a path that the person chooses; returns whether saving has begun."""

    def show_export_dialog(self) -> None:
        """Show the figure with its options."""

    def copy_methods(self) -> None:
        """Copy the methods paragraph."""

    def copy_bibtex(self) -> None:
        """Copy the BibTeX entries of what the document uses."""


class TabService(Protocol):
    """The tabs of the open circuits."""

    def open_tab(self) -> None:
        """Bring an empty tab to the front, with the start page."""

    def close_tab(self) -> None:
        """Close the tab in front, unless the person rather keeps unsaved work."""

    def show_next_tab(self, offset: int) -> None:
        """Go to the tab so many places further right; past the last one, to the first."""


class PaneService(Protocol):
    """The circuits that are on the screen at the same time."""

    def toggle_side_by_side(self) -> None:
        """Show the circuit in front beside another one, or alone again."""

    def toggle_window(self) -> None:
        """Show the circuit in front in a window of its own, or in the main window again."""

    def show_next_pane(self) -> None:
        """Bring the next of the circuits on the screen to the front."""


class DialogService(Protocol):
    """The window's dialogs."""

    def show_settings(self) -> None:
        """Show the settings."""

    def show_shortcuts(self) -> None:
        """Show all shortcuts."""

    def show_about(self) -> None:
        """Show the versions."""

    def show_help(self, page: str = "") -> None:
        """Show a help page by its file's stem; empty: the list of pages."""


class WindowService(Protocol):
    """The window itself."""

    def open_palette(self) -> None:
        """Open the command palette."""

    def toggle_full_screen(self) -> None:
        """Show the canvas alone on the whole screen, or everything again."""

    def close(self) -> bool:
        """Close the window; returns whether it was closed."""


class ThemeService(Protocol):
    """The colours of the window."""

    def toggle_theme(self) -> None:
        """Change between light and dark."""

    def use_system_theme(self) -> None:
        """Use light or dark as the system does."""


class LayoutService(Protocol):
    """The layout of the nodes on the canvas."""

    def switch_to_next_layout(self) -> None:
        """Use the next layout that differs for this circuit."""

    def choose_layout(self, name: str) -> None:
        """Use a layout, by its registered name."""

    def toggle_orientation(self) -> None:
        """Let layers go from left to right, or upwards again."""


class NodeNameService(Protocol):
    """The names of nodes on the canvas."""

    def choose_naming(self, naming: str) -> None:
        """Name nodes by one of ``scene.node_naming.NAMINGS``."""


class GroupService(Protocol):
    """Groups of the selected nodes."""

    def begin_group(self) -> None:
        """Ask for a name, and group the selected nodes."""

    def begin_rename(self) -> None:
        """Ask for another name for the selected group."""

    def toggle_collapsed(self) -> None:
        """Collapse the selected groups; expand them where they are collapsed."""

    def dissolve_groups(self) -> None:
        """Dissolve the selected groups."""


class FindService(Protocol):
    """The bar that finds nodes on the canvas."""

    def open_card(self) -> None:
        """Show the bar."""

    def step_hit(self, offset: int) -> None:
        """Go to another result."""


class BasisService(Protocol):
    """Sites shown as heads and MLPs, or as features of their dictionaries."""

    def switch_sites(self, nodes: Set[str]) -> None:
        """Show the sites of some nodes as features, or as heads and MLPs again."""
