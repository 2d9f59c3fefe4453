"""Every button, tab, link and menu entry of the window is clicked with the mouse, and none raises anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from opening import LONG, measured, open_in
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QColor, QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QColorDialog,
    QDialog,
    QFileDialog,
    QInputDialog,
    QLabel,
    QMenu,
    QMessageBox,
    QPushButton,
    QTabBar,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shiboken6 import isValid
from stalls import Watch

from circuitviz.discovery import discover
from circuitviz.document import Document, Label, group_nodes, set_label
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.formats import save_document
from circuitviz.graph.traces import Trace, TraceExample, TraceSet
from circuitviz.models import load_model
from circuitviz.shell.main_window import MainWindow
from circuitviz.tasks import load_task
from circuitviz.workbench.record_origin import select_circuit
from circuitviz.workbench.requests.collect_traces import TraceCollection

LEFT = Qt.MouseButton.LeftButton
MOST = 400  # clicks in one state of the window; what opens something opens it once
LEAVING = {"Quit"}
FIRST_USE = 0.6  # seconds of what a first click may have to import

Click = tuple[str, Callable[[], None]]


class Person:
    """Clicks with the mouse and notes what raised an exception, by the name of what was clicked."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window, self.qtbot = window, qtbot
        self.clicked: dict[str, int] = {}
        self.wrong: list[str] = []

    def click(self, what: str, work: Callable[[], None]) -> None:
        with self.qtbot.capture_exceptions() as errors:
            work()
            QCoreApplication.processEvents()
            close_dialogs()
            QCoreApplication.processEvents()
        self.clicked[what] = self.clicked.get(what, 0) + 1
        self.wrong += [f"{what}: {kind.__name__}: {error}" for kind, error, _ in errors]
        self.window.workspace.cancel_jobs()

    def click_everything_in(self, place: QWidget, title: str) -> None:
        """Each of its buttons, tabs and links once, also those that a click brings into sight."""
        done: set[str] = set()
        for _ in range(MOST):
            new = next((each for each in self._clickable(place, title) if each[0] not in done), None)
            if new is None:
                return
            done.add(new[0])
            self.click(*new)
        raise AssertionError(f"{title} has no end of buttons")

    def _clickable(self, place: QWidget, title: str) -> Iterator[Click]:
        for button in place.findChildren(QAbstractButton):
            if button.isVisible() and button.isEnabled() and button.rect().isValid():
                menu = button.menu() if isinstance(button, QPushButton | QToolButton) else None
                if menu is None:
                    yield f"{title}: {named(button)}", self._on(button)
                    continue
                menu.aboutToShow.emit()
                for entry in menu.actions():
                    if entry.isEnabled() and not entry.isSeparator():
                        yield f"{title}: {named(button)} > {entry.text()}", self._in_menu(menu, entry.text())
        for bar in place.findChildren(QTabBar):
            for i in range(bar.count()):
                if bar.isVisible() and bar.isTabVisible(i) and bar.isTabEnabled(i):
                    yield f"{title}: tab {bar.tabText(i)}", self._on(bar, bar.tabRect(i).center())
        for label in place.findChildren(QLabel):
            if label.isVisible() and "href" in label.text():
                for at in link_places(label):
                    yield f"{title}: link {label.text()[:40]} {at.x()},{at.y()}", self._on(label, at)

    def _on(self, widget: QWidget, at: QPoint | None = None) -> Callable[[], None]:
        place = widget.rect().center() if at is None else at
        return lambda: QtBot.mouseClick(widget, LEFT, Qt.KeyboardModifier.NoModifier, place)

    def _in_menu(self, menu: QMenu, text: str) -> Callable[[], None]:
        def click() -> None:
            menu.popup(
                menu.parentWidget().mapToGlobal(QPoint())
            )  # a button's own click waits for the menu's end
            entry = next(
                entry for entry in menu.actions() if entry.text() == text
            )  # some are made at each show
            QtBot.mouseClick(menu, LEFT, Qt.KeyboardModifier.NoModifier, menu.actionGeometry(entry).center())

        return click

    def click_menus(self) -> None:
        """Every entry of the menu bar, through its menu."""
        bar = self.window.menuBar()
        for top in bar.actions():
            menu = top.menu()
            assert isinstance(menu, QMenu)
            for way in self._entries(menu, [top.text()]):
                self.click(f"menu {' > '.join(way)}", lambda way=way: self._through(way))

    def _entries(self, menu: QMenu, way: list[str]) -> Iterator[list[str]]:
        menu.aboutToShow.emit()
        for entry in list(menu.actions()):
            if not isValid(entry):  # of recent files: what was opened from here made the list anew
                continue
            if entry.isSeparator() or not entry.isEnabled() or entry.text() in LEAVING:
                continue
            below = entry.menu()
            if isinstance(below, QMenu):
                yield from self._entries(below, [*way, entry.text()])
            else:
                yield [*way, entry.text()]

    def _through(self, way: list[str]) -> None:
        bar = self.window.menuBar()
        top = next(entry for entry in bar.actions() if entry.text() == way[0])
        QTest.mouseClick(bar, LEFT, Qt.KeyboardModifier.NoModifier, bar.actionGeometry(top).center())
        menu = top.menu()
        for step in way[1:]:
            assert isinstance(menu, QMenu)
            entry = next((entry for entry in menu.actions() if entry.text() == step), None)
            if entry is None or not entry.isEnabled():  # what was clicked before took its reason away
                menu.close()
                return
            QtBot.mouseClick(menu, LEFT, Qt.KeyboardModifier.NoModifier, menu.actionGeometry(entry).center())
            menu = entry.menu()


def named(button: QAbstractButton) -> str:
    """What a person would call a button, with where it stands among its like."""
    said = button.text() or button.accessibleName() or button.toolTip() or type(button).__name__
    same = [b for b in button.parentWidget().findChildren(type(button)) if b.text() == button.text()]
    return f"{said} ({same.index(button)})" if len(same) > 1 else said


def link_places(label: QLabel) -> list[QPoint]:
    """Points on a label's links, by looking at what the mouse would be over."""
    found: dict[str, QPoint] = {}
    over: list[str] = []
    label.linkHovered.connect(over.append)
    for y in range(4, label.height(), 8):
        for x in range(4, label.width(), 8):
            QTest.mouseMove(label, QPoint(x, y))
            if over and over[-1]:
                found.setdefault(over[-1], QPoint(x, y))
    label.linkHovered.disconnect(over.append)
    return list(found.values())


def close_dialogs() -> None:
    """Close what a click opened; a dialog or menu that runs its own loop is closed from inside it."""
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QDialog) and widget.isVisible():
            widget.reject()
    while (popup := QApplication.activePopupWidget()) is not None:
        popup.close()


@pytest.fixture
def person(open_window, qtbot: QtBot, steady: Watch, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """In a window whose platform dialogs answer at once: no file, no colour, nothing typed."""
    for name in ("getOpenFileName", "getSaveFileName", "getOpenFileNames"):
        monkeypatch.setattr(QFileDialog, name, lambda *_a, **_k: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_a, **_k: "")
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_a, **_k: QColor())
    monkeypatch.setattr(QInputDialog, "getText", lambda *_a, **_k: ("", False))
    monkeypatch.setattr(QMessageBox, "question", lambda *_a, **_k: QMessageBox.StandardButton.Cancel)
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: True)
    steady.longest = FIRST_USE
    window: MainWindow = open_window()
    closer = QTimer(window, interval=30)
    closer.timeout.connect(close_dialogs)
    closer.start()
    yield Person(window, qtbot)
    closer.stop()
    steady.rest()


def traces() -> dict[str, dict[str, object]]:
    """Three examples of a feature, as a document keeps them."""
    made = []
    for at in range(3):
        sites = {site: np.random.default_rng(at).normal(size=6) for site in ("m0", "a1")}
        example = TraceExample(tuple(range(5, 11)), 4, 1.0 + at)
        made.append(Trace(example, ("So", " Mary", " said", " that", " she", " ran"), _vectors(sites)))
    kept = TraceCollection(TraceSet("m3.f15", tuple(made)), "made here", "demo", (), 40)
    return {kept.label: kept.as_dict()}


def _vectors(sites: dict[str, np.ndarray]) -> dict[str, dict[int, float]]:
    return {site: dict(enumerate(map(float, values))) for site, values in sites.items()}


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A circuit of the demo model with labels, a group, traces, an edge's and a class's label."""
    model = load_model("demo")
    task = load_task("ioi", model, prompts=8)
    scores = discover(model, task, "eap")
    document = Document(select_circuit(model, task, scores, "logit-diff", "corrupted", "greedy", 40, 1.0))
    circuit = document.state.circuit
    assert circuit is not None
    heads = [name for name in circuit.node_names if name.startswith("a")]
    document.apply_command(set_label(heads[0], Label("Name Mover", note="a note")))
    document.apply_command(set_label(circuit.edge_names[0], Label("carries")))
    document.apply_command(set_label("class:Name Mover", Label("Name Mover")))
    document.apply_command(group_nodes("Late", heads[:2]))
    document.measures["traces"] = {"key": "", "options": {}, "result": traces(), "done": True}
    save_document(document, tmp_path / "full.circuit")
    return tmp_path / "full.circuit"


@pytest.mark.stalls
def test_every_button_tab_link_and_menu_entry_can_be_clicked(
    full: Path, person: Person, qtbot: QtBot
) -> None:
    window = person.window
    open_in(window, qtbot, full)
    qtbot.waitUntil(lambda: measured(window), timeout=LONG)
    window.workspace.comparison.add_open_circuit()
    head = next(n.name for n in window.view.circuit_scene.nodes if n.kind == "head")
    for name, panel in window.panels.items():
        window.workspace.set_selection(frozenset({head}), frozenset())
        window.dock_manager.bring_to_front(name)
        person.click_everything_in(panel, window.docks[name].windowTitle())
    for bar in [child for child in window.children() if isinstance(child, QTabBar)]:
        for i in range(bar.count()):
            if isValid(bar) and i < bar.count():
                text, rect = bar.tabText(i), bar.tabRect(i)
                person.click(f"dock tab {text}", person._on(bar, rect.center()))
    person.click_everything_in(window.menus.toolbar, "toolbar")
    person.click_everything_in(window.statusBar(), "status bar")
    window.workspace.set_selection(frozenset({head}), frozenset())
    person.click_menus()
    window.run_command("new")
    person.click_everything_in(window.start_page, "start page")

    assert not person.wrong, "\n".join(person.wrong)
    names = set(person.clicked)
    for page in ("Scatter", "Similarity", "Components", "Recurring"):
        assert any(name.startswith(f"Traces: {page}") for name in names), (page, sorted(names))
    for entry in ("> Open dictionaries…", "> Import labels…", "> Colour…"):
        assert any(entry in name for name in names), (entry, sorted(names))
    assert len(names) > 150, sorted(names)


@pytest.mark.stalls
def test_the_buttons_of_a_circuit_of_features_can_be_clicked(person: Person, qtbot: QtBot) -> None:
    window = person.window
    window.workspace.prompt_circuits.submit_query(
        AttributionQuery(
            "demo", "Then, Betty and Ian went to the park. Betty gave a book to", " Ian", nodes=30
        )
    )
    qtbot.waitUntil(lambda: window.workspace.prompt_circuits.query is not None, timeout=LONG)
    qtbot.waitUntil(lambda: window.workspace.document.evaluation is not None, timeout=LONG)
    names = window.workspace.document.state.circuit.node_names
    feature = next(name for name in names if ".f" in name)
    for name in ("features", "feature-circuit", "inspector", "ablation", "labels", "readings"):
        window.workspace.set_selection(frozenset({feature}), frozenset())
        window.dock_manager.bring_to_front(name)
        person.click_everything_in(window.panels[name], window.docks[name].windowTitle())
    assert not person.wrong, "\n".join(person.wrong)
    assert person.clicked
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
