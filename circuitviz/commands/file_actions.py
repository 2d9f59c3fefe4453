"""Opening, saving, exporting."""

from __future__ import annotations

from circuitviz.commands.conditions import has_circuit, has_own_circuit
from circuitviz.commands.registry import command
from circuitviz.commands.services import FileService, TabService, WindowService


@command("new", text="New tab", menu="File", group="start", shortcut="Ctrl+T", more_shortcuts=("Ctrl+N",))
def open_tab(tabs: TabService) -> None:
    """Open an empty tab with recent files and examples."""
    tabs.open_tab()


@command("open", text="Open…", menu="File", group="open", shortcut="Ctrl+O", icon="open", in_toolbar=True)
def open_file(files: FileService) -> None:
    """Open a circuit file of any known format."""
    files.ask_and_open()


@command(
    "save",
    text="Save",
    menu="File",
    group="save",
    shortcut="Ctrl+S",
    icon="save",
    enabled=has_own_circuit,
    in_toolbar=True,
)
def save(files: FileService) -> None:
    """Save the circuit to its file."""
    files.save_document()


@command(
    "save-as", text="Save as…", menu="File", group="save", shortcut="Ctrl+Shift+S", enabled=has_own_circuit
)
def save_as(files: FileService) -> None:
    """Save the circuit to another file."""
    files.save_as()


@command(
    "export", text="Export…", menu="File", group="export",
    shortcut="Ctrl+E", icon="export", enabled=has_circuit,
    in_toolbar=True,
)  # fmt: skip
def export(files: FileService) -> None:
    """Export a figure, or the data for another tool."""
    files.show_export_dialog()


@command("close-tab", text="Close tab", menu="File", group="start", shortcut="Ctrl+W")
def close_tab(tabs: TabService) -> None:
    """Close the tab in front; unsaved work is asked about."""
    tabs.close_tab()


@command("quit", text="Quit", menu="File", group="quit", shortcut="Ctrl+Q")
def quit_application(window: WindowService) -> None:
    """Close the window; unsaved work is asked about."""
    window.close()
