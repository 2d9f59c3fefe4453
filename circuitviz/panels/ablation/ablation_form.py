"""Form of an intervention: what the selected nodes write.

For prompt circuits it also sets the ablation of all nodes outside the circuit.
"""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QWidget

from circuitviz.document import State
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.graph import (
    COMPONENT_INTERVENTIONS,
    ERROR_MODES,
    FEATURE_INTERVENTIONS,
    OUTSIDE_VALUES,
    Intervention,
    parse_positions,
)
from circuitviz.panels.widgets.fields import adjust_form_fields, choice_box, let_shrink, make_form
from circuitviz.panels.widgets.focused_wheel import ComboBox
from circuitviz.panels.widgets.number_fields import DecimalField
from circuitviz.workbench.prompt_evaluation import describe_mean

OWN_OUTPUT, OUT_OF_CIRCUIT = "its own output", "out of the circuit"
MAX_ACTIVATION = 1e6
MINUS_SIGNS = str.maketrans("-", "−")


class AblationForm(QWidget):
    """Edits an intervention. Prompt circuits have other values, no positions, and the ablation setting.

    Signals: ``setting_chosen(ablation, errors)``: evaluate the prompt circuit under another ablation.
    """

    setting_chosen = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.nodes_label = QLabel("", wordWrap=True)
        self.value_box = ComboBox(accessibleName="Value written by the selected nodes")
        self.factor_field = DecimalField(
            minimum=-10, maximum=10, singleStep=0.1, value=0.5, accessibleName="Factor"
        )
        self.factor_label = QLabel("factor")
        self.positions_field = QLineEdit(placeholderText="all; or 2, 5, −1", accessibleName="Positions")
        self.positions_field.setToolTip(
            "counted from 0 at the first token, or backwards from −1 at the answer position"
        )
        self.apply_button = QPushButton("Apply", objectName="primary")
        self.ablation_box = ComboBox(accessibleName="Ablation of nodes outside the circuit")
        self.errors_box = choice_box("Reconstruction errors", *ERROR_MODES)
        self.errors_box.setToolTip("SAE or transcoder reconstruction error: keep it, or drop it")
        self._is_feature_circuit: bool | None = None
        self._build()
        self.value_box.currentTextChanged.connect(self._on_value_changed)
        for box in (self.ablation_box, self.errors_box):
            box.activated.connect(
                lambda _: self.setting_chosen.emit(
                    self.ablation_box.currentText(), self.errors_box.currentText()
                )
            )

    @property
    def chosen_value(self) -> str:
        """``OWN_OUTPUT``, ``OUT_OF_CIRCUIT`` or the name of a value."""
        return self.value_box.currentText()

    def read_intervention(self) -> Intervention:
        """The intervention as entered.

        Raises:
            InputError: The positions cannot be parsed.
        """
        name = self.chosen_value
        share = self.factor_field.value() if name in ("scale", "set") else 1.0
        positions = () if self._is_feature_circuit else parse_positions(self.positions_field.text())
        return Intervention(name, share, positions)

    def show_state(self, state: State, nodes: Collection[str]) -> None:
        """Show nodes of a state and what they write now."""
        self._set_circuit_kind(state.query)
        names = sorted(nodes)
        others = f" and {len(names) - 3} more" if names[3:] else ""
        self.nodes_label.setText(
            f"{', '.join(names[:3])}{others}" if names else "Select nodes on the canvas."
        )
        if state.is_prompt_circuit and state.circuit is not None:
            graph = state.circuit.graph
            if any(graph.node(n).kind.is_fixed for n in names):
                self.nodes_label.setText(
                    self.nodes_label.text() + "\nBias and position nodes are not ablated."
                )
        for widget in (self.value_box, self.apply_button):
            widget.setEnabled(bool(names))
        interventions = {state.interventions.get(name) for name in names}
        intervention = interventions.pop() if len(interventions) == 1 else None
        if names and set(names) <= state.ablated_nodes:
            self.value_box.setCurrentText(OUT_OF_CIRCUIT)
        elif intervention is not None:
            self.value_box.setCurrentText(intervention.value)
            if intervention.value in ("scale", "set"):
                self.factor_field.setValue(intervention.amount)
            self.positions_field.setText(", ".join(map(str, intervention.positions)).translate(MINUS_SIGNS))
        else:
            self.value_box.setCurrentText(OWN_OUTPUT)
        self._on_value_changed(self.chosen_value)

    def _set_circuit_kind(self, query: AttributionQuery | None) -> None:
        """Offer the values for heads, or for features with or without a corrupted prompt."""
        of_features = query is not None
        if of_features != self._is_feature_circuit:
            self._is_feature_circuit = of_features
            out_of_circuit = (
                "the node takes its ablation value"
                if of_features
                else "all edges of the node carry their ablation value"
            )
            offered = {
                OWN_OUTPUT: "unchanged",
                OUT_OF_CIRCUIT: out_of_circuit,
                **(FEATURE_INTERVENTIONS if of_features else COMPONENT_INTERVENTIONS),
            }
            self.value_box.clear()
            for name, tip in offered.items():
                self.value_box.addItem(name)
                self.value_box.setItemData(self.value_box.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            self._form_layout.setRowVisible(self.positions_field, not of_features)
            for row in (self.ablation_box, self.errors_box):
                self._form_layout.setRowVisible(row, of_features)
        if query is None:
            return
        has_pair = bool(query.corrupted)
        offered_now = [name for name in OUTSIDE_VALUES if has_pair or name != "corrupted"]
        if [self.ablation_box.itemText(i) for i in range(self.ablation_box.count())] != offered_now:
            self.ablation_box.clear()
            self.ablation_box.addItems(offered_now)
        self._set_value_enabled("corrupted", has_pair)
        self.ablation_box.setCurrentText(query.ablation)
        self.errors_box.setCurrentText(query.errors)
        missing_prompt = (
            "" if has_pair else "; corrupted needs a corrupted prompt, which this circuit does not have"
        )
        self.ablation_box.setToolTip(
            f"value of nodes outside the circuit; mean: over {describe_mean(query)}{missing_prompt}"
        )

    def _set_value_enabled(self, name: str, enabled: bool) -> None:
        """Enable or disable a value."""
        items = self.value_box.model()
        assert isinstance(items, QStandardItemModel)
        item = items.item(self.value_box.findText(name))
        item.setEnabled(enabled)
        item.setToolTip(FEATURE_INTERVENTIONS[name] if enabled else "this circuit has no corrupted prompt")

    def _on_value_changed(self, name: str) -> None:
        usable, number = self.value_box.isEnabled(), name in ("scale", "set")
        self.factor_label.setText("activation" if name == "set" else "factor")
        self.factor_field.setAccessibleName("Activation" if name == "set" else "Factor")
        reach = MAX_ACTIVATION if name == "set" else 10.0
        self.factor_field.setRange(-reach, reach)
        self.factor_field.setEnabled(usable and number)
        self.positions_field.setEnabled(usable and name not in (OWN_OUTPUT, OUT_OF_CIRCUIT))

    def _build(self) -> None:
        self._form_layout = make_form(self)
        self._form_layout.setContentsMargins(12, 10, 12, 10)
        self._form_layout.addRow(self.nodes_label)
        self._form_layout.addRow("writes", self.value_box)
        self._form_layout.addRow(self.factor_label, self.factor_field)
        self._form_layout.addRow("positions", self.positions_field)
        self._form_layout.addRow(self.apply_button)
        self._form_layout.addRow("ablation", self.ablation_box)
        self._form_layout.addRow("errors", self.errors_box)
        adjust_form_fields(self)
        let_shrink(self.value_box, self.ablation_box, self.errors_box, n_letters=10)
