"""Taking a circuit apart: what the selected nodes are to write, what that changed, and what was tried."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from circuitviz.canvas.theme import Theme
from circuitviz.errors import InputError
from circuitviz.graph import Intervention
from circuitviz.jobs import Explain, Explained, Reply
from circuitviz.panels.ablating.changes import ChangesTree, number
from circuitviz.panels.ablating.form import OUT, OWN, AblationForm
from circuitviz.panels.ablating.scatter import PredictedChart
from circuitviz.panels.desk import Desk
from circuitviz.panels.registry import Panel, panels
from circuitviz.session import (
    State,
    intervene,
    judge_by,
    judged_by,
    members_of,
    revisit,
    toggle_ablation,
)

SHOWN = 100  # entries of the history
ENTRY = Qt.ItemDataRole.UserRole
FINDING = "finding out what changed…"


@panels.register(
    "ablation", summary="take apart, change, go back", title="Ablation", area="bottom", order=1, height=280
)
class AblationPanel(Panel):
    """Three columns: the selected nodes' output; what changed; the session's values to go back to."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.form = AblationForm()
        self.heading = QLabel("", objectName="muted")
        self.changes = ChangesTree()
        self.predicted = PredictedChart(desk)
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its bar, hidden over a lone page, would keep Tab
        self.history = QListWidget(accessibleName="Values of this session")
        self.history.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.history.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)  # tool tips say all
        self._asked = ""
        self._build()
        self.form.apply.clicked.connect(lambda: desk.guarded(self.change))
        self.form.positions.returnPressed.connect(lambda: desk.guarded(self.change))
        self.form.wished.connect(lambda ablation, errors: desk.do(judge_by(ablation, errors)))
        self.history.itemActivated.connect(self._go_back)
        self.history.itemClicked.connect(self._go_back)
        self.changes.chosen.connect(lambda node: desk.select(frozenset({node}), frozenset()))
        self.tabs.currentChanged.connect(lambda _: self.predicted.show_state())
        desk.selection_changed.connect(self.when_seen(self.show_selection))
        desk.state_changed.connect(self.when_seen(self.show_state))
        desk.live.changed.connect(self.when_seen(self.show_number))
        desk.ready.connect(self.when_seen(self.show_state))
        desk.arrived.connect(self._arrived)
        desk.idle.connect(self._idle)
        desk.document_opened.connect(self.changes.clear)
        self.show_state()

    def set_theme(self, theme: Theme) -> None:
        """Draw the chart in the theme's colours."""
        self.predicted.chart.theme = theme
        self.predicted.show_state()

    def change(self) -> None:
        """Make the selected nodes write what the form says, as one step of undo."""
        state, chosen = self.desk.document.state, self._chosen()
        if not chosen:
            return
        if self.form.wish == OUT:
            if out := chosen - state.ablated_nodes:
                self.desk.do(toggle_ablation(out))
            return
        if self.form.wish == OWN:
            self.desk.do(intervene(chosen, None))
            return
        what = self.form.intervention()
        _check(what, chosen, self.desk.opened.longest if self.desk.opened is not None else 0)
        self.desk.do(intervene(chosen, what))

    def show_selection(self) -> None:
        """Speak of the selected nodes, and show what they write now."""
        self.form.show_state(self.desk.document.state, self._chosen())

    def show_state(self) -> None:
        """Follow the document."""
        self.show_selection()
        self._show_history()
        state = self.desk.document.state
        self.tabs.setTabVisible(1, self._of_features)
        self.tabs.tabBar().setVisible(self.tabs.isTabVisible(1))
        self.predicted.show_state()
        if state.untouched or state.circuit is None:
            self._asked = ""
            self.changes.clear()
            self.heading.setText("Nothing is ablated." if state.circuit is not None else "")

    # what changed

    def show_number(self) -> None:
        """Once the number is exact there is time to say where it comes from."""
        self._show_history()
        state, known = self.desk.document.state, self.desk.document.evaluation
        if known is None or state.untouched or state.circuit is None or state.live is None:
            return
        if self._of_features:
            self._show_target(known)
        elif state.measured != self._asked and self.desk.opened is not None:
            self._asked = state.measured
            self.heading.setText(FINDING)
            how = state.changed, state.options, state.opening
            self.desk.ask(Explain(state.measured, state.circuit, state.live, *how))

    def _arrived(self, reply: Reply) -> None:
        if isinstance(reply, Explained) and reply.key == self.desk.document.state.measured:
            self.show_changes(reply.found)

    def _idle(self) -> None:
        """Nothing comes any more of what was asked for and has not come: it was stopped."""
        if self.heading.text() == FINDING:
            self._asked = ""
            self.heading.setText("Stopped before it was known what changed.")

    def show_changes(self, found: dict[str, Any]) -> None:
        """Heads that stepped in, and prompts that moved most."""
        metric = self.desk.opened.metric if self.desk.opened else "metric"
        self.heading.setText(f"{metric} of the circuit: {number(found['before'])} → {number(found['after'])}")
        self.changes.show_heads(found)

    def _show_target(self, numbers: dict[str, Any]) -> None:
        """A prompt's target: predicted and measured."""
        target = numbers["target"]
        if target is None:
            self.changes.clear()
            self.heading.setText("Nothing that can be changed is ablated.")
            return
        errors = ", errors dropped" if numbers["setting"]["errors"] == "dropped" else ""
        self.heading.setText(
            f"{target['name']} in the whole model{errors}: {number(target['before'])} → "
            f"{number(target['before'] + target['free'])}"
        )
        self.changes.show_target(target)

    # what was tried

    def _show_history(self) -> None:
        document = self.desk.document
        whole: dict[str, Any] = {"nodes": [], "edges": [], "key": _whole(document.state)}
        rows = [(whole, "everything in")]
        now = judged_by(document.state)
        rows += [(entry, _tried(entry, now)) for entry in reversed(document.tried[-SHOWN:])]
        told = document.evaluations
        self.history.clear()
        for entry, text in rows:
            numbers = told.get(entry["key"])
            value = None if numbers is None else numbers["faithfulness"]["value"]
            shown = "–" if value is None else number(value)
            item = QListWidgetItem(f"{shown}   {text}", self.history)
            item.setData(ENTRY, entry)
            item.setToolTip(f"{text}\nclick: go back to it")
            if entry["key"] == document.state.measured:
                self.history.setCurrentItem(item)

    def _go_back(self, item: QListWidgetItem) -> None:
        entry = item.data(ENTRY)
        changed = {name: Intervention.from_json(w) for name, w in entry.get("changed", {}).items()}
        self.desk.do(revisit(entry["nodes"], entry["edges"], changed, entry.get("judged", ())))

    # the columns

    @property
    def _of_features(self) -> bool:
        return self.desk.asking.question is not None

    def _chosen(self) -> frozenset[str]:
        state = self.desk.document.state
        if state.circuit is None:
            return frozenset()
        senders = state.circuit.graph.sender_index
        return frozenset(n for n in members_of(state, self.desk.nodes) if n in senders)

    def _build(self) -> None:
        self.tabs.addTab(_titled(self.heading, self.changes), "What changed")
        self.tabs.addTab(self.predicted, "Predicted and measured")
        columns = QSplitter(Qt.Orientation.Horizontal)
        columns.addWidget(self.form)
        columns.addWidget(self.tabs)
        columns.addWidget(_titled(QLabel("this session, latest first", objectName="muted"), self.history))
        columns.setChildrenCollapsible(False)
        self.tabs.setMinimumWidth(240)  # the hidden page's chart asks for more
        columns.setSizes([210, 460, 210])
        columns.setStretchFactor(1, 1)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(columns)


def _whole(state: State) -> str:
    """What the circuit's own number lies under."""
    return replace(state, ablated_nodes=frozenset(), ablated_edges=frozenset()).plain


def _check(what: Intervention, nodes: Collection[str], longest: int) -> None:
    """InputError on what would change nothing: the embedding, or positions that no prompt has."""
    if set(nodes) == {"input"}:
        raise InputError(
            "input was to be changed; it is the prompt's embedding, which stays what the prompt says. It can "
            "be taken out of the circuit; what heads and MLPs write can be changed."
        )
    beyond = [place for place in what.positions if longest and not -longest <= place < longest]
    if beyond:
        raise InputError(
            f"{', '.join(map(str, beyond))} is a position in no prompt: the longest has {longest} tokens, so "
            f"0 to {longest - 1}, or from the answer position backwards −1 to −{longest}, would be right."
        )


def _titled(title: QLabel, widget: QWidget) -> QWidget:
    box = QWidget()
    inside = QVBoxLayout(box, spacing=4)
    inside.setContentsMargins(8, 8, 8, 8)
    inside.addWidget(title)
    inside.addWidget(widget, 1)
    return box


def _tried(entry: dict[str, Any], now: list[str]) -> str:
    """An entry of the history in words: what is out, what is changed how, and judged how if not as now."""
    out, changed = [*entry["nodes"], *entry["edges"]], entry.get("changed", {})
    parts = []
    if out:
        parts.append(f"without {', '.join(out[:3])}" + (f" and {len(out) - 3} more" if out[3:] else ""))
    parts += [f"{name} {Intervention.from_json(what).text}" for name, what in changed.items()]
    judged = entry.get("judged", now)
    if judged != now:
        parts.append(f"{judged[0]} ablation, errors {judged[1]}")
    return "; ".join(parts)
