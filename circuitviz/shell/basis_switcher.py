"""In which basis the canvas shows a site: its heads or MLP, or the features of its dictionary."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.document.attribution_query import SAME_SUBJECT, AttributionQuery
from circuitviz.panels.features.panel import FeaturesPanel
from circuitviz.workbench.requests.switch_basis import SwitchBasis, plan_basis_switch

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow


class BasisSwitcher(QObject):
    """Opens sites into features and closes them again, as one step of undo."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.workspace = window, window.workspace
        window.view.basis_toggled.connect(lambda node: self.switch_sites({node}))

    def switch_sites(self, nodes: Set[str]) -> None:
        """Open the sites of some nodes, or close them where all are open: with as many edges as now.

        Of one prompt the same question is asked again, with other sites.
        """
        desk, state = self.workspace, self.workspace.document.state
        wanted = plan_basis_switch(state, frozenset(nodes), self._sites_with_dictionary())
        if wanted is None or state.circuit is None or state.provenance is None:
            return
        if desk.opened_model is None:
            desk.post_message("The model is not open yet; its sites can be opened then.")
            return
        sites, text = wanted
        desk.post_message(f"{text} …")
        if (question := AttributionQuery.from_provenance(state.provenance)) is not None:
            desk.prompt_circuits.submit_query(replace(question, sites=sites))
            return
        desk.search_controller.begin_search(SAME_SUBJECT)
        given = "; ".join(self._features_panel.dictionary_folders)
        desk.submit_request(SwitchBasis(state.provenance, sites, state.circuit.n_edges, text, given))

    @property
    def _features_panel(self) -> FeaturesPanel:
        panel = self.window.panels["features"]
        assert isinstance(panel, FeaturesPanel)
        return panel

    def _sites_with_dictionary(self) -> Set[str]:
        """Sites that have a dictionary, as far as the window knows."""
        shelf, opened = self._features_panel.dictionary_overview, self.workspace.opened_model
        if shelf is not None and opened is not None and shelf.model == opened.model:
            return set(shelf.sites)
        circuit = self.workspace.document.state.circuit
        if circuit is None or opened is None or opened.model != "demo":
            return set()
        return {f"{part}{layer}" for layer in range(circuit.graph.shape.n_layers) for part in "am"}
