"""Circuits to compare with: those of the other tabs stand beside files and references."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.document import Document, State, toggle_ablation
from circuitviz.formats import save_document
from circuitviz.graph import Circuit, Graph, ModelShape, Scores

GRAPH = Graph.transformer(ModelShape(4, 6, 96))


@dataclass
class PromptPair:
    """Two circuits in tabs, the second in front."""

    host: PanelHost
    circuits: dict[str, Circuit]

    @property
    def offered(self) -> list[str]:
        """What can be compared with."""
        box = self.host.panel("compare").reference_box
        return [box.itemText(i) for i in range(box.count())]

    def show_tab(self, name: str) -> None:
        """Bring a tab to the front."""
        tabs = self.host.workspace.tabs
        self.host.workspace.tab_controller.show(next(tab for tab in tabs.tabs if tab.name == name))


@pytest.fixture
def pair(idle_host: PanelHost, tmp_path: Path) -> PromptPair:
    """Two files of one shape, and one of another."""
    circuits = {}
    for seed, name in enumerate(("left.circuit", "other.circuit", "right.circuit")):
        graph = Graph.transformer(ModelShape(2, 2, 8)) if name == "other.circuit" else GRAPH
        scores = Scores(graph, np.random.default_rng(seed).normal(size=graph.mask.shape), "eap")
        document = Document(State(None, scores, scores.greedy(30 + seed)))
        save_document(document, tmp_path / name)
        document.mark_saved(tmp_path / name)
        circuits[name] = document.state.circuit
        idle_host.workspace.set_document(document)
    return PromptPair(idle_host, circuits)


def test_other_tabs_are_offered_and_compared_as_they_are(pair: PromptPair, qtbot: QtBot) -> None:
    desk, panel = pair.host.workspace, pair.host.show("compare")
    assert pair.offered == ["left.circuit"], "neither itself nor a circuit of another shape"
    panel.reference_box.setFocus()
    QTest.keyClick(panel.reference_box, Qt.Key.Key_Down)
    ours, theirs = (set(pair.circuits[f"{side}.circuit"].node_names) for side in ("right", "left"))
    names = {part.name for part in panel.parts_page.table_model.parts}
    assert names == ours | theirs
    qtbot.mouseClick(panel.parts_page.overlay_button, Qt.MouseButton.LeftButton)
    overlaid = desk.comparison.overlaid_state
    assert overlaid is not None and overlaid.circuit.edge_names == pair.circuits["left.circuit"].edge_names

    pair.show_tab("left.circuit")  # from there, it is the other way round
    assert desk.comparison.chosen_name == panel.reference_box.currentText() == "right.circuit"
    assert not desk.comparison.is_overlaid
    node = next(name for name in pair.circuits["left.circuit"].node_names if ".h" in name)
    desk.apply_command(toggle_ablation({node}))
    pair.show_tab("right.circuit")
    assert desk.comparison.chosen_name == "left.circuit"
    panel.parts_page.kind_box.setCurrentText("Edges")
    left = {part.name for part in panel.parts_page.table_model.parts if part.side in ("both", "right")}
    kept = {name for name in pair.circuits["left.circuit"].edge_names if name.split("->")[0] != node}
    assert left == kept < set(pair.circuits["left.circuit"].edge_names), "what is ablated there is left out"


def test_a_chosen_tab_stays_chosen_under_another_name(pair: PromptPair, tmp_path: Path) -> None:
    desk, panel = pair.host.workspace, pair.host.show("compare")
    left = next(tab for tab in desk.tabs.tabs if tab.name == "left.circuit")
    left.user_document.mark_saved(tmp_path / "renamed.circuit")
    desk.tabs.changed.emit()
    assert pair.offered == ["renamed.circuit"] == [panel.reference_box.currentText()]
    assert desk.comparison.chosen_document is left.user_document
    desk.tab_controller.close(left)
    assert pair.offered == [] and desk.comparison.chosen_document is None and not panel.is_applicable()


def test_a_file_of_the_same_name_stands_beside_the_tab(
    pair: PromptPair, qtbot: QtBot, tmp_path: Path
) -> None:
    desk, panel = pair.host.workspace, pair.host.show("compare")
    desk.comparison.add_file(tmp_path / "left.circuit")
    qtbot.waitUntil(lambda: len(pair.offered) == 2, timeout=LONG)
    assert pair.offered == ["left.circuit", "left.circuit (tab)"]
    assert panel.reference_box.currentText() == "left.circuit"
    assert desk.comparison.user_names() == pair.offered
