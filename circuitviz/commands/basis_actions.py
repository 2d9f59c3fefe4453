"""Heads and MLPs, or the features of their dictionaries."""

from __future__ import annotations

from circuitviz.commands.conditions import has_selected_site
from circuitviz.commands.registry import command
from circuitviz.commands.services import BasisService
from circuitviz.workspace import Workspace


@command(
    "switch-basis", text="Show SAE features of the site, or hide them", menu="Discovery", group="features",
    shortcut="O",
    enabled=has_selected_site,
)  # fmt: skip
def switch_basis(workspace: Workspace, basis: BasisService) -> None:
    """Show the selected sites as features of their dictionaries, or as heads and MLPs again."""
    basis.switch_sites(workspace.selected_nodes)
