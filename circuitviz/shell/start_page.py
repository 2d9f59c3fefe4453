"""The start page: a new search, recent files and examples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from circuitviz.panels.widgets.elided_button import ElidedButton
from circuitviz.panels.widgets.folding_row import FoldingRow
from circuitviz.panels.widgets.font_scaling import scale_pixels
from circuitviz.panels.widgets.layouts import lay_out_column, lay_out_row

EXAMPLE_CARDS = (
    ("IOI on the demo model", "ioi", "When Mary and John went to the store, John …"),
    ("Greater-Than", "greater-than", "The war lasted from 1741 to 17 …"),
    ("Subject-verb agreement", "sva", "The keys on the cabinet …"),
    ("Gendered pronouns", "gender", "So Mary said that …"),
)
MAX_WIDTH_PX = 660  # of the page, scaled with the font
CARD_WIDTH_PX = 190  # at least, where two stand side by side, scaled with the font
CARD_PADDING_PX = 30  # of the style sheet, at the left and the right together
MAX_RECENT_FILES = 5


class StartPage(QScrollArea):
    """Offers a new search, files, a model or a task to open, and examples on the demo model.

    In a narrow pane what stands side by side stands one below the other, and long names are elided.

    Signals:
        search_requested: a search of the person's own.
        example_chosen: the name of a task.
        file_chosen: the path of a recent file.
        last_requested: the circuits that were open when the application was left.
        open_requested, model_requested, task_requested: to choose a file, a model or a task.
    """

    search_requested = Signal()
    example_chosen = Signal(str)
    file_chosen = Signal(object)
    last_requested = Signal()
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
            card = ElidedButton(name, prompt, name="card", padding_px=CARD_PADDING_PX)
            card.setMinimumHeight(64)
            card.setCursor(Qt.CursorShape.PointingHandCursor)
            card.clicked.connect(partial(self.example_chosen.emit, task))
            cards.append(card)
        left, right = QWidget(), QWidget()
        lay_out_column(*cards[:2], parent=left, spacing=10)
        lay_out_column(*cards[2:], parent=right, spacing=10)
        buttons = []
        for text, signal in (
            ("New search", self.search_requested),
            ("Open a circuit…", self.open_requested),
            ("Open a model…", self.model_requested),
            ("Open a task…", self.task_requested),
        ):
            buttons.append(QPushButton(text))
            buttons[-1].clicked.connect(signal)
        pairs = [FoldingRow(*buttons[:2], spacing=10), FoldingRow(*buttons[2:], spacing=10)]
        self._recent_layout = QVBoxLayout(spacing=0)
        column = QVBoxLayout()
        column.setSpacing(10)
        column.addStretch(2)
        column.addWidget(title)
        column.addWidget(about)
        column.addSpacing(10)
        column.addWidget(FoldingRow(left, right, first_px=CARD_WIDTH_PX, second_px=CARD_WIDTH_PX, spacing=10))
        column.addSpacing(4)
        column.addWidget(FoldingRow(*pairs, spacing=10))
        column.addSpacing(8)
        column.addLayout(self._recent_layout)
        column.addStretch(3)
        page = QWidget()
        self._inside = QWidget()
        self._inside.setMaximumWidth(scale_pixels(self, MAX_WIDTH_PX))
        self._inside.setLayout(column)
        lay_out_row(1, (self._inside, 100), 1, parent=page)
        self.setWidget(page)

    def changeEvent(self, event: QEvent) -> None:
        """Be wider with larger text."""
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._inside.setMaximumWidth(scale_pixels(self, MAX_WIDTH_PX))

    def show_recent_files(self, paths: list[Path], n_last: int = 0) -> None:
        """List recent files.

        Args:
            paths: The latest first.
            n_last: How many circuits were open when the application was left, and still are in their files;
                one alone is the first of the recent files.
        """
        while self._recent_layout.count():
            item = self._recent_layout.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()  # at once: it is deleted once what called is done
                widget.deleteLater()
        if paths:
            self._recent_layout.addWidget(QLabel("Recent", objectName="heading"))
        if n_last > 1:
            self._add_link(f"The {n_last} circuits of last time, where they were", self.last_requested.emit)
        for path in paths[:MAX_RECENT_FILES]:
            self._add_link(f"{path.name}   —   {path.parent}", partial(self.file_chosen.emit, path))

    def _add_link(self, text: str, choose: Callable[[], object]) -> None:
        button = ElidedButton(text, name="link", mode=Qt.TextElideMode.ElideMiddle)
        button.clicked.connect(lambda _checked=False: choose())
        self._recent_layout.addWidget(button)
