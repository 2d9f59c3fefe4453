"""The table of labels: edited in place, sorted, filtered, exported and imported."""

from __future__ import annotations

from pathlib import Path

from panel_host import PanelHost
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemDelegate
from pytestqt.qtbot import QtBot

from circuitviz.document import Label, set_label, toggle_ablation
from circuitviz.paint import save_figure
from circuitviz.panels.labels.labels_table import CONFIDENCE_COLUMN, PART_COLUMN, ROLE_COLUMN, RoleBox


def test_a_table_that_is_edited_in_place_sorted_filtered_and_carried(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    panel, workspace = demo_host.show("labels"), demo_host.workspace
    panel.author_field.setText("Ada")
    heads = [n for n in workspace.state.circuit.node_names if ".h" in n][:3]
    for node, role in zip(heads, ("Induction", "Previous Token", "Induction"), strict=True):
        demo_host.label_node(node, role)
    edge = workspace.state.circuit.graph.edge_names(workspace.state.circuit.edges)[0]
    workspace.set_selection(frozenset(), frozenset({edge}))
    panel.role_box.setCurrentText("K-composition")
    panel.label_button.click()
    panel._label_group("class:Induction")
    labels = workspace.document.state.labels
    assert set(labels) == {*heads, edge, "class:Induction"} and labels[heads[0]].author == "Ada"
    assert labels[heads[0]].colour == labels[heads[2]].colour != labels[heads[1]].colour

    row = next(r for r in range(5) if demo_host.label_cell(r, PART_COLUMN) == heads[1])
    index = panel.sort_proxy.index(row, ROLE_COLUMN)
    panel.table_view.edit(index)
    editor = panel.table_view.findChild(RoleBox)
    assert editor.currentText() == "Previous Token" and editor.findText("K-composition") >= 0
    editor.setCurrentText("Duplicate Token")
    panel.table_view.commitData(editor)
    assert workspace.document.state.labels[heads[1]].text == "Duplicate Token"
    panel.table_view.closeEditor(editor, QAbstractItemDelegate.EndEditHint.NoHint)
    workspace.undo_stack.undo()
    row = next(r for r in range(5) if demo_host.label_cell(r, PART_COLUMN) == heads[1])
    before = workspace.document.state.hash
    assert panel.sort_proxy.setData(panel.sort_proxy.index(row, CONFIDENCE_COLUMN), "80 %")
    assert not panel.sort_proxy.setData(panel.sort_proxy.index(row, CONFIDENCE_COLUMN), "120")
    assert workspace.document.state.labels[heads[1]].confidence == 0.8
    panel.table_view.sortByColumn(CONFIDENCE_COLUMN, Qt.SortOrder.DescendingOrder)
    assert (
        demo_host.label_cell(0, PART_COLUMN) == heads[1]
        and demo_host.label_cell(0, CONFIDENCE_COLUMN) == "80%"
    )
    workspace.undo_stack.undo()
    assert workspace.document.state.hash == before
    workspace.undo_stack.redo()
    panel.filter_field.setText("induction class")
    assert panel.sort_proxy.rowCount() == 1 and demo_host.label_cell(0, PART_COLUMN) == "class:Induction"
    panel.filter_field.setText("")

    # out and in again, in both forms
    labels = workspace.document.state.labels
    for name in ("labels.jsonl", "labels.csv"):
        assert panel.export_labels(tmp_path / name)
        panel.table_view.selectAll()
        panel._remove_selected()
        assert not workspace.document.state.labels
        assert panel.import_labels(tmp_path / name)
        assert workspace.document.state.labels == labels
    save_figure(demo_host.workspace.document, tmp_path / "figure.svg")
    svg = (tmp_path / "figure.svg").read_text()
    assert "Previous Token" in svg and f">{heads[1]}<" in svg


def test_an_ablated_part_is_dimmed_and_says_so(idle_host: PanelHost, demo_file: Path) -> None:
    idle_host.open_document(demo_file)
    workspace, panel = idle_host.workspace, idle_host.show("labels")
    first, second = [n for n in workspace.state.circuit.node_names if ".h" in n][:2]
    for node in (first, second):
        workspace.apply_command(set_label(node, Label("Induction")))
    workspace.apply_command(set_label("class:Induction", Label("attends to what came after")))
    roles = Qt.ItemDataRole

    def dimmed() -> set[str]:
        model = panel.table_model
        rows = [model.index(row, PART_COLUMN) for row in range(model.rowCount())]
        assert all(bool(row.data(roles.ToolTipRole)) == bool(row.data(roles.ForegroundRole)) for row in rows)
        return {row.data() for row in rows if row.data(roles.ForegroundRole) is not None}

    assert dimmed() == set()
    workspace.apply_command(toggle_ablation({first}))
    assert dimmed() == {first}
    workspace.apply_command(toggle_ablation({second}))
    assert dimmed() == {first, second, "class:Induction"}  # all that the class stands for
