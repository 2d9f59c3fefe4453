"""Each page of the readings has a shortcut."""

from __future__ import annotations

from circuitviz.commands.conditions import has_circuit
from circuitviz.commands.registry import command
from circuitviz.commands.services import PanelService
from circuitviz.panels.readings.panel import ReadingsPanel

READING_PAGES = {
    "lens": "Logit lens",
    "attention": "Attention",
    "effects": "Direct effects",
    "patching": "Patching map",
    "ov-qk": "OV and QK",
}


def _register(page: str, title: str, shortcut: str) -> None:
    def show_reading(docks: PanelService, readings: ReadingsPanel) -> None:
        docks.bring_to_front("readings")
        readings.show_page(page)

    show_reading.__doc__ = f"{title} of the prompt and the selected node."
    decorate = command(
        f"reading-{page}", text=title, menu="View", group="readings", shortcut=shortcut, enabled=has_circuit
    )
    decorate(show_reading)


for _number, (_page, _title) in enumerate(READING_PAGES.items(), start=1):
    _register(_page, _title, f"Ctrl+{_number}")
