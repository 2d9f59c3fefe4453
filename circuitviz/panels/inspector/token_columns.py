"""Two columns of tokens, promoted and suppressed, with their values."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from circuitviz.number_text import signed_number


class TokenColumns(QWidget):
    """``cell_labels`` holds promoted token, value, suppressed token, value of each row."""

    def __init__(self, n_rows: int) -> None:
        super().__init__()
        self.cell_labels = [[QLabel() for _ in range(4)] for _ in range(n_rows)]
        grid = QGridLayout(self, horizontalSpacing=10, verticalSpacing=1)
        grid.setContentsMargins(0, 0, 0, 0)
        for column, text in ((0, "promotes"), (2, "suppresses")):
            grid.addWidget(QLabel(text, objectName="muted"), 0, column)
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
        """Show tokens with their values, strongest first."""
        for cells, up, down in zip(self.cell_labels, promoted, suppressed, strict=False):
            for cell, text in zip(
                cells, (up[0], signed_number(up[1], 2), down[0], signed_number(down[1], 2)), strict=True
            ):
                cell.setText(text)

    def clear(self) -> None:
        """Empty all cells."""
        for cells in self.cell_labels:
            for cell in cells:
                cell.setText("")
