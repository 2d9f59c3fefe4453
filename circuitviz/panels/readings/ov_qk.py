"""OV and QK of the selected head: what it writes if it looks somewhere, what each token matches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout

from circuitviz.canvas.theme import Theme
from circuitviz.graph import Kind
from circuitviz.jobs import HeadOf, Look
from circuitviz.jobs.head import ov_table, qk_table
from circuitviz.panels.desk import Desk
from circuitviz.panels.heat import HeatGrid, HeatMap
from circuitviz.panels.heat.paint import shown
from circuitviz.panels.line import Line
from circuitviz.panels.readings.card import TokenCard
from circuitviz.panels.readings.registry import Page, choice, pages
from circuitviz.panels.saving import Plotted

if TYPE_CHECKING:
    from circuitviz.lens import HeadReading

OV, QK = "OV: what it writes", "QK: what it matches"


@pages.register("ov-qk", summary="what a head writes, what it matches", title="OV and QK", order=4)
class OvQkPage(Page):
    """Columns are the prompt's tokens, rows the first tokens that each promotes or matches."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.half = choice("Which half", OV, QK)
        self.attended = QCheckBox("times the attention", toolTip="what it adds to the logits in this run")
        self.about = Line(Qt.AlignmentFlag.AlignRight)
        self.map = HeatMap("OV and QK", least=17.0)
        self.card = TokenCard(self)
        self._drawn: tuple[HeadReading | None, str] = (None, "")
        self.bar.addWidget(self.half)
        self.bar.addWidget(self.attended)
        self.bar.addWidget(self.about, 1)
        inside = QHBoxLayout(self.body)
        inside.setContentsMargins(12, 0, 0, 0)
        inside.addWidget(self.map)
        self.half.activated.connect(lambda _i: self.show_result())
        self.attended.toggled.connect(lambda _on: self.show_result())
        self.map.pointed.connect(lambda *place: self.read.emit(self.map.grid.say(*place)))
        self.map.chosen.connect(self.open_cell)
        self.map.escaped.connect(self.card.hide)

    def wanted(self) -> Look | str:
        """The selected head."""
        node = self.node()
        if node is None or node.kind is not Kind.HEAD:
            return "Select a head on the canvas to see what it writes and what it matches."
        return HeadOf(node.name, self.desk.prompt)

    def follow(self) -> None:
        """Ask for what is wanted; where scores cannot be told, the reason stands instead of the map."""
        super().follow()
        self._say_unmatched()

    def show_result(self) -> None:
        """Draw the half that is chosen."""
        seen: HeadReading | None = self.result
        drawn = (seen, self.half.currentText())
        if drawn != self._drawn:
            self.card.hide()
            self._drawn = drawn
        if seen is not None:
            writes = self.half.currentText() == OV
            self.attended.setVisible(writes)
            self.about.setText(
                f"{seen.node} looking from the last token at …" if writes else f"{seen.node}, query at …"
            )
            if not self._say_unmatched():
                self.pages.setCurrentWidget(self.body)
                self.map.show_grid(self._ov(seen) if writes else self._qk(seen))

    def _say_unmatched(self) -> bool:
        seen: HeadReading | None = self.result
        if seen is None or seen.matches or self.half.currentText() == OV:
            return False
        self._say(seen.unmatched)
        return True

    def pictures(self) -> Mapping[str, Plotted]:
        """The half that is shown."""
        half = "OV" if self.half.currentText() == OV else "QK"
        return {f"{self.result.node}-{half}" if self.result is not None else half: self.map}

    def command(self) -> list[str]:
        """The half that is shown."""
        half, node = ("ov" if self.half.currentText() == OV else "qk"), self.node()
        return [half, "--node", node.name if node else "", "--prompt", str(self.desk.prompt)]

    def set_theme(self, theme: Theme) -> None:
        """Colours of the card, too."""
        self.card.theme = theme
        super().set_theme(theme)

    def open_cell(self, _row: int, column: int) -> None:
        """Open a position's tokens, with the answers' logits."""
        seen: HeadReading = self.result
        at = self.map.mapTo(self, self.map.centre_of(_row, column).toPoint())
        token = shown(seen.tokens[column])
        if self.half.currentText() == OV:
            title = f"{seen.node} writes, at “{token}” ({seen.weights[column]:.2f})"
            self.card.open(at, title, seen.writes[column], seen.written[column], plain="logit")
        else:
            self.card.open(at, f"{seen.node}, “{token}” matches", seen.matches[column], plain="score")

    def _ov(self, seen: HeadReading) -> HeatGrid:
        ranks = range(len(seen.writes[0]))
        weights = seen.weights if self.attended.isChecked() else [1.0] * len(seen.tokens)

        def told(i: int, j: int) -> str:
            t, there = seen.writes[j][i], f"“{shown(seen.tokens[j])}” (it does by {seen.weights[j]:.3f})"
            return f"Looking at {there}, {seen.node} writes {t.token!r} {t.logit:+.3f}"

        return HeatGrid(
            [f"{rank + 1}." for rank in ranks],
            [shown(token) for token in seen.tokens],
            np.array([[cell[rank].logit for cell in seen.writes] for rank in ranks]) * weights,
            unit="logit × attention" if self.attended.isChecked() else "logit",
            signed=any(t.logit < 0 for cell in seen.writes for t in cell),
            texts=[[shown(cell[rank].token) for cell in seen.writes] for rank in ranks],
            told=told,
            table=partial(ov_table, seen),
        )

    def _qk(self, seen: HeadReading) -> HeatGrid:
        ranks = range(len(seen.matches[0]))

        def told(i: int, j: int) -> str:
            t = seen.matches[j][i]
            return (
                f"The query at “{shown(seen.tokens[j])}” matches {t.token!r} as key: "
                f"score {t.logit:+.3f} before the softmax, positions left out"
            )

        return HeatGrid(
            [f"{rank + 1}." for rank in ranks],
            [shown(token) for token in seen.tokens],
            np.array([[cell[rank].logit for cell in seen.matches] for rank in ranks]),
            unit="attention score",
            signed=any(t.logit < 0 for cell in seen.matches for t in cell),
            texts=[[shown(cell[rank].token) for cell in seen.matches] for rank in ranks],
            told=told,
            table=partial(qk_table, seen),
        )
