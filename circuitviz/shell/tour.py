"""A first look around in five steps, beside the real window: nothing is blocked, and it can be skipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from circuitviz.panels.widgets.font_scaling import scale_pixels

if TYPE_CHECKING:
    from circuitviz.shell.main_window import MainWindow

CARD_WIDTH_PX, CARD_GAP_PX = 330, 12
TargetWidget = Callable[["MainWindow"], QWidget]


@dataclass(frozen=True)
class TourStep:
    """What is said, and which part of the window it is said of."""

    title: str
    text: str
    target: TargetWidget


def _target_dock(name: str) -> TargetWidget:
    def dock(window: MainWindow) -> QWidget:
        return window.docks[name]

    return dock


def _target_canvas(window: MainWindow) -> QWidget:
    return window.view


def _target_toolbar(window: MainWindow) -> QWidget:
    return window.menus.toolbar


TOUR_STEPS = (
    TourStep(
        "Find",
        "Choose a model, a task and a method here, then find the circuit with Ctrl+R. The demo model "
        "needs no network. The circuit appears while the search runs; Cancel keeps what is done.",
        _target_dock("discovery"),
    ),
    TourStep(
        "Look",
        "The input is at the bottom, the logits at the top. Wider edges matter more; their colour and "
        "dash tell the sign. Click a node or an edge, drag to move, turn the wheel to zoom.",
        _target_canvas,
    ),
    TourStep(
        "Ask",
        "What you have clicked is explained here: its logit lens, its direct effect on the answer, "
        "where it attends, and its strongest edges.",
        _target_dock("inspector"),
    ),
    TourStep(
        "Ablate",
        "Press A to take the selection out, and A again to put it back. Faithfulness follows at once, "
        "marked ≈ until it is measured. Ctrl+Z brings back the earlier number exactly.",
        _target_dock("meter"),
    ),
    TourStep(
        "Keep",
        "Ctrl+S saves a file with everything needed to go on; Ctrl+E makes the figure for the paper. "
        "F1 lists all shortcuts, Ctrl+Shift+P finds every command.",
        _target_toolbar,
    ),
)


class Tour(QObject):
    """Shows one card after another beside what it speaks of, with a frame around that."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.step_index = -1
        self.frame, self.card = QFrame(window, objectName="spotlight"), TourCard(window)
        self.frame.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.card.next_button.clicked.connect(lambda: self.show_step(self.step_index + 1))
        self.card.back_button.clicked.connect(lambda: self.show_step(self.step_index - 1))
        self.card.skip_button.clicked.connect(self.end_tour)
        self.card.on_skip = self.end_tour
        self.frame.hide()
        self.card.hide()
        window.installEventFilter(self)

    def start_on_first_circuit(self) -> None:
        """Begin by itself once, when the first circuit of a new user is there."""
        if not self.window.settings.is_tour_done:
            self.window.workspace.state_changed.connect(self._start_once)

    def start_tour(self) -> None:
        """Start at the first step."""
        self.window.dock_manager.set_circuit_docks_visible(True)
        self.show_step(0)

    def show_step(self, index: int) -> None:
        """Show a step; past the last one the tour is over."""
        if index >= len(TOUR_STEPS):
            self.end_tour()
            return
        self.step_index = max(0, index)
        step = TOUR_STEPS[self.step_index]
        self.card.show_step(step, self.step_index)
        self._place_card()
        for widget in (self.frame, self.card):
            widget.show()
            widget.raise_()
        self._place_card()  # shown for the first time it is dressed only now, and takes more room
        self.card.next_button.setFocus()

    def end_tour(self) -> None:
        """Close it, and do not begin by itself again."""
        self.step_index = -1
        self.window.settings.is_tour_done = True
        self.frame.hide()
        if self.card.isVisible():  # else whatever field comes next would have the focus
            self.window.view.setFocus()
        self.card.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay beside what is spoken of when the window changes its size."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest) and self.step_index >= 0:
            self._place_card()
        return False

    def _start_once(self) -> None:
        desk = self.window.workspace
        if desk.partial_result is None and desk.document.state.circuit is not None:
            desk.state_changed.disconnect(self._start_once)
            self.start_tour()

    def _place_card(self) -> None:
        window, step = self.window, TOUR_STEPS[self.step_index]
        target = step.target(window)
        inside = window.rect().adjusted(CARD_GAP_PX, CARD_GAP_PX, -CARD_GAP_PX, -CARD_GAP_PX)
        area = QRect(target.mapTo(window, QPoint(0, 0)), target.size()).intersected(window.rect())
        self.frame.setGeometry(area.adjusted(1, 1, -1, -1))
        self.card.setFixedWidth(scale_pixels(self.card, CARD_WIDTH_PX))
        self.card.adjustSize()
        size = self.card.size()
        for corner in (
            QPoint(area.right() + CARD_GAP_PX, area.top() + CARD_GAP_PX),
            QPoint(area.left() - CARD_GAP_PX - size.width(), area.top() + CARD_GAP_PX),
            QPoint(area.left() + CARD_GAP_PX, area.bottom() + CARD_GAP_PX),
        ):
            if inside.contains(QRect(corner, size)):
                self.card.move(corner)
                return
        self.card.move(area.center() - QPoint(size.width() // 2, size.height() // 2))


class TourCard(QFrame):
    """Title, a few sentences, where one is, and the ways on and out."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("tour")
        self.setAccessibleName("Tour")
        self.on_skip: Callable[[], None] = self.hide
        self.title_label, self.text_label = QLabel(objectName="heading"), QLabel(wordWrap=True)
        self.step_label = QLabel(objectName="muted")
        self.skip_button, self.back_button = QPushButton("Skip", objectName="link"), QPushButton("Back")
        self.next_button = QPushButton("Next", objectName="primary")
        row = QHBoxLayout(spacing=8)
        for widget in (self.step_label, self.skip_button):
            row.addWidget(widget)
        row.addStretch(1)
        for widget in (self.back_button, self.next_button):
            row.addWidget(widget)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 14, 16, 14)
        whole.setSpacing(8)
        self.title_label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        for label in (self.title_label, self.text_label):
            whole.addWidget(label)
        whole.addLayout(row)

    def show_step(self, step: TourStep, index: int) -> None:
        """Say what a step says."""
        self.title_label.setText(step.title)
        self.text_label.setText(step.text)
        self.step_label.setText(f"{index + 1} of {len(TOUR_STEPS)}")
        self.back_button.setEnabled(index > 0)
        last = index == len(TOUR_STEPS) - 1
        self.next_button.setText("Done" if last else "Next")
        self.skip_button.setVisible(not last)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape skips the rest."""
        if event.key() == Qt.Key.Key_Escape:
            self.on_skip()
        else:
            super().keyPressEvent(event)
