"""The start page: recent files and examples."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from circuitviz.workspace.plain_text import escape_mnemonics

EXAMPLE_CARDS = (
    ("IOI on the demo model", "ioi", "When Mary and John went to the store, John …"),
    ("Greater-Than", "greater-than", "The war lasted from 1741 to 17 …"),
    ("Subject-verb agreement", "sva", "The keys on the cabinet …"),
    ("Gendered pronouns", "gender", "So Mary said that …"),
)


class StartPage(QScrollArea):
    """Offers recent files, examples on the demo model, and opening a model or a task.

    It scrolls in a narrow pane.
    """

    example_chosen = Signal(str)
    file_chosen = Signal(object)
    open_requested = Signal()
    model_requested = Signal()
    task_requested = Signal()

    def __init__(self) -> None:
        super().__init__(widgetResizable=True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        title = QLabel("Find a circuit, see it, take it apart", objectName="headline")
        about = QLabel(
            "Everything below runs on this machine. The demo model needs no network.",
            objectName="muted",
        )
        grid = QGridLayout(spacing=10)
        for i, (name, task, prompt) in enumerate(EXAMPLE_CARDS):
            card = QPushButton(objectName="card")
            card.setText(f"{name}\n{prompt}")
            card.setAccessibleName(name)
            card.setMinimumHeight(64)
            card.setCursor(Qt.CursorShape.PointingHandCursor)
            card.clicked.connect(partial(self.example_chosen.emit, task))
            grid.addWidget(card, i // 2, i % 2)
        row = QHBoxLayout(spacing=10)
        for text, signal in (
            ("Open a circuit…", self.open_requested),
            ("Open a model…", self.model_requested),
            ("Open a task…", self.task_requested),
        ):
            button = QPushButton(text)
            button.clicked.connect(signal)
            row.addWidget(button)
        row.addStretch(1)
        self._recent_layout = QVBoxLayout(spacing=0)
        column = QVBoxLayout()
        column.setSpacing(10)
        column.addStretch(2)
        column.addWidget(title)
        column.addWidget(about)
        column.addSpacing(10)
        column.addLayout(grid)
        column.addSpacing(4)
        column.addLayout(row)
        column.addSpacing(8)
        column.addLayout(self._recent_layout)
        column.addStretch(3)
        page = QWidget()
        whole = QHBoxLayout(page)
        whole.addStretch(1)
        inside = QWidget()
        inside.setMaximumWidth(660)
        inside.setLayout(column)
        whole.addWidget(inside, 8)
        whole.addStretch(1)
        self.setWidget(page)

    def show_recent_files(self, paths: list[Path]) -> None:
        """List recent files."""
        while self._recent_layout.count():
            item = self._recent_layout.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.deleteLater()
        if paths:
            self._recent_layout.addWidget(QLabel("Recent", objectName="heading"))
        for path in paths[:5]:
            button = QPushButton(escape_mnemonics(f"{path.name}   —   {path.parent}"), objectName="link")
            button.clicked.connect(partial(self.file_chosen.emit, path))
            self._recent_layout.addWidget(button)
