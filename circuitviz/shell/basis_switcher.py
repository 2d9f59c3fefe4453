"""Switching a site between its heads or MLP and the features of its dictionary."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from PySide6.QtCore import QObject

from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.document.attribution_query import HEADS_ATTENTION
from circuitviz.document.origin import PromptOrigin
from circuitviz.panels.features.panel import FeaturesPanel
from circuitviz.workbench.requests.switch_basis import SwitchBasis, plan_basis_switch, refuse_spans
from circuitviz.workspace import Workspace


class BasisSwitcher(QObject):
    """Shows sites as features and back, each time as one step of undo."""

    def __init__(
        self, workspace: Workspace, view: CircuitView, features: FeaturesPanel, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._workspace, self._features = workspace, features
        view.basis_toggled.connect(lambda node: self.switch_sites({node}))

    def switch_sites(self, nodes: Set[str]) -> None:
        """Show the sites of some nodes as features, or as heads and MLPs again where all are shown so.

        The circuit of a task is found again with as many edges as now; that of a prompt by the same query
        with other sites.
        """
        workspace, state = self._workspace, self._workspace.document.state
        if refusal := refuse_spans(state):
            workspace.post_message(refusal)
            return
        plan = plan_basis_switch(state, frozenset(nodes), self._sites_with_dictionary())
        if plan is None or state.circuit is None or state.origin is None:
            return
        if workspace.opened_model is None:
            workspace.post_message("The sites can be shown as features once the model is open.")
            return
        sites, text = plan
        workspace.post_message(f"{text} …")
        if isinstance(state.origin, PromptOrigin):
            workspace.prompt_circuits.submit_query(
                replace(state.origin.query, sites=sites, attention=HEADS_ATTENTION)
            )
            return
        folders = "; ".join(self._features.dictionary_folders)
        workspace.submit_request(SwitchBasis(state.origin, sites, state.circuit.n_edges, text, folders))

    def _sites_with_dictionary(self) -> Set[str]:
        """Sites that have a dictionary, as far as the window knows."""
        overview, opened = self._features.dictionary_overview, self._workspace.opened_model
        if overview is not None and opened is not None and overview.model == opened.model:
            return set(overview.sites)
        circuit = self._workspace.document.state.circuit
        if circuit is None or opened is None or opened.model != "demo":
            return set()
        return {f"{part}{layer}" for layer in range(circuit.graph.shape.n_layers) for part in "am"}
