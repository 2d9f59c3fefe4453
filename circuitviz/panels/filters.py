"""Filters of the canvas: by number, score, sign and input of edges; by kind, layer and score of nodes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from circuitviz.panels.desk import Desk
from circuitviz.panels.registry import Panel, inset_numbers, panels
from circuitviz.session import Sight, State, filter_view
from circuitviz.session.sight import CHANNELS, SIGN_MEANINGS, SIGNS

STEPS = 400
SIGN_NAMES = {"helps": ("raise the metric", "lower it"), "file": ("positive score", "negative score")}
CHANNEL_NAMES = dict(zip(CHANNELS, ("q", "k", "v", "MLP, logits"), strict=True))
KIND_NAMES = {"head": "heads", "mlp": "MLPs", "feature": "features", "error": "errors", "token": "tokens"}


def _sign_names(sign: str) -> dict[str, str]:
    """What the chips of positive and negative scores say, by what is known of the sign."""
    return dict(zip(SIGNS, SIGN_NAMES["helps" if sign == "helps" else "file"], strict=True))


class Chips(QWidget):
    """What is shown is pressed; several may be."""

    def __init__(self, names: dict[str, str], about: str) -> None:
        super().__init__()
        self._about = about
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.chips: dict[str, QToolButton] = {}
        for key, text in names.items():
            chip = QToolButton(text=text, checkable=True, checked=True, objectName="chip")
            chip.setAccessibleName(f"{about}: {text}")
            self.chips[key] = chip
            row.addWidget(chip)
        row.addStretch(1)

    def rename(self, names: dict[str, str], tips: Iterable[str]) -> None:
        """Write other words on the same chips."""
        for (key, text), tip in zip(names.items(), tips, strict=True):
            self.chips[key].setText(text)
            self.chips[key].setAccessibleName(f"{self._about}: {text}")
            self.chips[key].setToolTip(tip)

    def hidden(self) -> frozenset[str]:
        """What is not pressed."""
        return frozenset(key for key, chip in self.chips.items() if not chip.isChecked())

    def show_hidden(self, keys: Collection[str]) -> None:
        """Press all but these."""
        for key, chip in self.chips.items():
            chip.setChecked(key not in keys)


@panels.register("filters", summary="what of the circuit is drawn", title="Filters", area="bottom", order=1)
class FiltersPanel(Panel):
    """Every change is seen on the canvas at once; a row of changes is one step of undo."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._setting = False
        self._edges = 1
        self.most = QSlider(Qt.Orientation.Horizontal, maximum=STEPS, accessibleName="Strongest edges")
        self.number = QLabel("all", objectName="muted")
        self.least = _score("Least score of an edge")
        self.signs, self.channels = Chips(_sign_names("helps"), "Sign"), Chips(CHANNEL_NAMES, "Edges into")
        self.kinds = Chips({}, "Kind")
        self.low = QSpinBox(accessibleName="From layer")
        self.high = QSpinBox(accessibleName="To layer")
        self.score = _score("Least score of a node")
        self.joined = QCheckBox("only nodes that a shown edge touches")
        self.clear = QPushButton("Show everything", objectName="link")
        self._build()
        self.most.valueChanged.connect(self._keep)
        for number in (self.least, self.score, self.low, self.high):
            number.valueChanged.connect(self._keep)
        for chips in (self.signs, self.channels):
            self._listen(chips)
        self.joined.toggled.connect(self._keep)
        self.clear.clicked.connect(lambda: self.desk.do(filter_view(Sight())))
        desk.state_changed.connect(self.show_state)
        self.show_state()

    def show_state(self) -> None:
        """Follow the document."""
        state = self.desk.state
        self.setEnabled(state.circuit is not None)
        if state.circuit is None:
            return
        sight, circuit = state.sight, state.circuit
        self._setting = True
        self._edges = max(2, circuit.n_edges)
        layers = circuit.graph.shape.n_layers
        for number, value in ((self.low, sight.low), (self.high, sight.high)):
            number.setRange(0, max(0, layers - 1))
            number.setValue((0 if number is self.low else layers - 1) if value is None else value)
        most = circuit.n_edges if sight.most is None else min(sight.most, circuit.n_edges)
        if self._amount() != most:
            share = math.log(max(1, most)) / math.log(self._edges)
            self.most.setValue(STEPS if sight.most is None else round(STEPS * share))
        self.number.setText("all" if sight.most is None else f"{most:,}")
        self.least.setValue(sight.least)
        self.score.setValue(sight.score)
        self.signs.rename(_sign_names(state.sign), SIGN_MEANINGS[state.sign])
        self.signs.show_hidden(sight.hidden_signs)
        self.channels.show_hidden(sight.hidden_channels)
        self._show_kinds(state)
        self.joined.setChecked(sight.joined)
        self.clear.setEnabled(not sight.open)
        self._setting = False

    def sight(self) -> Sight:
        """The filters as the fields say."""
        layers = self.high.maximum()
        return Sight(
            most=None if self.most.value() == STEPS else self._amount(),
            least=self.least.value(),
            hidden_signs=self.signs.hidden(),
            hidden_channels=self.channels.hidden(),
            hidden_kinds=self.kinds.hidden(),
            low=self.low.value() or None,
            high=None if self.high.value() == layers else self.high.value(),
            score=self.score.value(),
            joined=self.joined.isChecked(),
        )

    def _amount(self) -> int:
        return max(1, round(math.exp(self.most.value() / STEPS * math.log(self._edges))))

    def _keep(self) -> None:
        if not self._setting:
            self.desk.do(filter_view(self.sight()))

    def _listen(self, chips: Chips) -> None:
        for chip in chips.chips.values():
            chip.toggled.connect(self._keep)

    def _show_kinds(self, state: State) -> None:
        assert state.circuit is not None
        graph = state.circuit.graph
        kinds = dict.fromkeys(str(graph.node(name).kind) for name in state.circuit.node_names)
        if list(kinds) != list(self.kinds.chips):
            before, self.kinds = self.kinds, Chips({k: KIND_NAMES.get(k, k) for k in kinds}, "Kind")
            self.nodes.replaceWidget(before, self.kinds)
            before.hide()
            before.deleteLater()
            self._listen(self.kinds)
        self.kinds.show_hidden(state.sight.hidden_kinds)

    def _build(self) -> None:
        self.number.setMinimumWidth(44)
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        edges = _form(QLabel("Edges", objectName="heading"))
        _row(edges, "strongest", _beside((self.most, self.number)))
        _row(edges, "|score| from", self.least)
        _row(edges, "that", self.signs)
        _row(edges, "into", self.channels)
        head = QHBoxLayout()
        head.addWidget(QLabel("Nodes", objectName="heading"), 1)
        head.addWidget(self.clear)
        self.nodes = _form(head)
        _row(self.nodes, "kinds", self.kinds)
        _row(self.nodes, "layers", _beside((self.low, QLabel("to"), self.high)))
        _row(self.nodes, "|score| from", self.score)
        self.nodes.addRow(self.joined)
        inside = QWidget()
        columns = QHBoxLayout(inside)
        columns.setContentsMargins(12, 4, 12, 6)
        columns.setSpacing(28)
        columns.addLayout(edges, 1)
        columns.addLayout(self.nodes, 1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
        inset_numbers(self)


def _form(head: QLabel | QHBoxLayout) -> QFormLayout:
    form = QFormLayout(horizontalSpacing=10, verticalSpacing=5)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    if isinstance(head, QLabel):
        head.setMinimumHeight(22)
        form.addRow(head)
    else:
        form.addRow(head)
    return form


def _row(form: QFormLayout, text: str, field: QWidget) -> None:
    label = QLabel(text, objectName="muted")
    label.setMinimumHeight(max(26, field.sizeHint().height()))  # beside the field's middle
    form.addRow(label, field)


def _score(name: str) -> QDoubleSpinBox:
    field = QDoubleSpinBox(decimals=4, maximum=1e6, singleStep=0.01, accessibleName=name)
    field.setSpecialValueText("any")
    field.setKeyboardTracking(False)
    return field


def _beside(widgets: Iterable[QWidget]) -> QWidget:
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, QLabel) else 1)
    return made
