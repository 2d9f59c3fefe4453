"""Panels are registered widgets that are given the workspace; each has a dock of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from circuitviz.panels.widgets.themed_widget import apply_theme
from circuitviz.registry import Registry
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.workspace.workspace import Workspace

PLACES = {
    "circuit": "Circuit",
    "inspect": "Inspect",
    "evaluate": "Evaluate",
    "compare": "Compare",
    "features": "Features",
    "notes": "Notes",
    "prompts": "Prompts",
    "searches": "Searches",
}
"""The places below the canvas, by name, with their titles, from left to right."""
OTHER_PLACE = "more"  # of panels that name no place


@dataclass(frozen=True)
class MissingStep:
    """What has to be done before a panel can be used.

    Attributes:
        text: Which step, in a sentence.
        button_text: What the button that does it says; empty where only waiting helps.
        run: Called by the button.
    """

    text: str
    button_text: str = ""
    run: Callable[[], object] = lambda: None


class Panel(QWidget):
    """The base class of panels: knows the workspace and whether it can be seen.

    Signals:
        applicability_changed: ``is_applicable`` or ``missing_step`` may answer otherwise now, for a reason
            other than the document, its model, the selection or the comparison.
    """

    applicability_changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)  # a subclass is not painted without
        self.workspace, self.theme = workspace, LIGHT
        self._is_in_front = True
        self._deferred_refreshes: dict[str, Callable[[], None]] = {}

    def refresh_when_visible(self, refresh: Callable[[], None]) -> Callable[..., None]:
        """A slot that calls ``refresh`` at once while the panel can be seen, and otherwise once it can.

        A click has to be answered within a frame; what stands behind another tab can wait.
        """

        def slot(*_given: object) -> None:
            if self._is_in_front:
                refresh()
            else:
                self._deferred_refreshes[refresh.__name__] = refresh

        return slot

    @property
    def is_in_view(self) -> bool:
        """Whether the panel can be seen."""
        return self._is_in_front and self.isVisible()

    def set_in_front(self, is_in_front: bool) -> None:
        """Set whether the panel is in front of its tabs: Qt calls a widget behind another tab visible."""
        self._is_in_front = is_in_front
        if not is_in_front:
            return
        due, self._deferred_refreshes = self._deferred_refreshes, {}
        for refresh in due.values():
            refresh()
        self.refresh_on_show()

    def refresh_on_show(self) -> None:
        """The panel has come to the front: show what was not updated meanwhile."""

    def is_applicable(self) -> bool:
        """Whether the panel is offered for what is open; one that is not is shown when it is asked for."""
        return True

    def missing_step(self) -> MissingStep | None:
        """What has to be done before the panel can be used; None where it can."""
        return None

    def set_theme(self, theme: Theme) -> None:
        """Use the colours that neither palette nor style sheet sets."""
        self.theme = theme
        apply_theme(self, theme)


def is_part_in_view(part: QWidget) -> bool:
    """Whether a part of a panel can be seen, and is not behind another tab."""
    panel: QWidget | None = part
    while panel is not None and not isinstance(panel, Panel):
        panel = panel.parentWidget()
    return part.isVisible() and (panel is None or panel.is_in_view)


panels: Registry[Callable[[Workspace], Panel]] = Registry(
    "panel", "circuitviz.panels", "circuitviz.panels", folder_module="panel"
)
"""Registered with ``title``, ``area`` (left, right, bottom) and ``order``; those at the bottom also with
``place``, one of ``PLACES``. Another name is a place of its own; without one the panel is under *More*.
``needs_circuit=False`` offers a panel also where no circuit is open."""


def place_of(extra: Mapping[str, Any]) -> str:
    """The place of a panel at the bottom, from what it is registered with."""
    return str(extra.get("place") or OTHER_PLACE)


def place_title(place: str) -> str:
    """What the button of a place says."""
    return PLACES.get(place, place.capitalize())
