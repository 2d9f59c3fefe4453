"""``circuitviz export``: a picture or another tool's file, without a screen."""

from __future__ import annotations

import argparse
import os
import sys

from circuitviz.app.cli.output import show
from circuitviz.errors import InputError


def run(given: argparse.Namespace) -> int:
    """Write a file in the format that its suffix names; returns the exit code."""
    from circuitviz.formats import export_document, formats, import_document
    from circuitviz.formats.reference import find

    document = import_document(find(given.source))
    suffix = given.output.suffix.lower()
    if any(given.output.name.lower().endswith(e.value.suffix) for e in formats.entries()):
        export_document(document, given.output)
    else:
        _without_screen()
        from circuitviz.options import build, describe
        from circuitviz.pictures import Figure, pictures, save_picture

        known = [e.value.suffix for e in pictures.entries()]
        if suffix not in known:
            others = [e.value.suffix for e in formats.entries() if e.value.writes]
            raise InputError(
                f"'{given.output.name}' has no suffix that can be written; "
                f"{', '.join(sorted([*known, *others]))} can."
            )
        names = [entry.name for entry in describe(Figure)]
        chosen = {n: getattr(given, f"figure_{n}", None) for n in names}
        figure = build(Figure, {n: value for n, value in chosen.items() if value is not None})
        save_picture(document, given.output, figure)
    return show(given, {"output": str(given.output)}, lambda: f"wrote {given.output}")


def _without_screen() -> object:
    """An application object for fonts and painters; no window, no display needed."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QGuiApplication

    return QGuiApplication.instance() or QGuiApplication(["circuitviz"])
