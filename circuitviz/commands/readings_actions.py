"""Each page of the readings at one key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from circuitviz.commands.registry import command

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow

READING_PAGES = {
    "lens": "Logit lens",
    "attention": "Attention",
    "effects": "Direct effects",
    "patching": "Patching map",
    "ov-qk": "OV and QK",
}


def _show_reading(name: str, window: MainWindow) -> None:
    window.dock_manager.bring_to_front("readings")
    window.panels["readings"].show_page(name)  # type: ignore[attr-defined]


for _number, (_name, _title) in enumerate(READING_PAGES.items(), start=1):
    command(f"reading-{_name}", _title, "View", f"Ctrl+{_number}", condition="circuit")(
        partial(_show_reading, _name)
    )
