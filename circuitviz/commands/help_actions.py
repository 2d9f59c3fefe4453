"""Help, shortcuts, versions."""

from __future__ import annotations

from circuitviz.commands.registry import command
from circuitviz.commands.services import DialogService, WindowService


@command("palette", text="Find a command…", menu="Help", group="find", shortcut="Ctrl+Shift+P")
def open_palette(window: WindowService) -> None:
    """Find any command by a few letters of its name."""
    window.open_palette()


@command("help", text="Help", menu="Help", group="find", shortcut="Shift+F1")
def show_help(dialogs: DialogService) -> None:
    """Read how circuits are found, measured, labelled and exported."""
    dialogs.show_help()


@command("shortcuts", text="Shortcuts", menu="Help", group="find", shortcut="F1")
def show_shortcuts(dialogs: DialogService) -> None:
    """List all shortcuts, and what the mouse does on the canvas."""
    dialogs.show_shortcuts()


@command("about", text="About circuitviz", menu="Help", group="about")
def show_about(dialogs: DialogService) -> None:
    """Show the versions that numbers depend on."""
    dialogs.show_about()
