"""Heads or features: the basis in which a site is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuitviz.commands.registry import command

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


@command("switch-basis", "Open the site into features, or back", "Discovery", "O", condition="site")
def _switch(window: MainWindow) -> None:
    window.basis_switcher.switch_sites(window.workspace.selected_nodes)
