"""Attention of the selected head over the prompt, beside all heads of its layer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout

from circuitviz.canvas.theme import Theme
from circuitviz.graph import Kind
from circuitviz.jobs import AttentionOf, Look
from circuitviz.jobs.attention import attention_table, attention_tokens
from circuitviz.panels.attention import AttentionMap
from circuitviz.panels.desk import Desk
from circuitviz.panels.line import Line
from circuitviz.panels.readings.registry import Page, choice, pages
from circuitviz.panels.readings.thumbnails import Thumbnails
from circuitviz.panels.readings.tokens import TokenText
from circuitviz.panels.saving import Plotted

if TYPE_CHECKING:
    from circuitviz.lens import LayerAttention

SIDES = {"clean": "clean", "corrupted": "corrupted", "clean − corrupted": "difference"}


@pages.register("attention", summary="where a head looks", title="Attention", order=1)
class AttentionPage(Page):
    """Map, text and thumbnails show the same numbers; all heads of the layer come at once."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.side = choice("Prompt's side", *SIDES)
        self.weighted = QCheckBox("weighted by value size", toolTip="times the norm of the value it carries")
        self.map = AttentionMap("Attention pattern", least=6.0)
        self.text = TokenText()
        self.heads = Thumbnails()
        self.about = Line(Qt.AlignmentFlag.AlignRight)
        self.bar.addWidget(self.side)
        self.bar.addWidget(self.weighted)
        self.bar.addWidget(self.about, 1)
        right = QVBoxLayout(spacing=6)
        right.setContentsMargins(0, 2, 12, 0)
        right.addWidget(self.text)
        right.addWidget(self.heads, 1)
        inside = QHBoxLayout(self.body, spacing=10)
        inside.setContentsMargins(12, 0, 0, 0)
        inside.addWidget(self.map, 9)
        inside.addLayout(right, 11)
        self.side.activated.connect(lambda _i: self.show_result())
        self.weighted.toggled.connect(lambda _on: self.show_result())
        self.map.query_changed.connect(self._show_row)
        self.map.pointed.connect(lambda *place: self.read.emit(self.map.grid.say(*place)))
        self.text.pointed.connect(self._point)
        self.text.chosen.connect(self.map.hold)
        self.text.escaped.connect(self.map.free)
        self.heads.chosen.connect(lambda head: self.choose(f"a{self.result.layer}.h{head}"))

    def wanted(self) -> Look | str:
        """The selected head's layer."""
        node = self.node()
        if node is None or node.kind is not Kind.HEAD or node.layer is None:
            return "Select a head on the canvas to see where it looks."
        return AttentionOf(node.layer, self.desk.prompt)

    def mark(self) -> None:
        """Another head of the same layer is here already."""
        super().mark()
        if self.result is not None:
            self.show_result()

    def show_result(self) -> None:
        """Draw the selected head."""
        seen: LayerAttention | None = self.result
        node = self.node()
        if seen is None or node is None or node.head is None or node.layer != seen.layer:
            return
        side, weighted = SIDES[self.side.currentText()], self.weighted.isChecked()
        maps, signed = seen.maps(side, weighted), side == "difference"
        tokens = attention_tokens(seen, side)
        limit = float(np.abs(maps).max()) if signed else 1.0
        names = [f"a{seen.layer}.h{head}" for head in range(len(maps))]
        most = f"±{limit:.2f}" if signed else "1"
        self.about.setText(f"{node.name}, full colour at {most}")
        every, one = (partial(attention_table, seen, side, weighted, head) for head in (None, node.head))
        self.heads.show_maps(names, maps, limit, node.head, every)
        self.map.show_pattern(tokens, maps[node.head], signed=signed, limit=limit, table=one)

    def pictures(self) -> Mapping[str, Plotted]:
        """The head's map, and all heads."""
        if self.result is None:
            return {}
        return {self.about.text().split(",")[0]: self.map, f"layer-{self.result.layer}": self.heads}

    def command(self) -> list[str]:
        """The head's attention as it is shown."""
        node = self.node()
        words = ["attention", "--node", node.name if node else "", "--prompt", str(self.desk.prompt)]
        words += ["--side", SIDES[self.side.currentText()]]
        return [*words, "--weighted"] if self.weighted.isChecked() else words

    def set_theme(self, theme: Theme) -> None:
        """Colours of text and thumbnails, too."""
        self.text.theme = self.heads.theme = theme
        super().set_theme(theme)

    def _point(self, token: int) -> None:
        if token >= 0:
            self.map.look_from(token)
        elif not self.map.locked:
            self.map.free()

    def _show_row(self, query: int) -> None:
        if 0 <= query < len(self.map.pattern):
            row = self.map.pattern[query].tolist()
            self.text.show_row(self.map.tokens, row, query, self.map.grid.most, self.map.locked)
