"""Proposed groups: features that read and write alike, to be accepted, changed or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from circuitviz.document import Document, group_several
from circuitviz.number_text import decimal_number
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
ACCEPTED_ROLE = NODES_ROLE + 1
START_TEXT = "Features that read and write alike are proposed as groups; a click selects a group’s nodes."
RUNNING_TEXT = "Comparing features …"


@dataclass(eq=False)
class _ProposedRows:
    """What was proposed for a document, and what became of it.

    Attributes:
        text: The line below the list.
        proposals: The answer; None: there is none yet.
        items: The rows that were not refused, with what was typed and chosen; the tree shows those that are
            not accepted.
    """

    text: str = START_TEXT
    proposals: GroupProposals | None = None
    items: list[QTreeWidgetItem] = field(default_factory=list)


@panels.register(
    "proposed-groups",
    summary="groups of features that read and write alike",
    title="Proposed groups",
    area="bottom",
    place="features",
    order=3.1,
)
class ProposedGroupsPanel(Panel):
    """A checked row is accepted by the button; names are edited in place, nodes by selecting others.

    Each document keeps its rows. An accepted row is hidden while its nodes lie in a group, so that undo
    brings it back.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._rows_by_document: WeakKeyDictionary[Document, _ProposedRows] = WeakKeyDictionary()
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
        self._job.running_changed.connect(self._show_rows)
        for signal in (workspace.document_opened, workspace.state_changed):
            signal.connect(self._show_rows)
        workspace.selection_changed.connect(self._update_buttons)
        self._show_rows()

    @property
    def proposals(self) -> GroupProposals | None:
        """What was proposed for the document in front; None: nothing yet."""
        return self._rows.proposals

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
        self._job.submit(ProposeGroups(self.workspace.state, self.similarity_field.value()))

    def accept_checked(self) -> None:
        """Make groups of the checked proposals, as one step of undo; they leave the list.

        Raises:
            InputError: A name is taken or given twice, or nodes are in another group.
        """
        checked = self._checked_items()
        command = group_several((item.text(0), item.data(0, NODES_ROLE)) for item in checked)
        self.workspace.apply_command(command)
        for item in checked:
            item.setData(0, ACCEPTED_ROLE, True)
        self._show_rows()

    def refuse_selected(self) -> None:
        """Take the selected proposals off the list."""
        for item in self.groups_tree.selectedItems():
            self._rows.items.remove(item)
        self._show_rows()

    def use_selection(self) -> None:
        """Give the selected proposal the nodes that are selected on the canvas, which has no score then."""
        circuit, items = self.workspace.state.circuit, self.groups_tree.selectedItems()
        if circuit is None or len(items) != 1:
            return
        nodes = tuple(name for name in circuit.node_names if name in self.workspace.selected_nodes)
        if nodes:
            self._set_nodes(items[0], nodes)
            items[0].setData(0, ACCEPTED_ROLE, False)  # with these nodes it was not
            items[0].setText(1, "")
            items[0].setText(3, "chosen by hand")

    @property
    def _rows(self) -> _ProposedRows:
        return self._rows_by_document.setdefault(self.workspace.document, _ProposedRows())

    def _set_proposals(self, proposals: GroupProposals) -> None:
        items = []
        for group in proposals.groups:
            item = QTreeWidgetItem(
                [group.name, decimal_number(group.score, 2), "", _describe_parts(dict(group.parts))]
            )
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setCheckState(0, Qt.CheckState.Checked)
            item.setTextAlignment(1, RIGHT_ALIGNED)
            item.setToolTip(3, "parts of the score: mean similarity of the group’s pairs")
            self._set_nodes(item, group.nodes)
            items.append(item)
        rows = _ProposedRows(_describe_faithfulness(proposals), proposals, items)
        self._rows_by_document[self.workspace.document] = rows
        self._show_rows()

    def _show_rows(self) -> None:
        """Show the document's rows that are not groups of it."""
        shown, tree = [item for item in self._rows.items if not self._is_accepted(item)], self.groups_tree
        if [id(item) for item in shown] != [id(item) for item in self._tree_items()]:
            with QSignalBlocker(tree):  # a row that moves up selects nothing
                while tree.topLevelItemCount():
                    tree.takeTopLevelItem(0)  # and not clear(), which deletes the items
                tree.addTopLevelItems(shown)
                tree.clearSelection()
        self.faithfulness_line.setText(RUNNING_TEXT if self._job.is_running else self._rows.text)
        self.propose_button.setEnabled(not self._job.is_running)
        self._update_buttons()

    def _is_accepted(self, item: QTreeWidgetItem) -> bool:
        """Whether a row was accepted and its nodes lie in a group, which undo takes away."""
        groups = self.workspace.state.groups.values()
        nodes = frozenset(item.data(0, NODES_ROLE))
        return bool(item.data(0, ACCEPTED_ROLE)) and any(nodes <= group.nodes for group in groups)

    def _set_nodes(self, item: QTreeWidgetItem, nodes: tuple[str, ...]) -> None:
        item.setData(0, NODES_ROLE, nodes)
        item.setText(2, str(len(nodes)))
        item.setTextAlignment(2, RIGHT_ALIGNED)
        item.setToolTip(2, ", ".join(nodes))

    def _tree_items(self) -> list[QTreeWidgetItem]:
        items = [self.groups_tree.topLevelItem(i) for i in range(self.groups_tree.topLevelItemCount())]
        return [item for item in items if item is not None]

    def _checked_items(self) -> list[QTreeWidgetItem]:
        return [item for item in self._tree_items() if item.checkState(0) == Qt.CheckState.Checked]

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
            self._rows.text = reply.refusal
            self._show_rows()
        elif isinstance(reply, QueryResult) and reply.done:
            self._set_proposals(reply.result)


def _describe_parts(parts: dict[str, float]) -> str:
    return ", ".join(f"{part} {decimal_number(value, 2)}" for part, value in parts.items())


def _describe_faithfulness(proposals: GroupProposals) -> str:
    """What the circuit and what its groups alone explain."""
    if not proposals.groups:
        return "No two features are as similar as that; a smaller similarity would propose more."
    values = [
        "undefined" if value is None else decimal_number(value, 3)
        for value in (proposals.circuit_faithfulness, proposals.grouped_faithfulness)
    ]
    n_groups = len(proposals.groups)
    return (
        f"As proposed: faithfulness of the circuit {values[0]}; with "
        f"{'the group' if n_groups == 1 else f'all {n_groups} groups'}, and without the "
        f"{proposals.n_ungrouped} features that are in none, {values[1]}."
    )
