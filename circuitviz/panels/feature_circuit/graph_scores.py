"""Quality of an attribution graph: replacement and completeness score, and the logits that it explains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QGridLayout, QLabel, QProgressBar, QWidget

from circuitviz.number_text import decimal_number
from circuitviz.panels.widgets.layouts import lay_out_column

SCORE_DESCRIPTIONS = {
    "replacement_score": (
        "Replacement score",
        "share of the influence that comes from tokens instead of errors or MLPs without a dictionary",
    ),
    "completeness_score": (
        "Completeness score",
        "1 − the share of the nodes' input that comes from errors, weighted by the nodes' influence",
    ),
}
BAR_STEPS = 1000  # steps of a bar


class GraphScoresView(QWidget):
    """A bar and a number per score with its definition, then the target tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.value_labels = {name: QLabel("") for name in SCORE_DESCRIPTIONS}
        self.score_bars = {
            name: QProgressBar(textVisible=False, maximum=BAR_STEPS) for name in SCORE_DESCRIPTIONS
        }
        self.targets_label = QLabel("", wordWrap=True)
        grid = QGridLayout(horizontalSpacing=10, verticalSpacing=2)
        for row, (name, (title, meaning)) in enumerate(SCORE_DESCRIPTIONS.items()):
            self.score_bars[name].setAccessibleName(title)
            grid.addWidget(QLabel(title), 3 * row, 0)
            grid.addWidget(self.score_bars[name], 3 * row, 1)
            grid.addWidget(self.value_labels[name], 3 * row, 2)
            grid.addWidget(QLabel(meaning, objectName="muted", wordWrap=True), 3 * row + 1, 0, 1, 3)
            grid.setRowMinimumHeight(3 * row + 2, 10)
        grid.setColumnStretch(1, 1)
        lay_out_column(
            grid,
            QLabel("Explained", objectName="heading"),
            self.targets_label,
            1,
            parent=self,
            spacing=6,
            margins=(0, 6, 0, 0),
        )

    def show_scores(self, info: Mapping[str, Any]) -> None:
        """Show the scores in ``Scores.info`` of an attribution graph."""
        for name, bar in self.score_bars.items():
            value = float(info.get(name, 0.0))
            bar.setValue(round(BAR_STEPS * value))
            self.value_labels[name].setText(decimal_number(value, 3))
        tokens = info.get("shown", {})
        targets = dict(info.get("targets", {}))
        if len(targets) == 1 and next(iter(targets)) not in tokens:
            self.targets_label.setText("logit difference of the correct and the incorrect tokens")
            return
        rows = [
            f"“{tokens.get(name, name).strip()}” {decimal_number(share, 3)}"
            for name, share in targets.items()
        ]
        self.targets_label.setText("next tokens with their probabilities:  " + ",  ".join(rows))
