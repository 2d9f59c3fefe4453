"""Panels are registered widgets that are given the workspace; each has a dock of its own."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from circuitviz.panels.widgets.themed_widget import apply_theme
from circuitviz.registry import Registry
from circuitviz.scene.theme import LIGHT, Theme
from circuitviz.workspace.workspace import Workspace


class Panel(QWidget):
    """The base class of panels: knows the workspace and whether it can be seen."""

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
"""Registered with ``title`` and ``area`` (left, right, bottom) and ``order``; at the bottom perhaps with
``height``, the pixels that it likes while it is in front. ``hidden`` ones wait until they are asked for."""
