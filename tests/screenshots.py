"""Screenshots of journeys, where they are wanted: CIRCUITVIZ_SCREENSHOTS names a folder."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtWidgets import QApplication, QWidget

from circuitviz.shell.main_window import MainWindow

SHOTS = os.environ.get("CIRCUITVIZ_SCREENSHOTS", "")


def shoot(window: MainWindow, name: str, dialog: QWidget | None = None) -> None:
    """Save what the window shows, or a dialog of it, light and dark, where screenshots are wanted."""
    if not SHOTS:
        return
    scale = round(window.devicePixelRatio())
    for theme in ("dark", "light"):
        window.theme_controller.apply_theme(theme)
        QApplication.processEvents()
        window.view.scene_items.render_now()
        suffix = "" if scale == 1 else f"@{scale}x"
        (dialog or window).grab().save(str(Path(SHOTS) / f"{name}-{theme}{suffix}.png"))
