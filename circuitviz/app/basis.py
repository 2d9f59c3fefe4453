"""In which basis the canvas shows a site: its heads or MLP, or the features of its dictionary."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from circuitviz.jobs.switch_basis import SwitchBasis, switched

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow


class Basis(QObject):
    """Opens sites into features and closes them again, as one step of undo."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.desk = window, window.desk
        window.view.site_opened.connect(lambda node: self.switch({node}))

    def switch(self, nodes: Set[str]) -> None:
        """Open the sites of some nodes, or close them where all are open: with as many edges as now."""
        state = self.desk.document.state
        wanted = switched(state, frozenset(nodes))
        if wanted is None or state.circuit is None or state.provenance is None:
            return
        if self.desk.opened is None:
            self.desk.say("The model is not open yet; its sites can be opened then.")
            return
        sites, text = wanted
        folder = self.window.panels["features"].folder  # type: ignore[attr-defined]
        asked = state.circuit.n_edges
        given = str(folder) if folder is not None else ""
        self.desk.say(f"{text} …")
        self.desk.ask(SwitchBasis(state.provenance, sites, asked, text, given))
