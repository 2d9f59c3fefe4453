"""Path patching panel: the senders found in each round, and the receivers of the next round."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QLabel, QPushButton, QTreeWidget, QTreeWidgetItem

from circuitviz.document import TaskOrigin
from circuitviz.graph import NodeKind
from circuitviz.number_text import signed_number
from circuitviz.panels.registry import MissingStep, Panel, panels
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.fields import RIGHT_ALIGNED
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workspace.workspace import Workspace

MAX_LISTED_SENDERS = 12  # senders listed in a round
NODE_ROLE = Qt.ItemDataRole.UserRole
CHANNEL_TITLES = {"q": "queries", "k": "keys", "v": "values", "": "queries, keys and values"}


@panels.register(
    "rounds",
    summary="iterative path patching",
    title="Path patching",
    area="bottom",
    place="circuit",
    order=7,
)
class PathPatchingPanel(Panel):
    """Tree of rounds; checked heads of the last round become the receivers of the next one."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.rounds_tree = QTreeWidget(accessibleName="Rounds of path patching")
        self.rounds_tree.setHeaderLabels(["receivers ← senders", "effect"])
        self.rounds_tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.rounds_tree.header().setStretchLastSection(False)
        self.channel_box = ComboBox(
            accessibleName="Channel", toolTip="input of the checked heads that is patched next"
        )
        for name, text in CHANNEL_TITLES.items():
            self.channel_box.addItem(text, name)
        self.next_round_button = QPushButton("Next round", objectName="primary")
        self.status_line = ElidedLabel()
        foot = lay_out_row(
            (self.status_line, 1),
            QLabel("patch the"),
            self.channel_box,
            self.next_round_button,
            margins=(12, 4, 12, 8),
        )
        lay_out_column((self.rounds_tree, 1), foot, parent=self)
        self._shown_rounds: list[dict[str, Any]] | None = None
        self.next_round_button.clicked.connect(self.start_next_round)
        self.rounds_tree.itemClicked.connect(self._on_item_clicked)
        self.rounds_tree.itemChanged.connect(lambda *_: self._update_controls())
        workspace.state_changed.connect(self.show_rounds)
        workspace.document_opened.connect(self.show_rounds)
        workspace.worker_idle.connect(self._update_controls)
        self.show_rounds()

    def is_applicable(self) -> bool:
        """Whether the circuit was found in rounds."""
        scores = self.workspace.state.scores
        return scores is not None and bool(scores.info.get("rounds"))

    def missing_step(self) -> MissingStep | None:
        """Rounds come from a search."""
        if self.is_applicable():
            return None
        return MissingStep(
            "Rounds come from a search with the method path-patching.",
            "Choose the method…",
            partial(self.workspace.panel_requested.emit, "discovery"),
        )

    def show_rounds(self) -> None:
        """Show the rounds of the document's scores."""
        scores = self.workspace.state.scores
        rounds = None if scores is None else list(scores.info.get("rounds", []))
        if rounds == self._shown_rounds:
            return
        self._shown_rounds = rounds
        self.rounds_tree.blockSignals(True)
        self.rounds_tree.clear()
        for number, patching_round in enumerate(rounds or [], start=1):
            names = patching_round["receivers"]
            receivers = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
            top = QTreeWidgetItem([f"round {number}:  {receivers}"])
            self.rounds_tree.addTopLevelItem(top)
            last = number == len(rounds or [])
            for row, (sender, effect) in enumerate(patching_round["senders"][:MAX_LISTED_SENDERS]):
                item = QTreeWidgetItem([sender, signed_number(effect, 3)])
                item.setTextAlignment(1, RIGHT_ALIGNED)
                item.setData(0, NODE_ROLE, sender)
                if last and self._is_head(sender):
                    item.setCheckState(0, Qt.CheckState.Checked if row < 4 else Qt.CheckState.Unchecked)
                top.addChild(item)
            top.setExpanded(True)
        self.rounds_tree.blockSignals(False)
        self._update_controls()

    def start_next_round(self) -> None:
        """Run path patching with the checked heads as receivers of one more round."""
        origin = self.workspace.document.state.origin
        if not isinstance(origin, TaskOrigin) or not self._shown_rounds:
            return
        channel = self.channel_box.currentData()
        receivers = [f"{name}<{channel}>" if channel else name for name in self._checked_heads()]
        rounds = [",".join(patching_round["receivers"]) for patching_round in self._shown_rounds] + [
            ",".join(receivers)
        ]
        options = {**origin.options, "receivers": ";".join(rounds), "rounds": len(rounds)}
        request = DiscoverCircuit.from_origin(origin, self.workspace.device)
        self.workspace.start_discovery(replace(request, method="path-patching", options=options))

    def _checked_heads(self) -> list[str]:
        matches = self.rounds_tree.findItems("*", Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive)
        return [
            str(item.data(0, NODE_ROLE)) for item in matches if item.checkState(0) == Qt.CheckState.Checked
        ]

    def _is_head(self, name: str) -> bool:
        state = self.workspace.state
        return state.circuit is not None and state.circuit.graph.node(name).kind is NodeKind.HEAD

    def _update_controls(self) -> None:
        checked_heads = self._checked_heads()
        can_start = (
            self.workspace.opened_model is not None and self.workspace.document.state.origin is not None
        )
        self.next_round_button.setEnabled(bool(checked_heads) and can_start)
        if not self._shown_rounds:
            self.status_line.setText("Find a circuit with the method path-patching first.")
        else:
            self.status_line.setText(
                f"{len(checked_heads)} heads checked" if checked_heads else "check heads of the last round"
            )

    def _on_item_clicked(self, item: QTreeWidgetItem) -> None:
        name = item.data(0, NODE_ROLE)
        if name:
            self.workspace.select_nodes({str(name)})
