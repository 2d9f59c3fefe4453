"""What an attribution graph is worth: its two scores, and the logits that it explains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QGridLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

SCORE_DESCRIPTIONS = {
    "replacement_score": (
        "Replacement score",
        "the share of all influence that begins at tokens, and not at errors or bare MLPs",
    ),
    "completeness_score": (
        "Completeness score",
        "how little of what the nodes read comes from errors, weighted by their influence",
    ),
}
BAR_STEPS = 1000  # steps of a bar


class GraphScoresView(QWidget):
    """A bar and a number for each score, what it means below; then the targets with their shares."""

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
        whole = QVBoxLayout(self, spacing=6)
        whole.setContentsMargins(0, 6, 0, 0)
        whole.addLayout(grid)
        whole.addWidget(QLabel("Explained", objectName="heading"))
        whole.addWidget(self.targets_label)
        whole.addStretch(1)

    def show_scores(self, info: Mapping[str, Any]) -> None:
        """Show what a graph's scores say of themselves."""
        for name, bar in self.score_bars.items():
            value = float(info.get(name, 0.0))
            bar.setValue(round(BAR_STEPS * value))
            self.value_labels[name].setText(f"{value:.3f}")
        shown = info.get("shown", {})
        told = dict(info.get("targets", {}))
        if len(told) == 1 and next(iter(told)) not in shown:
            self.targets_label.setText("the difference of the correct and the incorrect tokens' logits")
            return
        rows = [f"“{shown.get(name, name).strip()}” {share:.3f}" for name, share in told.items()]
        self.targets_label.setText("next tokens and their shares of probability:  " + ",  ".join(rows))
