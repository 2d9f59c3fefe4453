"""A first look around in five steps, beside the real window: nothing is blocked, and it can be skipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from circuitviz.panels.room import room

if TYPE_CHECKING:
    from circuitviz.app.window import MainWindow

WIDTH, APART = 330, 12
Target = Callable[["MainWindow"], QWidget]


@dataclass(frozen=True)
class Step:
    """What is said, and which part of the window it is said of."""

    title: str
    text: str
    target: Target


def _dock(name: str) -> Target:
    def dock(window: MainWindow) -> QWidget:
        return window.docks[name]

    return dock


def _canvas(window: MainWindow) -> QWidget:
    return window.view


def _tools(window: MainWindow) -> QWidget:
    return window.chrome.toolbar


STEPS = (
    Step(
        "Find",
        "Choose a model, a task and a method here, then find the circuit with Ctrl+R. The demo model "
        "needs no network. The circuit appears while the search runs; Cancel keeps what is done.",
        _dock("discovery"),
    ),
    Step(
        "Look",
        "The input is at the bottom, the logits at the top. Wider edges matter more; their colour and "
        "dash tell the sign. Click a node or an edge, drag to move, turn the wheel to zoom.",
        _canvas,
    ),
    Step(
        "Ask",
        "What you have clicked is explained here: its logit lens, its direct effect on the answer, "
        "where it attends, and its strongest edges.",
        _dock("inspector"),
    ),
    Step(
        "Ablate",
        "Press A to take the selection out, and A again to put it back. Faithfulness follows at once, "
        "marked ≈ until it is measured. Ctrl+Z brings back the earlier number exactly.",
        _dock("meter"),
    ),
    Step(
        "Keep",
        "Ctrl+S saves a file with everything needed to go on; Ctrl+E makes the figure for the paper. "
        "F1 lists all shortcuts, Ctrl+Shift+P finds every command.",
        _tools,
    ),
)


class Tour(QObject):
    """Shows one card after another beside what it speaks of, with a frame around that."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.at = -1
        self.frame, self.card = QFrame(window, objectName="spotlight"), Card(window)
        self.frame.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.card.next.clicked.connect(lambda: self.go(self.at + 1))
        self.card.back.clicked.connect(lambda: self.go(self.at - 1))
        self.card.skip.clicked.connect(self.end)
        self.card.left = self.end
        self.frame.hide()
        self.card.hide()
        window.installEventFilter(self)

    def offer(self) -> None:
        """Begin by itself once, when the first circuit of a new user is there."""
        if not self.window.settings.toured:
            self.window.desk.state_changed.connect(self._first)

    def begin(self) -> None:
        """Start at the first step."""
        self.window.places.show(True)
        self.go(0)

    def go(self, at: int) -> None:
        """Show a step; past the last one the tour is over."""
        if at >= len(STEPS):
            self.end()
            return
        self.at = max(0, at)
        step = STEPS[self.at]
        self.card.show_step(step, self.at)
        self._place()
        for widget in (self.frame, self.card):
            widget.show()
            widget.raise_()
        self._place()  # shown for the first time it is dressed only now, and takes more room
        self.card.next.setFocus()

    def end(self) -> None:
        """Close it, and do not begin by itself again."""
        self.at = -1
        self.window.settings.toured = True
        self.frame.hide()
        if self.card.isVisible():  # else whatever field comes next would have the focus
            self.window.view.setFocus()
        self.card.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay beside what is spoken of when the window changes its size."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest) and self.at >= 0:
            self._place()
        return False

    def _first(self) -> None:
        desk = self.window.desk
        if desk.preview is None and desk.document.state.circuit is not None:
            desk.state_changed.disconnect(self._first)
            self.begin()

    def _place(self) -> None:
        window, step = self.window, STEPS[self.at]
        target = step.target(window)
        inside = window.rect().adjusted(APART, APART, -APART, -APART)
        area = QRect(target.mapTo(window, QPoint(0, 0)), target.size()).intersected(window.rect())
        self.frame.setGeometry(area.adjusted(1, 1, -1, -1))
        self.card.setFixedWidth(room(self.card, WIDTH))
        self.card.adjustSize()
        size = self.card.size()
        for corner in (
            QPoint(area.right() + APART, area.top() + APART),
            QPoint(area.left() - APART - size.width(), area.top() + APART),
            QPoint(area.left() + APART, area.bottom() + APART),
        ):
            if inside.contains(QRect(corner, size)):
                self.card.move(corner)
                return
        self.card.move(area.center() - QPoint(size.width() // 2, size.height() // 2))


class Card(QFrame):
    """Title, a few sentences, where one is, and the ways on and out."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("tour")
        self.setAccessibleName("Tour")
        self.left: Callable[[], None] = self.hide
        self.title, self.text = QLabel(objectName="heading"), QLabel(wordWrap=True)
        self.where = QLabel(objectName="muted")
        self.skip, self.back = QPushButton("Skip", objectName="link"), QPushButton("Back")
        self.next = QPushButton("Next", objectName="primary")
        row = QHBoxLayout(spacing=8)
        for widget in (self.where, self.skip):
            row.addWidget(widget)
        row.addStretch(1)
        for widget in (self.back, self.next):
            row.addWidget(widget)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 14, 16, 14)
        whole.setSpacing(8)
        self.title.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        for label in (self.title, self.text):
            whole.addWidget(label)
        whole.addLayout(row)

    def show_step(self, step: Step, at: int) -> None:
        """Say what a step says."""
        self.title.setText(step.title)
        self.text.setText(step.text)
        self.where.setText(f"{at + 1} of {len(STEPS)}")
        self.back.setEnabled(at > 0)
        last = at == len(STEPS) - 1
        self.next.setText("Done" if last else "Next")
        self.skip.setVisible(not last)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape skips the rest."""
        if event.key() == Qt.Key.Key_Escape:
            self.left()
        else:
            super().keyPressEvent(event)
