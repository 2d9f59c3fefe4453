"""The application object that fonts and painters need, for commands that draw."""

from __future__ import annotations

import os
import sys


def create_qt_application() -> object:
    """An application object for fonts and painters; no window, no display needed."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QGuiApplication  # the command line is free of Qt until a picture is drawn

    return QGuiApplication.instance() or QGuiApplication(["circuitviz"])
