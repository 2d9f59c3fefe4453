"""Heads or features: the basis in which a site is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.app.actions.registry import action

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


@action("switch-basis", "Open the site into features, or back", "Discovery", "O", needs="site")
def _switch(window: MainWindow) -> None:
    window.basis.switch(window.desk.nodes)
