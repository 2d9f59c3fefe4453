"""OV and QK between features: which heads carry what reaches a node, and why they look where they do."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout

from circuitviz.canvas.theme import Theme
from circuitviz.graph import Kind
from circuitviz.graph.names import feature_name
from circuitviz.jobs import Look
from circuitviz.jobs.feature_heads import ChannelsOf, ScoreOf, channels_table, score_table
from circuitviz.panels.charts import Chart
from circuitviz.panels.desk import Desk
from circuitviz.panels.heat import HeatGrid, HeatMap
from circuitviz.panels.heat.paint import shown
from circuitviz.panels.line import Line
from circuitviz.panels.readings.registry import Page, Plotted, choice, pages

if TYPE_CHECKING:
    from circuitviz.features.channels import Channels, HeadChannel, ScoreSeen

OV, QK = "OV: what heads carry", "QK: why they look"
PAIRS, QUERIES, KEYS = "strongest pairs", "by query", "by key"
STRONGEST, OWN, MOST = "head: auto", "query: auto", "key: auto"


@pages.register("feature-heads", summary="OV and QK between features", title="Feature heads", order=4.5)
class FeatureHeadsPage(Page):
    """A map on the left, bars that add up on the right; a click on either selects a node or a head."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.half = choice("Which half", OV, QK)
        self.head, self.query = choice("Head", STRONGEST), choice("Position of the query", OWN)
        self.key, self.side = choice("Position of the key", MOST), choice("Bars", PAIRS, QUERIES, KEYS)
        self.about = Line()
        self.map = HeatMap("OV and QK between features", least=11.0)
        self.chart = Chart()
        self.chart.setAccessibleName("Shares of heads or nodes")
        self._offered: object = None
        self.head.setToolTip("auto: the head that carries most")
        self.query.setToolTip("auto: where the node stands")
        self.key.setToolTip("auto: where the edge comes from, else where the head looks most")
        for box in (self.head, self.query, self.key):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)
        for widget in (self.half, self.head, self.query, self.key):
            self.bar.addWidget(widget)
        self.bar.addStretch(1)
        both = QHBoxLayout(spacing=8)
        both.addWidget(self.map, 10)
        both.addWidget(self.chart, 9)
        inside = QVBoxLayout(self.body, spacing=2)
        inside.setContentsMargins(12, 0, 0, 0)
        told = QHBoxLayout(spacing=8)
        told.setContentsMargins(0, 0, 12, 0)
        told.addWidget(self.about, 1)
        told.addWidget(self.side)
        inside.addLayout(told)
        inside.addLayout(both, 1)
        self.half.activated.connect(lambda _i: self.follow())
        for box in (self.head, self.query, self.key):
            box.activated.connect(lambda _i: self._placed())
        self.side.activated.connect(lambda _i: self.show_result())
        self.map.pointed.connect(lambda *place: self.read.emit(self.map.grid.say(*place)))
        self.map.chosen.connect(self._cell_chosen)
        self.chart.pointed.connect(self.read)
        self.chart.clicked.connect(lambda names: self._named(names[0]))
        desk.state_changed.connect(self.follow)  # another circuit, also by undo
        self._arrange()

    @property
    def reads_scores(self) -> bool:
        """Whether the half in front is QK."""
        return self.half.currentText() == QK

    def wanted(self) -> Look | str:
        """The selected edge, or the selected node."""
        self._arrange()
        question = self.desk.asking.question
        if question is None:
            return "Open a circuit of features of one prompt to see what heads carry between them."
        circuit = self.desk.document.state.circuit
        source: str | None = None
        if len(self.desk.edges) == 1 and not self.desk.nodes:
            source, _, name = next(iter(self.desk.edges)).partition("->")
        elif len(self.desk.nodes) == 1:
            (name,) = self.desk.nodes
        else:
            return "Select a feature, or an edge between two, to see which heads carry what it reads."
        node = circuit.graph.node_index.get(name) if circuit is not None else None
        if circuit is None or node is None:
            return "Select a feature, or an edge between two; a group stands for several."
        if circuit.graph.node(name).kind.is_leaf or circuit.graph.node(name).kind is Kind.MLP:
            return f"{name} is a leaf: nothing flows into it. Select a feature, a head or a logit."
        self._offer()
        if not self.reads_scores:
            return ChannelsOf(question, name, source)
        head = "" if self.head.currentIndex() == 0 else self.head.currentText()
        query, key = self.query.currentIndex() - 1, self.key.currentIndex() - 1
        places = (None if query < 0 else query, None if key < 0 else key)
        return ScoreOf(question, name, source, head, *places)

    def show_result(self) -> None:
        """Draw the half that is asked for."""
        self._arrange()
        if self.result is None:
            return
        if hasattr(self.result, "heads"):
            self._show_channels(self.result)
        else:
            self._show_score(self.result)

    def pictures(self) -> Mapping[str, Plotted]:
        """The map and the bars."""
        half = "qk" if self.reads_scores else "ov"
        return {f"features-{half}-map": self.map, f"features-{half}-bars": self.chart}

    def command(self) -> list[str]:
        """The same numbers from the command line."""
        wanted = self.wanted()
        if isinstance(wanted, str) or not isinstance(wanted, ChannelsOf | ScoreOf):
            return ["features-ov"]
        parts = ["features-qk" if isinstance(wanted, ScoreOf) else "features-ov", "--node", wanted.node]
        if wanted.source is not None:
            parts += ["--source", wanted.source]
        if isinstance(wanted, ScoreOf):
            parts += ["--head", wanted.head] if wanted.head else []
            parts += [] if wanted.query is None else ["--query", str(wanted.query)]
            parts += [] if wanted.key is None else ["--key", str(wanted.key)]
        return parts

    def set_theme(self, theme: Theme) -> None:
        """Colours of the bars, too."""
        self.chart.theme = theme
        super().set_theme(theme)

    # OV

    def _show_channels(self, seen: Channels) -> None:
        chosen = next((one for one in seen.heads if one.head == self.head.currentText()), seen.strongest)
        what = seen.target if seen.source is None else f"{seen.source} → {seen.target}"
        if seen.edge is None:
            self.about.setText(f"{what}: all that it reads, by head")
            way = f"through {chosen.head}"
            shares = [(one.name, one.value, f"{one.name} {way}: {one.value:+.4f}") for one in chosen.sources]
            axis = f"{way}: sum {chosen.total:+.3f}"
        else:
            carriers = [one for one in seen.heads if one.own or not seen.own]
            shares = [self._channel(one, seen) for one in carriers]
            if seen.own:
                self.about.setText(f"{what}: its heads add up to the edge, {seen.edge:+.4f}")
                axis = f"share of the edge: sum {seen.edge:+.4f}"
            else:
                told = f"{what} in the residual stream, the edge itself: {seen.edge:+.4f}"
                shares.append(("residual", seen.edge, told))
                self.about.setText(f"{what}: the edge stays in the residual stream; heads are further ways")
                axis = "by each channel, directly"
            shares = sorted(shares, key=lambda one: -abs(one[1]))
        self.chart.draw("shares", {"shares": shares, "axis": axis})
        self.map.show_grid(self._heads(seen))

    def _channel(self, one: HeadChannel, seen: Channels) -> tuple[str, float, str]:
        assert one.given is not None
        part = f", {one.given / seen.edge:.0%} of the edge" if one.own and seen.edge else ""
        return one.head, one.given, f"{seen.source} through {one.head}: {one.given:+.4f}{part}"

    def _heads(self, seen: Channels) -> HeatGrid:
        """Layers from the top down, as on the canvas."""
        layers = sorted({one.layer for one in seen.heads}, reverse=True)
        values = np.full((len(layers), 1 + max(one.index for one in seen.heads)), np.nan)
        nodes = [[""] * values.shape[1] for _ in layers]
        for one in seen.heads:
            place = layers.index(one.layer), one.index
            values[place] = one.total if one.given is None else one.given
            nodes[place[0]][place[1]] = one.head
        source = "everything" if seen.source is None else seen.source

        def told(i: int, j: int) -> str:
            return f"{source} through {nodes[i][j]} to {seen.target}: {values[i, j]:+.4f}"

        texts = [["" if np.isnan(v) else f"{v:.2f}".replace("-0.00", "0.00") for v in row] for row in values]
        columns = [f"h{j}" for j in range(values.shape[1])]
        return HeatGrid(
            [f"layer {layer}" for layer in layers],
            columns,
            values,
            "attribution",
            texts=texts,
            told=told,
            nodes=nodes,
            table=partial(channels_table, seen),
        )

    # QK

    def _show_score(self, seen: ScoreSeen) -> None:
        strings = dict(enumerate(self._strings()))
        query, key = (f"“{shown(strings.get(i, ''))}”@{i}" for i in (seen.query, seen.key))
        looks = f"{seen.head} looks from {query} to {key}"
        self.about.setText(f"{looks}: score {seen.score:+.3f}, attention {seen.attention:.3f}")
        side = self.side.currentText()
        if side == PAIRS:
            held = sum(value for _, _, value in seen.pairs)
            shares = [(f"{a} · {b}", value, f"{a} × {b}: {value:+.4f}") for a, b, value in seen.pairs]
            axis = f"{len(seen.pairs)} pairs: {held:+.2f} of {seen.score:+.2f}"
        else:
            found = seen.by_query if side == QUERIES else seen.by_key
            shares = [(one.name, one.value, f"{one.name}: {one.value:+.4f}") for one in found]
            axis = f"{'query' if side == QUERIES else 'key'} side: sum {seen.score:+.3f}"
        self.chart.draw("shares", {"shares": shares, "axis": axis})
        values = np.array(seen.values)

        def told(i: int, j: int) -> str:
            return f"{seen.rows[i]} × {seen.columns[j]}: {values[i, j]:+.4f} of {seen.score:+.3f}"

        self.map.show_grid(
            HeatGrid(
                seen.rows,
                seen.columns,
                values,
                "attention score",
                told=told,
                nodes=[[row] * len(seen.columns) for row in seen.rows],
                table=partial(score_table, seen),
            )
        )

    # choosing

    def _cell_chosen(self, row: int, column: int) -> None:
        """A head: its sources, and its QK. A pair: both nodes."""
        grid = self.map.grid
        if self.reads_scores:
            self._select(grid.rows[row], grid.columns[column])
        else:
            self._named(grid.node(row, column))

    def _named(self, name: str) -> None:
        """What a bar or a cell stands for: a head, a node, or two."""
        if (at := self.head.findText(name)) > 0:
            self.head.setCurrentIndex(at)
            self.show_result()
        else:
            self._select(*name.split(" · "))

    def _select(self, *names: str) -> None:
        """Select those that the circuit has; a feature that it has not is looked at on its own."""
        circuit = self.desk.document.state.circuit
        there = set() if circuit is None else set(circuit.node_names)
        if chosen := frozenset(names) & there:
            self.desk.select(chosen, frozenset())
        for name in names:
            if found := feature_name(name):
                self.desk.choose_feature(found.site, found.feature)
                return

    def _placed(self) -> None:
        """Another head or place: of OV it is known already."""
        if self.reads_scores:
            self.follow()
        else:
            self.show_result()

    def _arrange(self) -> None:
        for box in (self.query, self.key, self.side):
            box.setVisible(self.reads_scores)

    def _strings(self) -> list[str]:
        scores = self.desk.document.state.scores
        return [] if scores is None else list(scores.info.get("prompt", {}).get("strings", ()))

    def _offer(self) -> None:
        """Heads and positions of the open prompt; what was chosen for another prompt is gone."""
        circuit, strings = self.desk.document.state.circuit, self._strings()
        assert circuit is not None
        shape = circuit.graph.shape
        if self._offered == (shape, strings):
            return
        self._offered = (shape, strings)
        heads = [f"a{layer}.h{head}" for layer in range(shape.n_layers) for head in range(shape.n_heads)]
        places = [f"{i} {shown(text)}" for i, text in enumerate(strings)]
        offers = ((self.head, STRONGEST, heads), (self.query, OWN, places), (self.key, MOST, places))
        for box, first, rest in offers:
            box.clear()
            box.addItems([first, *rest])
