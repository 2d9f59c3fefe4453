"""Proposed groups: features that read and write alike, to be accepted, changed or refused."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from circuitviz.document import group_several
from circuitviz.panels.panel_steps import model_step
from circuitviz.panels.registry import MissingStep, Panel, panels
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.fields import RIGHT_ALIGNED, adjust_form_fields
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.number_fields import DecimalField
from circuitviz.workbench.propose_groups import GroupProposals
from circuitviz.workbench.requests.propose_groups import ProposeGroups
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

COLUMN_TITLES = ("group", "score", "nodes", "alike in")
NODES_ROLE = Qt.ItemDataRole.UserRole
START_TEXT = "Features that read and write alike are proposed as groups; a click selects a group’s nodes."


@panels.register(
    "proposed-groups",
    summary="groups of features that read and write alike",
    title="Proposed groups",
    area="bottom",
    place="features",
    order=3.1,
)
class ProposedGroupsPanel(Panel):
    """A checked row is accepted by the button; names are edited in place, nodes by selecting others."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.proposals: GroupProposals | None = None
        self._job = LatestJob(workspace, self)
        self.similarity_field = DecimalField(
            minimum=0.05, maximum=1, value=0.5, singleStep=0.05, decimals=2, accessibleName="Least similarity"
        )
        self.propose_button = QPushButton("Propose", objectName="primary")
        self.accept_button = QPushButton("Accept checked", toolTip="make groups of them, in one step")
        self.refuse_button = QPushButton("Refuse", toolTip="take the selected proposals off the list")
        self.use_selection_button = QPushButton(
            "Use selection", toolTip="give the selected proposal the nodes that are selected on the canvas"
        )
        self.groups_tree = QTreeWidget(accessibleName="Proposed groups", rootIsDecorated=False)
        self.groups_tree.setHeaderLabels(COLUMN_TITLES)
        self.groups_tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.groups_tree.setUniformRowHeights(True)
        header = self.groups_tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.faithfulness_line = ElidedLabel()
        asking, answering = QWidget(), QWidget()
        label = QLabel("Least similarity")
        lay_out_row(label, self.similarity_field, self.propose_button, 1, parent=asking, spacing=8)
        buttons = (self.use_selection_button, self.refuse_button, self.accept_button)
        lay_out_row(*buttons, parent=answering, spacing=8)
        head = FoldingRow(asking, answering, stretches=(1, 0), margins=(12, 8, 12, 4))
        foot = lay_out_row((self.faithfulness_line, 1), margins=(12, 4, 12, 8))
        lay_out_column(head, (self.groups_tree, 1), foot, parent=self)
        adjust_form_fields(self)
        self.propose_button.clicked.connect(self.propose)
        self.accept_button.clicked.connect(
            lambda: workspace.run_guarded(self.accept_checked, title="Could not group the nodes")
        )
        self.refuse_button.clicked.connect(self.refuse_selected)
        self.use_selection_button.clicked.connect(self.use_selection)
        self.groups_tree.itemSelectionChanged.connect(self._on_row_selected)
        self.groups_tree.itemChanged.connect(lambda *_: self._update_buttons())
        self._job.received.connect(self._on_received)
        self._job.running_changed.connect(lambda is_running: self.propose_button.setEnabled(not is_running))
        workspace.document_opened.connect(lambda: self.show_proposals(None))
        workspace.selection_changed.connect(self._update_buttons)
        self.show_proposals(None)

    def is_applicable(self) -> bool:
        """Whether the circuit is of one prompt's features."""
        return self.workspace.state.is_prompt_circuit

    def missing_step(self) -> MissingStep | None:
        """Features are compared in an open model."""
        if not self.is_applicable():
            return MissingStep(
                "Groups are proposed for the features of one prompt’s circuit; find one first."
            )
        return model_step(self.workspace, "Groups")

    def propose(self) -> None:
        """Ask for proposals for the circuit as it stands."""
        self.faithfulness_line.setText("Comparing features …")
        self._job.submit(ProposeGroups(self.workspace.state, self.similarity_field.value()))

    def accept_checked(self) -> None:
        """Make groups of the checked proposals, as one step of undo; they leave the list.

        Raises:
            InputError: A name is taken, or nodes are in another group.
        """
        checked = self._checked_items()
        groups = {item.text(0): item.data(0, NODES_ROLE) for item in checked}
        self.workspace.apply_command(group_several(groups))
        self._remove(checked)

    def refuse_selected(self) -> None:
        """Take the selected proposals off the list."""
        self._remove(self.groups_tree.selectedItems())

    def use_selection(self) -> None:
        """Give the selected proposal the nodes that are selected on the canvas, which has no score then."""
        circuit, items = self.workspace.state.circuit, self.groups_tree.selectedItems()
        if circuit is None or len(items) != 1:
            return
        nodes = tuple(name for name in circuit.node_names if name in self.workspace.selected_nodes)
        if nodes:
            self._set_nodes(items[0], nodes)
            items[0].setText(1, "")
            items[0].setText(3, "chosen by hand")

    def show_proposals(self, proposals: GroupProposals | None) -> None:
        """Fill the list; None: nothing was asked yet."""
        self.proposals = proposals
        self.groups_tree.clear()
        for group in () if proposals is None else proposals.groups:
            item = QTreeWidgetItem([group.name, f"{group.score:.2f}", "", _describe_parts(dict(group.parts))])
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setCheckState(0, Qt.CheckState.Checked)
            item.setTextAlignment(1, RIGHT_ALIGNED)
            item.setToolTip(3, "parts of the score: mean similarity of the group’s pairs")
            self._set_nodes(item, group.nodes)
            self.groups_tree.addTopLevelItem(item)
        self.faithfulness_line.setText(START_TEXT if proposals is None else _describe_faithfulness(proposals))
        self._update_buttons()

    def _set_nodes(self, item: QTreeWidgetItem, nodes: tuple[str, ...]) -> None:
        item.setData(0, NODES_ROLE, nodes)
        item.setText(2, str(len(nodes)))
        item.setTextAlignment(2, RIGHT_ALIGNED)
        item.setToolTip(2, ", ".join(nodes))

    def _checked_items(self) -> list[QTreeWidgetItem]:
        items = [self.groups_tree.topLevelItem(i) for i in range(self.groups_tree.topLevelItemCount())]
        return [item for item in items if item is not None and item.checkState(0) == Qt.CheckState.Checked]

    def _remove(self, items: list[QTreeWidgetItem]) -> None:
        for item in items:
            self.groups_tree.takeTopLevelItem(self.groups_tree.indexOfTopLevelItem(item))
        self._update_buttons()

    def _on_row_selected(self) -> None:
        selected = self.groups_tree.selectedItems()
        if selected:
            self.workspace.select_nodes({name for item in selected for name in item.data(0, NODES_ROLE)})
        self._update_buttons()

    def _update_buttons(self) -> None:
        n_selected = len(self.groups_tree.selectedItems())
        self.accept_button.setEnabled(bool(self._checked_items()))
        self.refuse_button.setEnabled(n_selected > 0)
        self.use_selection_button.setEnabled(n_selected == 1 and bool(self.workspace.selected_nodes))

    def _on_received(self, reply: object) -> None:
        if isinstance(reply, QueryResult) and reply.refusal:
            self.faithfulness_line.setText(reply.refusal)
        elif isinstance(reply, QueryResult) and reply.done:
            self.show_proposals(reply.result)


def _describe_parts(parts: dict[str, float]) -> str:
    return ", ".join(f"{part} {value:.2f}" for part, value in parts.items())


def _describe_faithfulness(proposals: GroupProposals) -> str:
    """What the circuit and what its groups alone explain."""
    if not proposals.groups:
        return "No two features are as similar as that; a smaller similarity would propose more."
    values = [
        "undefined" if value is None else f"{value:.3f}".replace("-", "−")
        for value in (proposals.circuit_faithfulness, proposals.grouped_faithfulness)
    ]
    return (
        f"Faithfulness of the circuit {values[0]}; with all proposed groups, and without the "
        f"{proposals.n_ungrouped} features that are in none, {values[1]}."
    )
