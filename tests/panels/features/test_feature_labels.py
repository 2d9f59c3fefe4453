"""Labels of features: in the circuit, in the local store, and offered again."""

from __future__ import annotations

from pathlib import Path

import pytest
from panel_host import LONG, PanelHost, strongest_features
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.formats import open_document

pytestmark = pytest.mark.usefixtures("little_text")


@pytest.mark.long
def test_words_for_a_feature_are_the_circuits_labels_and_are_offered_again(
    host: PanelHost, qtbot: QtBot, local_file: Path, tmp_path: Path
) -> None:
    host.open_document(local_file)
    workspace, panel, labels = host.workspace, host.show("features"), host.show("labels")
    host.show("features")
    host.wait_until_indexed()
    node = strongest_features(local_file)[0]
    site, number = node.partition("@")[0].split(".f")

    def dashboard() -> None:
        workspace.set_selection(frozenset({node}), frozenset())
        wanted = (site, int(number))

        def found():
            return panel.dashboard_view.dashboard and (
                panel.dashboard_view.dashboard.site,
                panel.dashboard_view.dashboard.feature,
            )

        qtbot.waitUntil(
            lambda: found() == wanted and node in panel.dashboard_view.circuit_nodes, timeout=LONG
        )

    def name(text: str) -> None:
        panel.dashboard_view.label_field.clear()
        qtbot.keyClicks(panel.dashboard_view.label_field, text)
        qtbot.keyClick(panel.dashboard_view.label_field, Qt.Key.Key_Return)

    dashboard()
    name("first name")
    state = workspace.document.state
    nodes = [n for n in state.circuit.node_names if n.startswith(f"{site}.f{number}@")]
    assert {n: state.labels[n].text for n in nodes} == dict.fromkeys(nodes, "first name")

    # one step of undo; the notebook keeps the word and offers it
    workspace.undo_stack.undo()
    assert not workspace.document.state.labels
    labels.role_box.refresh_roles()
    assert labels.role_box.itemText(0) == "first name"
    panel.file_menu_button.label_circuit_action.trigger()
    assert workspace.document.state.labels[node].text == "first name"
    workspace.undo_stack.undo()
    assert panel.dashboard_view.label_field.text() == "first name", "the notebook's"
    workspace.undo_stack.redo()

    # another label in the Labels panel is what the dashboard says of this circuit's feature
    host.show("labels")
    workspace.set_selection(frozenset({node}), frozenset())
    labels.role_box.setCurrentText("subject")
    qtbot.mouseClick(labels.label_button, Qt.MouseButton.LeftButton)
    host.show("features")
    dashboard()
    qtbot.waitUntil(lambda: panel.dashboard_view.label_field.text() == "subject", timeout=LONG)

    # it leaves with the file, in every format that has labels
    graph, kept = tmp_path / "a.graph.json", tmp_path / "a.circuit"
    host.export(graph)
    host.save(kept)
    assert open_document(kept).state.labels[node].text == "subject"
    assert '"subject"' in graph.read_text()
    name("")
    assert node not in workspace.document.state.labels
    panel.file_menu_button.label_circuit_action.trigger()
    assert node not in workspace.document.state.labels
