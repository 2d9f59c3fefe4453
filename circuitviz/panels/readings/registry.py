"""A reading of the model is a page of its own file; it asks when it is looked at, and not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QStackedLayout, QVBoxLayout, QWidget

from circuitviz.canvas.theme import LIGHT, Theme
from circuitviz.errors import InputError
from circuitviz.graph import Node
from circuitviz.jobs import Look, Reply, Seen
from circuitviz.panels.desk import Desk
from circuitviz.panels.heat import HeatMap
from circuitviz.panels.registry import in_sight
from circuitviz.panels.saving import Plotted
from circuitviz.registry import Registry

OF_TASKS = (
    "This reading is of a task’s heads and MLPs, and the open circuit is of features on one prompt: the "
    "inspector reads its nodes, and Features shows where they fire."
)


class Page(QWidget):
    """Asks the worker for what it shows, keeps up with node and prompt, tells why there is nothing.

    A page says what it wants (``wanted``), shows what comes (``show_result``) and names its pictures.
    ``read(text)``: what is under the pointer, for the line below.
    """

    read = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.theme = LIGHT
        self.result: Any = None
        self._asked: Look | None = None
        self._shown: Look | None = None
        self._stopped = False
        self.bar = QHBoxLayout(spacing=8)
        self.bar.setContentsMargins(12, 2, 12, 4)
        self.body = QWidget()
        self.hint = QLabel("", objectName="muted", alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self.pages = QStackedLayout()
        self.pages.addWidget(self.hint)
        self.pages.addWidget(self.body)
        whole = QVBoxLayout(self, spacing=0)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(self.bar)
        whole.addLayout(self.pages, 1)
        desk.selection_changed.connect(self.follow)
        desk.prompt_changed.connect(self.follow)
        desk.ready.connect(lambda _ready: self.begin())
        desk.document_opened.connect(self.begin)
        desk.arrived.connect(self._arrived)
        desk.idle.connect(self._idle)

    # what a page is made of

    def wanted(self) -> Look | str:
        """What to ask for now, or the sentence that says what has to be chosen first."""
        raise NotImplementedError

    def show_result(self) -> None:
        """Show ``result``, in the theme's colours."""
        raise NotImplementedError

    def pictures(self) -> Mapping[str, Plotted]:
        """What can be exported, by name."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """What ``circuitviz inspect FILE --reading`` is given to print the same numbers."""
        raise NotImplementedError

    # keeping up

    def begin(self) -> None:
        """Another model, or other prompts: nothing that is known holds any more."""
        self.result = self._asked = self._shown = None
        self.follow()

    def follow(self) -> None:
        """Ask for what is wanted now, unless it is here already or nobody looks."""
        if not in_sight(self):
            return
        self.mark()
        wanted: Look | str = self.wanted() if self.desk.opened else "The readings come with the model."
        if isinstance(wanted, Look) and wanted.of_task and self.desk.asking.question is not None:
            wanted = OF_TASKS
        if isinstance(wanted, str):
            self._asked = None
            self._say(wanted)
            return
        if wanted == self._shown and self.result is not None:
            self._asked = wanted
            self.pages.setCurrentWidget(self.body)
        elif wanted != self._asked:
            self._asked, self._stopped = wanted, False
            if self.result is None:
                self._say("Reading …")
            self.desk.ask(wanted)

    def mark(self) -> None:
        """Show which of what is shown is selected."""
        for map_ in self.findChildren(HeatMap):
            map_.mark(self.desk.nodes, map_.row)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the theme's colours."""
        self.theme = theme
        for map_ in self.findChildren(HeatMap):
            map_.theme = theme
        if self.result is not None:
            self.show_result()

    def node(self) -> Node | None:
        """The one node that is selected."""
        state = self.desk.state
        if len(self.desk.nodes) != 1 or state.circuit is None:
            return None
        try:
            return state.circuit.graph.node(next(iter(self.desk.nodes)))
        except InputError:  # a group, or a node of another circuit
            return None

    def choose(self, node: str) -> None:
        """Select a node on the canvas, if there is one to select."""
        if node:
            self.desk.select(frozenset({node}), frozenset())

    def showEvent(self, event: QShowEvent) -> None:
        """The page comes to the front."""
        super().showEvent(event)
        self.catch_up()

    def catch_up(self) -> None:
        """Follow again; what was cancelled is asked for again."""
        if self._stopped:
            self._asked = None
        self.follow()

    def _arrived(self, reply: Reply) -> None:
        if not isinstance(reply, Seen) or reply.look != self._asked:
            return
        if reply.why:
            self.result = self._shown = None
            self._say(reply.why)
            return
        self.result, self._shown = reply.result, reply.look if reply.done else None
        self.pages.setCurrentWidget(self.body)
        self.read.emit("")
        self.show_result()
        self.mark()

    def _idle(self) -> None:
        self._stopped = self._asked is not None and self._asked != self._shown
        if self._stopped and self.result is None:
            self._say("Stopped. Showing this page again asks again.")

    def _say(self, text: str) -> None:
        self.hint.setText(text)
        self.pages.setCurrentWidget(self.hint)


def choice(name: str, *texts: str) -> QComboBox:
    """A small box of choices."""
    box = QComboBox(accessibleName=name)
    box.addItems(list(texts))
    return box


pages: Registry[Callable[[Desk], Page]] = Registry(
    "reading", "circuitviz.panels.readings", "circuitviz.readings"
)
"""Registered with ``title`` and ``order``."""

__all__ = ["Page", "Plotted", "choice", "pages"]
