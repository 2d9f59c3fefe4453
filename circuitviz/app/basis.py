"""In which basis the canvas shows a site: its heads or MLP, or the features of its dictionary."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.jobs.switch_basis import SwitchBasis, switched
from circuitviz.panels.features.panel import FeaturesPanel
from circuitviz.session.question import SAME_SUBJECT, Question

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


class Basis(QObject):
    """Opens sites into features and closes them again, as one step of undo."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.desk = window, window.desk
        window.view.site_opened.connect(lambda node: self.switch({node}))

    def switch(self, nodes: Set[str]) -> None:
        """Open the sites of some nodes, or close them where all are open: with as many edges as now.

        Of one prompt the same question is asked again, with other sites.
        """
        desk, state = self.desk, self.desk.document.state
        wanted = switched(state, frozenset(nodes), self._every())
        if wanted is None or state.circuit is None or state.provenance is None:
            return
        if desk.opened is None:
            desk.say("The model is not open yet; its sites can be opened then.")
            return
        sites, text = wanted
        desk.say(f"{text} …")
        if (question := Question.of(state.provenance)) is not None:
            desk.asking.ask(replace(question, sites=sites))
            return
        desk.searches.begin(SAME_SUBJECT)
        given = "; ".join(self._features.folders)
        desk.ask(SwitchBasis(state.provenance, sites, state.circuit.n_edges, text, given))

    @property
    def _features(self) -> FeaturesPanel:
        panel = self.window.panels["features"]
        assert isinstance(panel, FeaturesPanel)
        return panel

    def _every(self) -> Set[str]:
        """Sites that have a dictionary, as far as the window knows."""
        shelf, opened = self._features.shelf, self.desk.opened
        if shelf is not None and opened is not None and shelf.model == opened.model:
            return set(shelf.sites)
        circuit = self.desk.document.state.circuit
        if circuit is None or opened is None or opened.model != "demo":
            return set()
        return {f"{part}{layer}" for layer in range(circuit.graph.shape.n_layers) for part in "am"}
