"""Ablation panel: what the selected nodes write, what that changed, and the history of this session."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QLabel, QListWidget, QListWidgetItem, QTabWidget, QWidget

from circuitviz.document import (
    State,
    evaluation_setting_of,
    expand_nodes,
    restore_ablation,
    set_evaluation_setting,
    set_intervention,
    toggle_ablation,
)
from circuitviz.errors import InputError
from circuitviz.graph import Intervention
from circuitviz.number_text import decimal_number
from circuitviz.panels.ablation.ablation_form import OUT_OF_CIRCUIT, OWN_OUTPUT, AblationForm
from circuitviz.panels.ablation.changes_tree import ChangesTree
from circuitviz.panels.ablation.prediction_view import PredictionView
from circuitviz.panels.registry import Panel, panels
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row, make_splitter
from circuitviz.workbench.requests.explain_change import ChangeExplained, ExplainChange
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

MAX_HISTORY_ENTRIES = 100  # entries of the history
ENTRY_ROLE = Qt.ItemDataRole.UserRole


@panels.register(
    "ablation",
    summary="ablate, change and restore nodes",
    title="Ablation",
    area="bottom",
    place="inspect",
    order=1,
)
class AblationPanel(Panel):
    """Three columns: the intervention form, the changes, and the history."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.ablation_form = AblationForm()
        self.changes_heading = QLabel("", objectName="muted")
        self.changes_tree = ChangesTree()
        self.prediction_view = PredictionView(workspace)
        self.tabs = QTabWidget(documentMode=True)
        self.tabs.setFocusPolicy(
            Qt.FocusPolicy.NoFocus
        )  # else Tab would stop at its bar, also where that is hidden
        self.history_list = QListWidget(accessibleName="Ablation history")
        self.history_list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.history_list.setHorizontalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )  # tool tips say all
        self._explained_key = ""  # key of the state whose comparison was requested last
        self._explain_job = LatestJob(workspace, self)
        self._build()
        for applied in (
            self.ablation_form.apply_button.clicked,
            self.ablation_form.positions_field.returnPressed,
        ):
            applied.connect(self._apply_guarded)
        self.ablation_form.setting_chosen.connect(
            lambda ablation, errors: workspace.apply_command(set_evaluation_setting(ablation, errors))
        )
        self.history_list.itemActivated.connect(self._restore_entry)
        self.history_list.itemClicked.connect(self._restore_entry)
        self.changes_tree.node_clicked.connect(lambda node: workspace.select_nodes({node}))
        self.tabs.currentChanged.connect(lambda _: self.prediction_view.show_state())
        workspace.selection_changed.connect(self.refresh_when_visible(self.show_selection))
        workspace.state_changed.connect(self.refresh_when_visible(self.show_state))
        workspace.live_faithfulness.changed.connect(self.refresh_when_visible(self.explain_exact_value))
        workspace.model_ready.connect(self.refresh_when_visible(self.show_state))
        self._explain_job.received.connect(self._on_change_explained)
        self._explain_job.failed.connect(self._on_comparison_stopped)
        self._explain_job.cancelled.connect(self._on_comparison_stopped)
        workspace.document_opened.connect(self.changes_tree.clear)
        self.show_state()

    def _apply_guarded(self) -> None:
        self.workspace.run_guarded(self.apply_intervention, title="Could not change the nodes")

    def apply_intervention(self) -> None:
        """Apply the form to the selected nodes as one undo step."""
        state, nodes = self.workspace.document.state, self._selected_senders()
        if not nodes:
            return
        if self.ablation_form.chosen_value == OUT_OF_CIRCUIT:
            if newly_ablated := nodes - state.ablated_nodes:
                self.workspace.apply_command(toggle_ablation(newly_ablated))
            return
        if self.ablation_form.chosen_value == OWN_OUTPUT:
            self.workspace.apply_command(set_intervention(nodes, None))
            return
        intervention = self.ablation_form.read_intervention()
        _check_intervention(
            intervention,
            nodes,
            self.workspace.opened_model.max_prompt_tokens if self.workspace.opened_model is not None else 0,
        )
        self.workspace.apply_command(set_intervention(nodes, intervention))

    def show_selection(self) -> None:
        """Show the selected nodes and what they write now."""
        self.ablation_form.show_state(self.workspace.document.state, self._selected_senders())

    def show_state(self) -> None:
        """Show the document's state."""
        self.show_selection()
        self._show_history()
        state = self.workspace.document.state
        self.tabs.setTabVisible(1, self._is_feature_circuit)
        self.tabs.tabBar().setVisible(self.tabs.isTabVisible(1))
        self.prediction_view.show_state()
        if state.is_unmodified or state.circuit is None:
            self._explained_key = ""
            self._explain_job.release()
            self.changes_tree.clear()
            self.changes_heading.setText("Nothing is ablated." if state.circuit is not None else "")

    # changes

    def explain_exact_value(self) -> None:
        """Ask what the ablation changed, once the exact faithfulness is known."""
        self._show_history()
        state, evaluation = self.workspace.document.state, self.workspace.document.evaluation
        if evaluation is None or state.is_unmodified or state.circuit is None or state.live_circuit is None:
            return
        if self._is_feature_circuit:
            self._show_target_change(evaluation)
        elif state.measurement_key != self._explained_key and self.workspace.opened_model is not None:
            self._explained_key = state.measurement_key
            self.changes_heading.setText("Comparing before and after …")
            setting = state.active_interventions, state.method_options, state.requirements
            self._explain_job.submit(
                ExplainChange(state.measurement_key, state.circuit, state.live_circuit, *setting)
            )

    def _on_change_explained(self, reply: ChangeExplained) -> None:
        if reply.key == self.workspace.document.state.measurement_key:
            self.show_changes(reply.changes)

    def _on_comparison_stopped(self) -> None:
        self._explained_key = ""
        self.changes_heading.setText("Comparison cancelled.")

    def show_changes(self, explanation: dict[str, Any]) -> None:
        """Show backup heads and the prompts that changed most."""
        metric = self.workspace.opened_model.metric if self.workspace.opened_model else "metric"
        self.changes_heading.setText(
            f"{metric} of the circuit: {decimal_number(explanation['before'], 3)} → "
            f"{decimal_number(explanation['after'], 3)}"
        )
        self.changes_tree.show_heads(explanation)

    def _show_target_change(self, evaluation: dict[str, Any]) -> None:
        """Show the predicted and measured change of a prompt circuit's target."""
        target = evaluation["target"]
        if target is None:
            self.changes_tree.clear()
            self.changes_heading.setText("No ablated node can be compared.")
            return
        errors = ", errors dropped" if evaluation["setting"]["errors"] == "dropped" else ""
        self.changes_heading.setText(
            f"{target['name']} in the full model{errors}: {decimal_number(target['before'], 3)} → "
            f"{decimal_number(target['before'] + target['free'], 3)}"
        )
        self.changes_tree.show_target(target)

    # history

    def _show_history(self) -> None:
        document = self.workspace.document
        unablated: dict[str, Any] = {"nodes": [], "edges": [], "key": _unablated_key(document.state)}
        rows = [(unablated, "nothing ablated")]
        setting = evaluation_setting_of(document.state)
        rows += [
            (entry, _describe_entry(entry, setting))
            for entry in reversed(document.current_history[-MAX_HISTORY_ENTRIES:])
        ]
        evaluations = document.evaluations
        self.history_list.clear()
        for entry, text in rows:
            numbers = evaluations.get(entry["key"])
            value = None if numbers is None else numbers["faithfulness"]["value"]
            value_text = "–" if value is None else decimal_number(value, 3)
            item = QListWidgetItem(f"{value_text}   {text}", self.history_list)
            item.setData(ENTRY_ROLE, entry)
            item.setToolTip(f"{text}\nclick to restore")
            if entry["key"] == document.state.measurement_key:
                self.history_list.setCurrentItem(item)

    def _restore_entry(self, item: QListWidgetItem) -> None:
        entry = item.data(ENTRY_ROLE)
        changed = {name: Intervention.from_json(w) for name, w in entry.get("changed", {}).items()}
        self.workspace.apply_command(
            restore_ablation(entry["nodes"], entry["edges"], changed, entry.get("judged", ()))
        )

    # layout

    @property
    def _is_feature_circuit(self) -> bool:
        return self.workspace.document.state.is_prompt_circuit

    def _selected_senders(self) -> frozenset[str]:
        state = self.workspace.document.state
        if state.circuit is None:
            return frozenset()
        senders = state.circuit.graph.sender_index
        return frozenset(n for n in expand_nodes(state, self.workspace.selected_nodes) if n in senders)

    def _build(self) -> None:
        self.tabs.addTab(_titled_box(self.changes_heading, self.changes_tree), "What changed")
        self.tabs.addTab(self.prediction_view, "Predicted and measured")
        self.tabs.setMinimumWidth(240)  # the hidden page's chart asks for more
        history = _titled_box(QLabel("history, latest first", objectName="muted"), self.history_list)
        columns = make_splitter(
            self.ablation_form, self.tabs, history, sizes=(210, 460, 210), stretched=1, is_collapsible=False
        )
        lay_out_row(columns, parent=self)


def _unablated_key(state: State) -> str:
    """Key of the unablated circuit's evaluation."""
    return replace(state, ablated_nodes=frozenset(), ablated_edges=frozenset()).unintervened_key


def _check_intervention(intervention: Intervention, nodes: Collection[str], longest_prompt: int) -> None:
    """Reject what would change nothing.

    Raises:
        InputError: Only the embedding is selected, or a position is beyond the longest prompt.
    """
    if set(nodes) == {"input"}:
        raise InputError(
            "The value of input, the prompt's embedding, cannot be changed; it can only be ablated from the "
            "circuit. The values that heads and MLPs write can be changed."
        )
    beyond = [
        position
        for position in intervention.positions
        if longest_prompt and not -longest_prompt <= position < longest_prompt
    ]
    if beyond:
        raise InputError(
            f"{', '.join(map(str, beyond))} is outside every prompt: the longest has "
            f"{longest_prompt} tokens. Give positions from 0 to {longest_prompt - 1}, or from −1 (the answer "
            f"position) back to −{longest_prompt}."
        )


def _titled_box(title: QLabel, widget: QWidget) -> QWidget:
    box = QWidget()
    lay_out_column(title, (widget, 1), parent=box, spacing=4, margins=(8, 8, 8, 8))
    return box


def _describe_entry(entry: dict[str, Any], current_setting: list[str]) -> str:
    """A history entry in words: ablated parts, interventions, and the ablation if it is another one."""
    ablated, changed = [*entry["nodes"], *entry["edges"]], entry.get("changed", {})
    parts = []
    if ablated:
        parts.append(
            f"without {', '.join(ablated[:3])}" + (f" and {len(ablated) - 3} more" if ablated[3:] else "")
        )
    parts += [
        f"{name} {Intervention.from_json(intervention).description}" for name, intervention in changed.items()
    ]
    setting = entry.get("judged", current_setting)
    if setting != current_setting:
        parts.append(f"{setting[0]} ablation, errors {setting[1]}")
    return "; ".join(parts)
