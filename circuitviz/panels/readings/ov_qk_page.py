"""OV and QK of the selected head: tokens it promotes by position, and tokens that each position matches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout

from circuitviz.graph import NodeKind
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.readings.registry import ReadingPage, choice_box, reading_pages
from circuitviz.panels.readings.token_card import TokenCard
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.panels.widgets.token_texts import visible_token
from circuitviz.scene.theme import Theme
from circuitviz.shapes.heat_grid import HeatGrid
from circuitviz.workbench.requests.query import Query
from circuitviz.workbench.requests.read_ov_qk import ReadHead, ov_table, qk_table
from circuitviz.workspace.workspace import Workspace

if TYPE_CHECKING:
    from circuitviz.lens import HeadReading

OV_LABEL, QK_LABEL = "OV: tokens promoted", "QK: tokens matched"


@reading_pages.register(
    "ov-qk", summary="tokens that a head promotes and matches", title="OV and QK", order=4
)
class OvQkPage(ReadingPage):
    """Columns are the prompt's tokens, rows the top tokens that each promotes or matches."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.ov_qk_box = choice_box("OV or QK circuit", OV_LABEL, QK_LABEL)
        self.attention_weighted_box = QCheckBox(
            "times the attention", toolTip="weight each promoted token by the attention in this run"
        )
        self.summary_line = ElidedLabel(Qt.AlignmentFlag.AlignRight)
        self.heat_map = HeatMap("OV and QK", min_row_height=17.0)
        self.token_card = TokenCard(self)
        self._drawn_key: tuple[HeadReading | None, str] = (None, "")
        self.controls.addWidget(self.ov_qk_box)
        self.controls.addWidget(self.attention_weighted_box)
        self.controls.addWidget(self.summary_line, 1)
        inside = QHBoxLayout(self.content)
        inside.setContentsMargins(12, 0, 0, 0)
        inside.addWidget(self.heat_map)
        self.ov_qk_box.activated.connect(lambda _i: self.show_result())
        self.attention_weighted_box.toggled.connect(lambda _on: self.show_result())
        self.heat_map.cell_hovered.connect(
            lambda *place: self.hover_text_changed.emit(self.heat_map.grid.cell_description(*place))
        )
        self.heat_map.cell_chosen.connect(self.open_cell)
        self.heat_map.escape_pressed.connect(self.token_card.hide)

    def current_query(self) -> Query | str:
        """Read the selected head."""
        node = self.selected_node()
        if node is None or node.kind is not NodeKind.HEAD:
            return (
                "Select a head on the canvas to see the tokens that its OV circuit promotes and its QK "
                "circuit matches."
            )
        return ReadHead(node.name, self.workspace.prompt_index)

    def request_update(self) -> None:
        """Request the reading; where scores are not defined, show the reason instead of the map."""
        super().request_update()
        self._show_unmatched_hint()

    def show_result(self) -> None:
        """Draw OV or QK."""
        seen: HeadReading | None = self.result
        drawn = (seen, self.ov_qk_box.currentText())
        if drawn != self._drawn_key:
            self.token_card.hide()
            self._drawn_key = drawn
        if seen is not None:
            writes = self.ov_qk_box.currentText() == OV_LABEL
            self.attention_weighted_box.setVisible(writes)
            self.summary_line.setText(
                f"{seen.node} attending from the last token to …" if writes else f"{seen.node}, query at …"
            )
            if not self._show_unmatched_hint():
                self.stack.setCurrentWidget(self.content)
                self.heat_map.show_grid(self._ov_grid(seen) if writes else self._qk_grid(seen))

    def _show_unmatched_hint(self) -> bool:
        seen: HeadReading | None = self.result
        if seen is None or seen.matched_tokens or self.ov_qk_box.currentText() == OV_LABEL:
            return False
        self._show_hint(seen.match_error)
        return True

    def exportable_plots(self) -> Mapping[str, ExportablePlot]:
        """OV or QK, as shown."""
        half = "OV" if self.ov_qk_box.currentText() == OV_LABEL else "QK"
        return {f"{self.result.node}-{half}" if self.result is not None else half: self.heat_map}

    def inspect_arguments(self) -> list[str]:
        """OV or QK, as shown."""
        half, node = ("ov" if self.ov_qk_box.currentText() == OV_LABEL else "qk"), self.selected_node()
        return [half, "--node", node.name if node else "", "--prompt", str(self.workspace.prompt_index)]

    def set_theme(self, theme: Theme) -> None:
        """Use the colours in the card, too."""
        self.token_card.theme = theme
        super().set_theme(theme)

    def open_cell(self, row: int, column: int) -> None:
        """Open a position's tokens, with the answers' logits."""
        seen: HeadReading = self.result
        at = self.heat_map.mapTo(self, self.heat_map.cell_center(row, column).toPoint())
        token = visible_token(seen.tokens[column])
        if self.ov_qk_box.currentText() == OV_LABEL:
            title = f"{seen.node} promotes at “{token}” (attention {seen.attention[column]:.2f})"
            self.token_card.open_at(
                at, title, seen.promoted_tokens[column], seen.answer_logits[column], value_name="logit"
            )
        else:
            self.token_card.open_at(
                at, f"{seen.node}, “{token}” matches", seen.matched_tokens[column], value_name="score"
            )

    def _ov_grid(self, reading: HeadReading) -> HeatGrid:
        ranks = range(len(reading.promoted_tokens[0]))
        weights = (
            reading.attention if self.attention_weighted_box.isChecked() else [1.0] * len(reading.tokens)
        )

        def described(i: int, j: int) -> str:
            promoted, attended = reading.promoted_tokens[j][i], visible_token(reading.tokens[j])
            return (
                f"Attending to “{attended}” (attention {reading.attention[j]:.3f}), {reading.node} promotes "
                f"{promoted.token!r} by {promoted.logit:+.3f}"
            )

        return HeatGrid(
            [f"{rank + 1}." for rank in ranks],
            [visible_token(token) for token in reading.tokens],
            np.array([[cell[rank].logit for cell in reading.promoted_tokens] for rank in ranks]) * weights,
            unit="logit × attention" if self.attention_weighted_box.isChecked() else "logit",
            is_signed=any(t.logit < 0 for cell in reading.promoted_tokens for t in cell),
            cell_texts=[
                [visible_token(cell[rank].token) for cell in reading.promoted_tokens] for rank in ranks
            ],
            describe_cell=described,
            build_table=partial(ov_table, reading),
        )

    def _qk_grid(self, reading: HeadReading) -> HeatGrid:
        ranks = range(len(reading.matched_tokens[0]))

        def described(i: int, j: int) -> str:
            matched = reading.matched_tokens[j][i]
            return (
                f"The query at “{visible_token(reading.tokens[j])}” matches the key {matched.token!r}: "
                f"score {matched.logit:+.3f} before the softmax, without position embeddings"
            )

        return HeatGrid(
            [f"{rank + 1}." for rank in ranks],
            [visible_token(token) for token in reading.tokens],
            np.array([[cell[rank].logit for cell in reading.matched_tokens] for rank in ranks]),
            unit="attention score",
            is_signed=any(t.logit < 0 for cell in reading.matched_tokens for t in cell),
            cell_texts=[
                [visible_token(cell[rank].token) for cell in reading.matched_tokens] for rank in ranks
            ],
            describe_cell=described,
            build_table=partial(qk_table, reading),
        )
