"""The inspector's part for one edge: which positions and tokens of the shown prompt its score comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QToolTip, QWidget

from circuitviz.graph.edge_words import CHANNEL_WORDS
from circuitviz.number_text import decimal_number, signed_number
from circuitviz.panels.inspector.scrolling_map import ScrollingMap
from circuitviz.panels.readings.token_text import TokenText
from circuitviz.panels.widgets.heat_map import HeatMap
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row
from circuitviz.panels.widgets.prompt_selector import PromptSelector
from circuitviz.panels.widgets.token_texts import visible_token
from circuitviz.shapes.heat_grid import HeatGrid
from circuitviz.workbench.requests.query import QueryResult
from circuitviz.workbench.requests.read_edge import ReadEdge
from circuitviz.workspace.latest_job import LatestJob
from circuitviz.workspace.workspace import Workspace

if TYPE_CHECKING:
    from circuitviz.discovery import EdgeContributions

MAX_LISTED_PLACES = 5
POSITION_HEADINGS = {
    "": "By position",
    "q": "By position of the query",
    "k": "By position of the key that is attended to",
    "v": "By position of the value that is read",
}
METHOD_TITLES = {
    "eap": "EAP",
    "eap-ig": "EAP-IG",
    "eap-ig-activations": "EAP-IG (activations)",
    "clean-corrupted": "clean-corrupted",
    "relp": "RelP",
    "gim": "GIM",
}


class EdgeView(QWidget):
    """Requests the reading of an edge and shows it."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace, self.edge = workspace, ""
        self.reading: EdgeContributions | None = None
        self.prompt_box = PromptSelector(workspace)
        self.status_label = QLabel("", objectName="muted", wordWrap=True)
        self.score_label = QLabel("", wordWrap=True, accessibleName="Score on this prompt")
        self.position_heading = QLabel("", objectName="heading", wordWrap=True)
        self.position_text = ContributionText()
        self.places_heading = QLabel("", objectName="heading", wordWrap=True)
        self.place_labels = [(QLabel(""), QLabel(""), QLabel("")) for _ in range(MAX_LISTED_PLACES)]
        self.pair_map = HeatMap("Contribution of each query and key", show_scale=False, square_cells=True)
        self.pair_box = QWidget()
        self.no_pairs_label = QLabel("", objectName="muted", wordWrap=True)
        self.result_box = QWidget()
        self._job = LatestJob(workspace, self)
        self._build()
        self._job.received.connect(self._on_read)
        self._job.cancelled.connect(lambda: self._show_status("Reading the edge was cancelled."))
        workspace.prompt_changed.connect(self._request_reading)
        workspace.model_ready.connect(lambda _ready: self._request_reading())

    def show_edge(self, edge: str) -> None:
        """Read another edge; an empty name hides the view."""
        self.edge, self.reading = edge, None
        self.setVisible(bool(edge))
        self._request_reading()

    def _request_reading(self) -> None:
        if not self.edge:
            return
        if self.workspace.opened_model is None:
            self._show_status("Its positions are read when the model is open.")
            return
        if self.reading is None:
            self._show_status("reading…")
        origin = self.workspace.document.state.origin
        method, options = ("eap-ig", {}) if origin is None else (origin.method, origin.options)
        self._job.submit(ReadEdge(self.edge, self.workspace.prompt_index, method, options))

    def _on_read(self, reply: QueryResult) -> None:
        query = reply.query
        if not isinstance(query, ReadEdge) or query.edge != self.edge:
            return
        if query.prompt != self.workspace.prompt_index or not reply.done:
            return
        if reply.refusal:
            self._show_status(reply.refusal)
        elif reply.result is not None:
            self._show_reading(reply.result)

    def _show_status(self, text: str) -> None:
        self.result_box.hide()
        self.status_label.setText(text)
        self.status_label.show()

    def _show_reading(self, reading: EdgeContributions) -> None:
        self.reading = reading
        self.status_label.hide()
        method = METHOD_TITLES.get(reading.method, reading.method)
        through = f", through the {CHANNEL_WORDS[reading.channel]}" if reading.channel else ""
        self.score_label.setText(f"{signed_number(reading.score, 4)} on this prompt by {method}{through}")
        self.position_heading.setText(POSITION_HEADINGS[reading.channel])
        self.position_text.show_contributions(reading.tokens, reading.positions.tolist())
        self._list_places(reading)
        self.pair_box.setVisible(reading.pairs is not None)
        self.no_pairs_label.setVisible(reading.is_too_long_for_pairs)
        self.no_pairs_label.setText(
            f"Pairs of query and key are left out: for a prompt of {len(reading.tokens):,} tokens they would "
            "need more memory than is free."
        )
        if reading.pairs is not None:
            self._show_pairs(reading)
        self.result_box.show()

    def _list_places(self, reading: EdgeContributions) -> None:
        """The strongest pairs of positions, or where there are none the strongest positions."""
        values = reading.positions if reading.pairs is None else reading.pairs
        total = float(np.abs(values).sum())
        order = np.argsort(-np.abs(values), axis=None)[:MAX_LISTED_PLACES]
        places = [tuple(map(int, np.unravel_index(i, values.shape))) for i in order if values.flat[i]]
        self.places_heading.setText(
            "Strongest positions" if reading.pairs is None else "Strongest pairs, from key to query"
        )
        for number, labels in enumerate(self.place_labels):
            for label in labels:
                label.setVisible(number < len(places))
            if number < len(places):
                place, value = places[number], float(values[places[number]])
                texts = (
                    self._place_in_words(reading, place),
                    signed_number(value, 4),
                    f"{decimal_number(100 * abs(value) / total, 1)} %",
                )
                for label, text in zip(labels, texts, strict=True):
                    label.setText(text)
        if not places:
            self.places_heading.setText("Its contribution is zero at every position of this prompt.")

    def _place_in_words(self, reading: EdgeContributions, place: Sequence[int]) -> str:
        names = [f"{visible_token(reading.tokens[i])} ({i})" for i in reversed(place)]
        return " → ".join(names)

    def _show_pairs(self, reading: EdgeContributions) -> None:
        assert reading.pairs is not None
        names = [visible_token(token) for token in reading.tokens]
        pairs = reading.pairs

        def describe_cell(query: int, key: int) -> str:
            number = signed_number(pairs[query, key], 4)
            return f"from “{names[key]}” ({key}) to “{names[query]}” ({query}): {number}"

        is_seen = np.tril(np.ones_like(pairs, dtype=bool))
        self.pair_map.show_grid(
            HeatGrid(names, names, np.where(is_seen, pairs, np.nan), "score", describe_cell=describe_cell)
        )

    def _build(self) -> None:
        prompt_row = lay_out_row(QLabel("Prompt", objectName="muted"), (self.prompt_box, 1))
        grid = QGridLayout(horizontalSpacing=10, verticalSpacing=2)
        grid.setColumnStretch(0, 1)
        for row, labels in enumerate(self.place_labels):
            for column, label in enumerate(labels):
                right = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
                grid.addWidget(label, row, column, right)
            labels[1].setObjectName("muted")
        heading = QLabel("Query (row) and key (column)", objectName="heading", wordWrap=True)
        lay_out_column(heading, ScrollingMap(self.pair_map), parent=self.pair_box, spacing=5)
        lay_out_column(
            self.score_label,
            self.position_heading,
            self.position_text,
            self.places_heading,
            grid,
            self.pair_box,
            self.no_pairs_label,
            parent=self.result_box,
            spacing=7,
        )
        lay_out_column(prompt_row, self.status_label, self.result_box, parent=self, spacing=7)
        self.result_box.hide()
        self.hide()


class ContributionText(TokenText):
    """The prompt as running text, each token shaded by what it contributes; hovering tells the number."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Contribution of each token")

    def show_contributions(self, tokens: Sequence[str], values: Sequence[float]) -> None:
        """Show a number for each token."""
        largest = max((abs(value) for value in values), default=0.0)
        self.show_row(tokens, values, len(tokens), largest, is_locked=False)
        self.setAccessibleDescription(
            ", ".join(self.describe_token(i) for i in np.argsort(-np.abs(values))[:3].tolist())
        )

    def describe_token(self, token: int) -> str:
        """A token with its position and number."""
        return f"“{visible_token(self.tokens[token])}” ({token}): {signed_number(self.weights[token], 4)}"

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the number of the token under the pointer."""
        token = self.token_at(event.position())
        text = self.describe_token(token) if token >= 0 else ""
        QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Nothing is chosen here; keys go to the panel, which scrolls."""
        event.ignore()
