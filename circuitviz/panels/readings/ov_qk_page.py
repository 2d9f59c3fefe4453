"""OV and QK of the selected head: tokens it promotes by position, and tokens that each position matches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox

from circuitviz.graph import NodeKind
from circuitviz.number_text import decimal_number, signed_number
from circuitviz.paint.plot_export import ExportablePlot
from circuitviz.panels.readings.registry import reading_pages
from circuitviz.panels.readings.token_map_page import TokenMapPage
from circuitviz.panels.widgets.elided_label import ElidedLabel
from circuitviz.panels.widgets.fields import choice_box
from circuitviz.panels.widgets.token_texts import ranked_token, visible_token
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
class OvQkPage(TokenMapPage):
    """Columns are the prompt's tokens, rows the top tokens that each promotes or matches."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace, "OV and QK")
        self.ov_qk_box = choice_box("OV or QK circuit", OV_LABEL, QK_LABEL)
        self.attention_weighted_box = QCheckBox(
            "times the attention", toolTip="weight each promoted token by the attention in this run"
        )
        self.summary_line = ElidedLabel(Qt.AlignmentFlag.AlignRight)
        self.controls.addWidget(self.ov_qk_box)
        self.controls.addWidget(self.attention_weighted_box)
        self.controls.addWidget(self.summary_line, 1)
        self.lay_out_map()
        self.ov_qk_box.activated.connect(lambda _i: self.show_result())
        self.attention_weighted_box.toggled.connect(lambda _on: self.show_result())

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
        reading: HeadReading | None = self.result
        self.hide_outdated_card(reading, self.ov_qk_box.currentText())
        if reading is not None:
            is_ov = self.ov_qk_box.currentText() == OV_LABEL
            self.attention_weighted_box.setVisible(is_ov)
            self.summary_line.setText(
                f"{reading.node} attending from the last token to …"
                if is_ov
                else f"{reading.node}, query at …"
            )
            if not self._show_unmatched_hint():
                self.stack.setCurrentWidget(self.content)
                self.heat_map.show_grid(self._ov_grid(reading) if is_ov else self._qk_grid(reading))

    def _show_unmatched_hint(self) -> bool:
        reading: HeadReading | None = self.result
        if reading is None or reading.matched_tokens or self.ov_qk_box.currentText() == OV_LABEL:
            return False
        self._show_hint(reading.match_error)
        return True

    def exportable_plots(self) -> Mapping[str, ExportablePlot]:
        """OV or QK, as shown."""
        half = "OV" if self.ov_qk_box.currentText() == OV_LABEL else "QK"
        return {f"{self.result.node}-{half}" if self.result is not None else half: self.heat_map}

    def inspect_arguments(self) -> list[str]:
        """OV or QK, as shown."""
        half, node = ("ov" if self.ov_qk_box.currentText() == OV_LABEL else "qk"), self.selected_node()
        return [half, "--node", node.name if node else "", "--prompt", str(self.workspace.prompt_index)]

    def open_cell(self, row: int, column: int) -> None:
        """Open a position's tokens, with the answers' logits."""
        reading: HeadReading = self.result
        position = self.heat_map.mapTo(self, self.heat_map.cell_center(row, column).toPoint())
        token = visible_token(reading.tokens[column])
        if self.ov_qk_box.currentText() == OV_LABEL:
            attention = decimal_number(reading.attention[column], 2)
            title = f"{reading.node} promotes at “{token}” (attention {attention})"
            self.token_card.open_at(
                position,
                title,
                reading.promoted_tokens[column],
                reading.answer_logits[column],
                value_name="logit",
            )
        else:
            self.token_card.open_at(
                position,
                f"{reading.node}, “{token}” matches",
                reading.matched_tokens[column],
                value_name="score",
            )

    def _ov_grid(self, reading: HeadReading) -> HeatGrid:
        ranks = range(len(reading.promoted_tokens[0]))
        weights = (
            reading.attention if self.attention_weighted_box.isChecked() else [1.0] * len(reading.tokens)
        )

        def describe_cell(i: int, j: int) -> str:
            promoted, attended_token = reading.promoted_tokens[j][i], visible_token(reading.tokens[j])
            condition = (
                f"Attending to “{attended_token}” (attention {decimal_number(reading.attention[j], 3)})"
            )
            logit = signed_number(promoted.logit, 3)
            return f"{condition}, {reading.node} promotes {promoted.token!r} by {logit}"

        return HeatGrid(
            [f"{rank + 1}." for rank in ranks],
            [visible_token(token) for token in reading.tokens],
            np.array([[cell[rank].logit for cell in reading.promoted_tokens] for rank in ranks]) * weights,
            unit="logit × attention" if self.attention_weighted_box.isChecked() else "logit",
            is_signed=any(t.logit < 0 for cell in reading.promoted_tokens for t in cell),
            cell_texts=[[ranked_token(cell[rank]) for cell in reading.promoted_tokens] for rank in ranks],
            describe_cell=describe_cell,
            build_table=partial(ov_table, reading),
        )

    def _qk_grid(self, reading: HeadReading) -> HeatGrid:
        ranks = range(len(reading.matched_tokens[0]))

        def describe_cell(i: int, j: int) -> str:
            matched = reading.matched_tokens[j][i]
            return (
                f"The query at “{visible_token(reading.tokens[j])}” matches the key {matched.token!r}: "
                f"score {signed_number(matched.logit, 3)} before the softmax, without position embeddings"
            )

        return HeatGrid(
            [f"{rank + 1}." for rank in ranks],
            [visible_token(token) for token in reading.tokens],
            np.array([[cell[rank].logit for cell in reading.matched_tokens] for rank in ranks]),
            unit="attention score",
            is_signed=any(t.logit < 0 for cell in reading.matched_tokens for t in cell),
            cell_texts=[[ranked_token(cell[rank]) for cell in reading.matched_tokens] for rank in ranks],
            describe_cell=describe_cell,
            build_table=partial(qk_table, reading),
        )
