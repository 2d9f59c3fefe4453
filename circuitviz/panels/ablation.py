"""Taking a circuit apart: what the selected nodes are to write, what that changed, and what was tried."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from circuitviz.graph import VALUES, Intervention, parse_positions
from circuitviz.jobs import Explain, Explained, Reply
from circuitviz.panels.desk import Desk
from circuitviz.panels.registry import Panel, inset_numbers, panels
from circuitviz.session import intervene, members_of, revisit, toggle_ablation

OWN, OUT = "its own output", "out of the circuit"
HELP = {OWN: "as it is in the model", OUT: "all its edges carry their ablation value", **VALUES}
SHOWN = 100  # entries of the history
ENTRY = Qt.ItemDataRole.UserRole
MINUS = str.maketrans("-", "−")


@panels.register(
    "ablation", summary="take apart, change, go back", title="Ablation", area="bottom", order=1, height=280
)
class AblationPanel(Panel):
    """Three columns: the selected nodes' output; what changed; the session's values to go back to."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.who = QLabel("")
        self.value = QComboBox(accessibleName="What the selected nodes write")
        for name, tip in HELP.items():
            self.value.addItem(name)
            self.value.setItemData(self.value.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.share = QDoubleSpinBox(
            minimum=-10, maximum=10, singleStep=0.1, value=0.5, accessibleName="Factor"
        )
        self.positions = QLineEdit(placeholderText="all; or 2, 5, −1", accessibleName="Positions")
        self.positions.setToolTip("from 0 at the first token; from −1 at the answer position backwards")
        self.apply = QPushButton("Apply", objectName="primary")
        self.heading = QLabel("", objectName="muted")
        self.changes = QTreeWidget(accessibleName="What changed")
        self.changes.setHeaderLabels(["what changed", "before", "after"])
        self.history = QListWidget(accessibleName="Values of this session")
        self.history.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._asked = ""
        self._build()
        self.value.currentTextChanged.connect(self._kind_chosen)
        self.apply.clicked.connect(lambda: desk.guarded(self.change))
        self.positions.returnPressed.connect(lambda: desk.guarded(self.change))
        self.history.itemActivated.connect(self._go_back)
        self.history.itemClicked.connect(self._go_back)
        self.changes.itemClicked.connect(self._clicked)
        desk.selection_changed.connect(self.when_seen(self.show_selection))
        desk.state_changed.connect(self.when_seen(self.show_state))
        desk.live.changed.connect(self.when_seen(self.show_number))
        desk.arrived.connect(self._arrived)
        desk.document_opened.connect(self.changes.clear)
        self.show_state()

    def change(self) -> None:
        """Make the selected nodes write what the form says, as one step of undo."""
        state, chosen = self.desk.document.state, self._chosen()
        name = self.value.currentText()
        if not chosen:
            return
        if name == OUT:
            if out := chosen - state.ablated_nodes:
                self.desk.do(toggle_ablation(out))
            return
        what = None
        if name != OWN:
            share = self.share.value() if name == "scale" else 1.0
            what = Intervention(name, share, parse_positions(self.positions.text()))
        self.desk.do(intervene(chosen, what))

    def show_selection(self) -> None:
        """Speak of the selected nodes, and show what they write now."""
        state, chosen = self.desk.document.state, self._chosen()
        names = sorted(chosen)
        self.who.setText(
            "Select nodes on the canvas."
            if not names
            else f"<b>{', '.join(names[:3])}</b>" + (f" and {len(names) - 3} more" if names[3:] else "")
        )
        for widget in (self.value, self.apply):
            widget.setEnabled(bool(names))
        kinds = {state.interventions.get(name) for name in names}
        what = kinds.pop() if len(kinds) == 1 else None
        if names and chosen <= state.ablated_nodes:
            self.value.setCurrentText(OUT)
        elif what is not None:
            self.value.setCurrentText(what.value)
            if what.value == "scale":
                self.share.setValue(what.share)
            self.positions.setText(", ".join(map(str, what.positions)).translate(MINUS))
        else:
            self.value.setCurrentText(OWN)
        self._kind_chosen(self.value.currentText())

    def show_state(self) -> None:
        """Follow the document."""
        self.show_selection()
        self._show_history()
        state = self.desk.document.state
        if state.untouched or state.circuit is None:
            self._asked = ""
            self.changes.clear()
            self.heading.setText("Nothing is ablated." if state.circuit is not None else "")

    # what changed

    def show_number(self) -> None:
        """Once the number is exact there is time to say where it comes from."""
        self._show_history()
        state, known = self.desk.document.state, self.desk.document.evaluation is not None
        if not known or state.untouched or state.circuit is None or state.live is None:
            return
        if state.measured != self._asked and self.desk.opened is not None:
            self._asked = state.measured
            self.heading.setText("finding out what changed…")
            self.desk.ask(Explain(state.measured, state.circuit, state.live, state.changed))

    def _arrived(self, reply: Reply) -> None:
        if isinstance(reply, Explained) and reply.key == self.desk.document.state.measured:
            self.show_changes(reply.found)

    def show_changes(self, found: dict[str, Any]) -> None:
        """Heads first: who stepped in; then the prompts that moved most."""
        metric = self.desk.opened.metric if self.desk.opened else "metric"
        self.heading.setText(
            f"{metric} of the circuit: {_number(found['before'])} → {_number(found['after'])}"
        )
        self.changes.clear()
        heads = self._section("direct effect of heads, most risen first")
        for head in found["heads"]:
            item = _row(heads, head["node"], head["before"], head["after"])
            item.setData(0, ENTRY, head["node"])
            low, high = head["change"]["low"], head["change"]["high"]
            if low is not None:
                item.setToolTip(2, f"change, 95 %: {low:+.3f} to {high:+.3f}")
        prompts = self._section("prompts that changed most")
        for each in found["prompts"]:
            item = _row(prompts, each["text"].removeprefix("<|endoftext|>"), each["before"], each["after"])
            item.setToolTip(0, each["text"])
            for title, tops in (("before", each["top_before"]), ("after", each["top_after"])):
                words = "   ".join(f"{word!r} {share:.2f}" for word, share in tops)
                child = QTreeWidgetItem(item, [f"{title}:  {words}"])
                child.setFirstColumnSpanned(True)
        for section in (heads, prompts):
            section.setExpanded(True)

    def _section(self, title: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem(self.changes, [title])
        item.setFirstColumnSpanned(True)
        bold = item.font(0)
        bold.setBold(True)
        item.setFont(0, bold)
        return item

    def _clicked(self, item: QTreeWidgetItem) -> None:
        if node := item.data(0, ENTRY):
            self.desk.select(frozenset({node}), frozenset())

    # what was tried

    def _show_history(self) -> None:
        document = self.desk.document
        whole: dict[str, Any] = {"nodes": [], "edges": [], "key": self._whole()}
        rows = [(whole, "everything in")]
        rows += [(entry, _tried(entry)) for entry in reversed(document.history[-SHOWN:])]
        told = document.evaluations
        self.history.clear()
        for entry, text in rows:
            numbers = told.get(entry["key"])
            value = None if numbers is None else numbers["faithfulness"]["value"]
            shown = "–" if value is None else _number(value)
            item = QListWidgetItem(f"{shown}   {text}", self.history)
            item.setData(ENTRY, entry)
            item.setToolTip(f"{text}\nclick: go back to it")
            if entry["key"] == document.state.measured:
                self.history.setCurrentItem(item)

    def _whole(self) -> str:
        state = self.desk.document.state
        empty: frozenset[str] = frozenset()
        return replace(state, ablated_nodes=empty, ablated_edges=empty, interventions={}).measured

    def _go_back(self, item: QListWidgetItem) -> None:
        entry = item.data(ENTRY)
        changed = {name: Intervention.from_json(w) for name, w in entry.get("changed", {}).items()}
        self.desk.do(revisit(entry["nodes"], entry["edges"], changed))

    # the form

    def _chosen(self) -> frozenset[str]:
        state = self.desk.document.state
        if state.circuit is None:
            return frozenset()
        senders = state.circuit.graph.sender_index
        return frozenset(n for n in members_of(state, self.desk.nodes) if n in senders)

    def _kind_chosen(self, name: str) -> None:
        usable = self.value.isEnabled()
        self.share.setEnabled(usable and name == "scale")
        self.positions.setEnabled(usable and name not in (OWN, OUT))

    def _build(self) -> None:
        form = QFormLayout(verticalSpacing=8)
        form.setContentsMargins(12, 10, 12, 10)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.who.setWordWrap(True)
        form.addRow(self.who)
        form.addRow("writes", self.value)
        form.addRow("factor", self.share)
        form.addRow("positions", self.positions)
        form.addRow(self.apply)
        controls = QWidget()
        controls.setLayout(form)
        self.changes.setRootIsDecorated(True)
        header = self.changes.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        columns = QSplitter(Qt.Orientation.Horizontal)
        columns.addWidget(controls)
        columns.addWidget(_titled(self.heading, self.changes))
        columns.addWidget(_titled(QLabel("this session, latest first", objectName="muted"), self.history))
        columns.setChildrenCollapsible(False)
        columns.setSizes([210, 460, 210])
        columns.setStretchFactor(1, 1)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(columns)
        inset_numbers(self)
        self.value.setMinimumContentsLength(10)
        self.value.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)


def _titled(title: QLabel, widget: QWidget) -> QWidget:
    box = QWidget()
    inside = QVBoxLayout(box, spacing=4)
    inside.setContentsMargins(8, 8, 8, 8)
    inside.addWidget(title)
    inside.addWidget(widget, 1)
    return box


def _row(parent: QTreeWidgetItem, name: str, before: float, after: float) -> QTreeWidgetItem:
    item = QTreeWidgetItem(parent, [name, _number(before), _number(after)])
    for column in (1, 2):
        item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item


def _number(value: float) -> str:
    return f"{value:.3f}".translate(MINUS)


def _tried(entry: dict[str, Any]) -> str:
    """An entry of the history in words: what is out, and what is changed how."""
    out, changed = [*entry["nodes"], *entry["edges"]], entry.get("changed", {})
    parts = []
    if out:
        parts.append(f"without {', '.join(out[:3])}" + (f" and {len(out) - 3} more" if out[3:] else ""))
    parts += [f"{name} {Intervention.from_json(what).text}" for name, what in changed.items()]
    return "; ".join(parts)
