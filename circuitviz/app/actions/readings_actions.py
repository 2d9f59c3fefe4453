"""Each page of the readings at one key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

PAGES = {
    "lens": "Logit lens",
    "attention": "Attention",
    "effects": "Direct effects",
    "patching": "Patching map",
    "ov-qk": "OV and QK",
}


def _show(name: str, window: MainWindow) -> None:
    window.places.bring("readings")
    window.panels["readings"].show_page(name)  # type: ignore[attr-defined]


for _number, (_name, _title) in enumerate(PAGES.items(), start=1):
    action(f"reading-{_name}", _title, "View", f"Ctrl+{_number}", needs="circuit")(partial(_show, _name))
