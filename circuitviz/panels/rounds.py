"""Path patching round by round: who was found, and who is to be the receivers of the next round."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from circuitviz.graph import Kind
from circuitviz.jobs import Find
from circuitviz.panels.desk import Desk
from circuitviz.panels.line import Line
from circuitviz.panels.registry import Panel, panels

MOST = 12  # senders listed in a round
NODE = Qt.ItemDataRole.UserRole
CHANNELS = {"q": "queries", "k": "keys", "v": "values", "": "queries, keys and values"}


@panels.register(
    "rounds", summary="path patching by rounds", title="Path patching", area="bottom", order=3, height=340
)
class RoundsPanel(Panel):
    """The tree of rounds. Ticked heads of the last round are offered as the next one's receivers."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.tree = QTreeWidget(accessibleName="Rounds of path patching")
        self.tree.setHeaderLabels(["receivers ← senders", "effect"])
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setStretchLastSection(False)
        self.channel = QComboBox(accessibleName="Channel", toolTip="what of the ticked heads is patched next")
        for name, text in CHANNELS.items():
            self.channel.addItem(text, name)
        self.next = QPushButton("Next round", objectName="primary")
        self.about = Line()
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 4, 12, 8)
        foot.addWidget(self.about, 1)
        foot.addWidget(QLabel("patch their"))
        foot.addWidget(self.channel)
        foot.addWidget(self.next)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.tree, 1)
        whole.addLayout(foot)
        self._told: list[dict[str, Any]] | None = None
        self.next.clicked.connect(self.go_on)
        self.tree.itemClicked.connect(self._clicked)
        self.tree.itemChanged.connect(lambda *_: self._refresh())
        desk.state_changed.connect(self.show_rounds)
        desk.document_opened.connect(self.show_rounds)
        desk.idle.connect(self._refresh)
        self.show_rounds()

    def show_rounds(self) -> None:
        """Draw the tree of the scores on the desk."""
        scores = self.desk.state.scores
        told = None if scores is None else list(scores.info.get("rounds", []))
        if told == self._told:
            return
        self._told = told
        self.tree.blockSignals(True)
        self.tree.clear()
        for number, turn in enumerate(told or [], start=1):
            names = turn["receivers"]
            shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
            top = QTreeWidgetItem([f"round {number}:  {shown}"])
            self.tree.addTopLevelItem(top)
            last = number == len(told or [])
            for row, (sender, effect) in enumerate(turn["senders"][:MOST]):
                item = QTreeWidgetItem([sender, f"{effect:+.3f}"])
                item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setData(0, NODE, sender)
                if last and self._is_head(sender):
                    item.setCheckState(0, Qt.CheckState.Checked if row < 4 else Qt.CheckState.Unchecked)
                top.addChild(item)
            top.setExpanded(True)
        self.tree.blockSignals(False)
        self._refresh()

    def go_on(self) -> None:
        """Search again with the ticked heads as receivers of one more round."""
        where = self.desk.document.state.provenance
        if where is None or not self._told:
            return
        channel = self.channel.currentData()
        chosen = [f"{name}<{channel}>" if channel else name for name in self._ticked()]
        rounds = [",".join(turn["receivers"]) for turn in self._told] + [",".join(chosen)]
        options = {**where.options, "receivers": ";".join(rounds), "rounds": len(rounds)}
        request = Find.like(where, self.desk.device)
        self.desk.find(replace(request, method="path-patching", options=options))

    def _ticked(self) -> list[str]:
        matches = self.tree.findItems("*", Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive)
        return [str(item.data(0, NODE)) for item in matches if item.checkState(0) == Qt.CheckState.Checked]

    def _is_head(self, name: str) -> bool:
        state = self.desk.state
        return state.circuit is not None and state.circuit.graph.node(name).kind is Kind.HEAD

    def _refresh(self) -> None:
        ticked = self._ticked()
        ready = self.desk.opened is not None and self.desk.document.state.provenance is not None
        self.next.setEnabled(bool(ticked) and ready)
        if not self._told:
            self.about.setText("Find with path-patching first.")
        else:
            self.about.setText(f"{len(ticked)} heads ticked" if ticked else "tick heads of the last round")

    def _clicked(self, item: QTreeWidgetItem) -> None:
        name = item.data(0, NODE)
        if name:
            self.desk.select(frozenset({str(name)}), frozenset())
