"""A thousand random actions: no exception, nothing left behind, and undo back to the first state."""

from __future__ import annotations

import gc
import random
import re
import threading
from collections import Counter
from pathlib import Path

import pytest
from opening import LONG, open_in
from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QColorDialog, QDialog, QFileDialog, QInputDialog, QMessageBox
from pytestqt.qtbot import QtBot
from stalls import LONGEST, Watch

from circuitviz.commands import commands
from circuitviz.discovery import discover
from circuitviz.document import Document, Label, move_nodes, set_label
from circuitviz.formats import save_document
from circuitviz.models import load_model
from circuitviz.shell.main_window import MainWindow
from circuitviz.tasks import load_task
from circuitviz.workbench.record_origin import select_circuit
from circuitviz.workspace.tabs import DocumentTab

MANY = 1000
FIRST_USE = 0.600  # seconds of what an action may have to import
MANY_RESTYLES = 3  # of each: a style sheet for two thousand widgets, as much work as twenty other actions
LEAVING = {"quit", "close-tab"}  # end the window, or leave what is looked at
KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Escape, Qt.Key.Key_Tab)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform's own dialogs answer at once: no file, no colour, nothing typed."""
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *a, **k: ("", ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *a, **k: ([], ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: "")
    monkeypatch.setattr(QColorDialog, "getColor", lambda *a, **k: QColor())
    for name in ("getText", "getItem", "getMultiLineText"):
        monkeypatch.setattr(QInputDialog, name, lambda *a, **k: ("random", True))
    monkeypatch.setattr(QMessageBox, "question", lambda *a, **k: QMessageBox.StandardButton.Cancel)


def small_document(path: Path) -> None:
    """A circuit of the demo model, found outside the window."""
    model = load_model("demo")
    task = load_task("ioi", model, prompts=8)
    scores = discover(model, task, "eap")
    save_document(
        Document(select_circuit(model, task, scores, "logit-diff", "corrupted", "greedy", 40, 1.0)), path
    )


def close_dialogs() -> int:
    """Close what an action opened; a dialog that runs its own loop is closed from inside it."""
    seen = 0
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QDialog) and widget.isVisible():
            widget.reject()
            seen += 1
    for _ in range(3):
        if (popup := QApplication.activePopupWidget()) is not None:
            popup.close()
    return seen


def settle() -> None:
    """Let everything go that wants to."""
    for _ in range(5):
        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()


def census() -> Counter[str]:
    """Widgets by class."""
    return Counter(type(widget).__name__ for widget in QApplication.allWidgets())


def running_timers(window: MainWindow) -> int:
    return sum(timer.isActive() for timer in window.findChildren(QTimer))


def is_restyle(name: str) -> bool:
    """Whether a command sets one style sheet for all widgets: 0.12 s on an idle machine."""
    return name.startswith("theme")


def random_step(
    window: MainWindow, qtbot: QtBot, dice: random.Random, watch: Watch, done: Counter[str]
) -> str:
    """One thing that a person could do: select, move, label, press a key, or take an action from the table."""
    nodes, edges = (
        sorted(window.view.circuit_scene.by_name),
        [e.name for e in window.view.circuit_scene.edges],
    )
    what = dice.random()
    if what < 0.30 and nodes:
        picked = frozenset(dice.sample(nodes, min(len(nodes), dice.randrange(4))))
        some = frozenset(dice.sample(edges, min(len(edges), dice.randrange(3))))
        watch.timed("select", lambda: window.workspace.set_selection(picked, some))
        return "select"
    if what < 0.34 and nodes:
        place = {dice.choice(nodes): (dice.uniform(-300, 300), dice.uniform(0, 400))}
        watch.timed("move", lambda: window.workspace.apply_command(move_nodes(place)))
        return "move"
    if what < 0.38 and nodes:
        label = Label(dice.choice(("Name Mover", "S-Inhibition", "Induction")))
        watch.timed("label", lambda: window.workspace.apply_command(set_label(dice.choice(nodes), label)))
        return "label"
    if what < 0.44:
        key = dice.choice(KEYS)
        qtbot.keyClick(window.view, key)
        return f"key {key.name}"
    spent = {name for name in commands.names() if is_restyle(name) and done[name] >= MANY_RESTYLES}
    possible = [
        name
        for name in commands.names()
        if name not in LEAVING and window.menus.actions[name].isEnabled() and name not in spent
    ]
    undoing = [name for name in ("undo", "redo") if window.menus.actions[name].isEnabled()]
    new = [name for name in possible if not done[name]]  # so that all have their turn
    name = dice.choice(new if new and dice.random() < 0.2 else [*possible, *undoing])
    longest = FIRST_USE if is_restyle(name) or not done[name] else LONGEST  # a first use imports
    watch.timed(name, window.menus.actions[name].trigger, longest)
    return name


@pytest.mark.long
@pytest.mark.stalls
def test_a_thousand_random_actions(
    open_window, qtbot: QtBot, tmp_path: Path, answered: None, steady: Watch
) -> None:
    small_document(tmp_path / "start.circuit")
    window: MainWindow = open_window()
    open_in(window, qtbot, tmp_path / "start.circuit")
    qtbot.waitUntil(lambda: window.workspace.opened_model is not None, timeout=LONG)
    qtbot.waitUntil(lambda: window.workspace.document.evaluation is not None, timeout=LONG)
    form = window.panels["discovery"]
    form.prompts_field.setValue(4)
    form.method_box.setCurrentText("eap")
    form.edges_field.setValue(30)
    failures: list[object] = []
    window.workspace.failure_reported.connect(failures.append)
    closer = QTimer(window, interval=20)
    closer.timeout.connect(close_dialogs)
    closer.start()
    steady.longest = FIRST_USE  # after many actions at once, what they left to Qt comes at once
    first, first_tab = window.workspace.document.state.hash, window.workspace.tabs.front
    dice, done = random.Random(20261121), Counter[str]()

    def some(number: int) -> None:
        for i in range(number):
            done[random_step(window, qtbot, dice, steady, done)] += 1
            if close_dialogs() or i % 5 == 0:
                QCoreApplication.processEvents()
                QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    some(MANY // 4)  # whatever is made once and kept is made by now
    _rest(window, qtbot)
    leave_one_tab(window, first_tab)
    widgets, timers, threads = census(), running_timers(window), thread_names()
    threads["autosave"] = 2  # of the document and of a search, each from its first use on
    some(MANY - MANY // 4)
    _rest(window, qtbot)
    assert not failures, failures
    tried = {name for name in done if name in commands.names()}
    assert len(tried) >= 0.85 * len(commands.names()), (
        set(commands.names()) - tried
    )  # some need what chance seldom brings

    for tab in window.workspace.tabs.tabs:
        window.workspace.tab_controller.show(tab)
        stack = tab.undo_stack
        stack.setIndex(0)
        begun = window.workspace.document.state.hash
        stack.setIndex(stack.count())
        stack.setIndex(0)
        assert window.workspace.document.state.hash == begun
        assert tab is not first_tab or begun == first
    leave_one_tab(window, first_tab)
    stack = window.workspace.undo_stack
    stack.setIndex(0)  # an answer that waited until its tab is in front may have come as one more step
    late = [stack.text(i) for i in range(stack.count())]
    assert window.workspace.document.state.hash == first, (stack.index(), late)

    _rest(window, qtbot)
    closer.stop()
    grown = {kind: count - widgets[kind] for kind, count in census().items() if count - widgets[kind] > 25}
    assert not grown, grown  # lists follow the selection; what leaks grows with the actions
    assert running_timers(window) <= timers + 1
    assert not thread_names() - threads, threading.enumerate()


def leave_one_tab(window: MainWindow, kept: DocumentTab) -> None:
    """Close all other tabs, with what is in them."""
    window.workspace.tab_controller.show(kept)
    for tab in [tab for tab in window.workspace.tabs.tabs if tab is not kept]:
        window.workspace.tab_controller.close(tab)
    settle()


def thread_names() -> Counter[str]:
    """How many threads of each name there are; Qt's, known to Python by their first call, are numbered."""
    return Counter(re.sub(r"-\d+", "", thread.name) for thread in threading.enumerate())


def _rest(window: MainWindow, qtbot: QtBot) -> None:
    """Until nothing runs: typed text taken over, the worker idle, all dialogs closed, deleted things gone."""
    window.workspace.commit_input_requested.emit()  # what was typed into the notes is not in them yet
    window.workspace.cancel_jobs()
    for search in list(window.workspace.search_queue.searches):
        window.workspace.search_queue.cancel(search)
    qtbot.waitUntil(lambda: not window.workspace.search_queue.searches, timeout=LONG)
    window.workspace.set_selection(frozenset(), frozenset())
    qtbot.waitUntil(lambda: window.workspace.partial_result is None, timeout=LONG)
    qtbot.wait(300)
    close_dialogs()
    settle()
