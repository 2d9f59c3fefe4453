"""The start page: recent files and examples."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.font_scaling import scale_pixels
from circuitviz.panels.widgets.layouts import lay_out_column
from circuitviz.workspace.plain_text import escape_mnemonics

EXAMPLE_CARDS = (
    ("IOI on the demo model", "ioi", "When Mary and John went to the store, John …"),
    ("Greater-Than", "greater-than", "The war lasted from 1741 to 17 …"),
    ("Subject-verb agreement", "sva", "The keys on the cabinet …"),
    ("Gendered pronouns", "gender", "So Mary said that …"),
)
MAX_WIDTH_PX, MAX_RECENT_WIDTH_PX = 660, 560  # of the page and of a recent file's path, scaled with the font


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
        title = QLabel("Find a circuit, see it, take it apart", objectName="headline", wordWrap=True)
        about = QLabel(
            "Everything below runs on this machine. The demo model needs no network.",
            objectName="muted",
            wordWrap=True,
        )
        cards = []
        for name, task, prompt in EXAMPLE_CARDS:
            card = QPushButton(objectName="card")
            card.setText(f"{name}\n{prompt}")
            card.setAccessibleName(name)
            card.setMinimumHeight(64)
            card.setCursor(Qt.CursorShape.PointingHandCursor)
            card.clicked.connect(partial(self.example_chosen.emit, task))
            cards.append(card)
        left, right = QWidget(), QWidget()
        lay_out_column(*cards[:2], parent=left, spacing=10)
        lay_out_column(*cards[2:], parent=right, spacing=10)
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
        column.addWidget(FoldingRow(left, right, spacing=10))
        column.addSpacing(4)
        column.addLayout(row)
        column.addSpacing(8)
        column.addLayout(self._recent_layout)
        column.addStretch(3)
        page = QWidget()
        whole = QHBoxLayout(page)
        whole.addStretch(1)
        self._inside = QWidget()
        self._inside.setMaximumWidth(scale_pixels(self, MAX_WIDTH_PX))
        self._inside.setLayout(column)
        whole.addWidget(self._inside, 8)
        whole.addStretch(1)
        self.setWidget(page)

    def changeEvent(self, event: QEvent) -> None:
        """Be wider with larger text."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._inside.setMaximumWidth(scale_pixels(self, MAX_WIDTH_PX))

    def show_recent_files(self, paths: list[Path]) -> None:
        """List recent files."""
        while self._recent_layout.count():
            item = self._recent_layout.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.deleteLater()
        if paths:
            self._recent_layout.addWidget(QLabel("Recent", objectName="heading"))
        for path in paths[:5]:
            text = f"{path.name}   —   {path.parent}"
            button = QPushButton(objectName="link", toolTip=text, accessibleName=text)
            room_px = scale_pixels(self, MAX_RECENT_WIDTH_PX)
            shown = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, room_px)
            button.setText(escape_mnemonics(shown))
            button.clicked.connect(partial(self.file_chosen.emit, path))
            self._recent_layout.addWidget(button)
