"""Which tokens a direction promotes and suppresses: asked of heads and of features, shown the same."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget


class TokenColumns(QWidget):
    """Two columns of tokens with their values; ``cell_labels`` holds token, value, token, value of each row."""

    def __init__(self, n_rows: int) -> None:
        super().__init__()
        self.cell_labels = [[QLabel() for _ in range(4)] for _ in range(n_rows)]
        grid = QGridLayout(self, horizontalSpacing=10, verticalSpacing=1)
        grid.setContentsMargins(0, 0, 0, 0)
        for at, text in ((0, "promotes"), (2, "suppresses")):
            grid.addWidget(QLabel(text, objectName="muted"), 0, at)
        for i, cells in enumerate(self.cell_labels):
            for j, cell in enumerate(cells):
                if j % 2:
                    cell.setAlignment(Qt.AlignmentFlag.AlignRight)
                    cell.setObjectName("muted")
                grid.addWidget(cell, i + 1, j)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(2, 1)

    def show_tokens(
        self, promoted: Sequence[tuple[str, float]], suppressed: Sequence[tuple[str, float]]
    ) -> None:
        """Tokens and values, strongest first."""
        for cells, up, down in zip(self.cell_labels, promoted, suppressed, strict=False):
            for cell, text in zip(cells, (up[0], f"{up[1]:+.2f}", down[0], f"{down[1]:+.2f}"), strict=True):
                cell.setText(text)

    def clear(self) -> None:
        """Show nothing until the next tokens come."""
        for cells in self.cell_labels:
            for cell in cells:
                cell.setText("")
