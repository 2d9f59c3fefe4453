"""Texts made from what there is: shortcuts from the action table, versions from the packages."""

from __future__ import annotations

import platform

from circuitviz import __version__
from circuitviz.app.actions import ACTIONS
from circuitviz.session.origin import package_version

CANVAS = (
    ("Click", "select a node or an edge"),
    ("Ctrl+Click", "add to the selection"),
    ("Shift+Drag", "select by a rubber band"),
    ("Drag", "move a node, or the canvas"),
    ("Wheel", "zoom"),
    ("Arrows", "walk along edges and rows"),
    ("Escape", "clear the selection"),
)
PACKAGES = ("PySide6-Essentials", "torch", "transformer-lens", "transformers", "numpy")


def shortcut_text() -> str:
    """A table of shortcuts."""
    rows = [(entry.shortcut, entry.text.rstrip("…")) for entry in ACTIONS.values() if entry.shortcut]
    rows += CANVAS
    cells = "".join(f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{text}</td></tr>" for key, text in rows)
    return f"<table cellspacing=3>{cells}</table>"


def about_text() -> str:
    """Versions of everything that numbers depend on."""
    rows = [("circuitviz", __version__), ("Python", platform.python_version())]
    rows += [(name, package_version(name)) for name in PACKAGES]
    cells = "".join(f"<tr><td>{name}&nbsp;&nbsp;</td><td>{number}</td></tr>" for name, number in rows)
    return (
        "<b>circuitviz</b><br>Finds circuits in transformer language models, draws them, and lets "
        f"a person take them apart.<br><br><table>{cells}</table>"
    )
