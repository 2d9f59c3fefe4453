"""Text that is not ours is plain text everywhere: no widget renders it, and no file that it names is opened.

Documents in which every text field holds markup are shown in the real window, with every panel, tooltip and
dialog. What is looked at is every widget and graphics item that there is, so new ones are looked at too.
"""

from __future__ import annotations

import ast
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opening import LONG, open_in, save_in
from PySide6.QtCore import QAbstractListModel, QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QHelpEvent, QImage, QKeySequence, QTextDocument
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QGraphicsTextItem,
    QGraphicsView,
    QGroupBox,
    QHeaderView,
    QLabel,
    QMenu,
    QMessageBox,
    QTabBar,
    QTextEdit,
    QToolTip,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

import circuitviz
from circuitviz.canvas.stylesheet import PLAIN_TEXT_RULES
from circuitviz.document import Document, Evidence, Label, State
from circuitviz.document.attribution_query import ATTRIBUTION_GRAPH, AttributionQuery
from circuitviz.document.groups import Group
from circuitviz.document.labels import ClaimOutcome, EvidenceContext
from circuitviz.document.origin import PromptOrigin, TaskOrigin
from circuitviz.features.dashboards import NeighbourFeature, TokenEffect
from circuitviz.features.dashboards.feature_index import DashboardExample, FeatureRow, FeatureStatistics
from circuitviz.features.explanations import Explanation
from circuitviz.formats.autosave import RecoveredWork
from circuitviz.graph import Circuit, Graph, Intervention, ModelShape, Node, NodeKind, Scores
from circuitviz.panels.features.dashboard_view import DashboardView
from circuitviz.panels.labels.claim_dialog import ClaimDialog
from circuitviz.shell.about_dialog import AboutDialog
from circuitviz.shell.crash_recovery import RecoveryDialog
from circuitviz.shell.main_window import MainWindow
from circuitviz.workbench.requests.feature_dashboards import FeatureDashboard
from circuitviz.workbench.requests.messages import JobFailed
from circuitviz.workspace.plain_text import MarkupLabel
from circuitviz.workspace.workspace import Workspace

TOKENS = ["<s>", "<b>", "<|endoftext|>", " a&b"]


class Opened:
    """Which files of a folder were opened, by whomever (Linux: inotify)."""

    OPEN = 0x20

    def __init__(self, folder: Path) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.notices = self.libc.inotify_init1(os.O_NONBLOCK)
        assert self.libc.inotify_add_watch(self.notices, os.fsencode(folder), self.OPEN) >= 0

    def any(self) -> bool:
        """Whether one was, since it was last asked."""
        try:
            return bool(os.read(self.notices, 65536))
        except BlockingIOError:
            return False


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[str]:
    """Markup that draws a file; fails a test in which that file was opened."""
    folder = tmp_path / "probe"
    folder.mkdir()
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    probe = folder / "probe.png"
    assert image.save(str(probe))
    if sys.platform != "linux":
        yield f'<b>x</b><img src="{probe}">&y'
        return
    watch = Opened(folder)
    document = QTextDocument()  # the watch would see it
    document.setHtml(f'<img src="{probe}">')
    document.size()
    assert watch.any()
    yield f'<b>x</b><img src="{probe}">&y'
    assert not watch.any(), "a file that a text names was opened"
    os.close(watch.notices)


def renders(document: QTextDocument) -> str:
    """What is wrong with a document of markup: markup that is not ours is no text in it, but an image."""
    source, plain = document.toHtml(), document.toPlainText()
    if "\ufffc" in plain or "<img" in source:
        return f"an image in {plain!r}"
    return f"rendered: {plain!r}" if "probe.png" in source and '<img src="' not in plain else ""


def faults(widget: QWidget) -> Iterator[str]:
    """What of a widget shows text as anything but plain text, or could."""
    if isinstance(widget, QLabel):
        widget.ensurePolished()  # as its first size hint does: one that is made just now has no style yet
        if isinstance(widget, MarkupLabel):
            document = QTextDocument()
            document.setHtml(widget.text())
            yield renders(document)
        elif widget.textFormat() is not Qt.TextFormat.PlainText:
            yield f"{widget.textFormat()} of {widget.text()!r}"
    if isinstance(widget, QTextEdit):
        yield renders(widget.document())
    if isinstance(widget, QGraphicsView) and widget.scene() is not None:
        for item in widget.scene().items():
            if isinstance(item, QGraphicsTextItem):
                yield renders(item.document())
    texts: list[str] = [action.text() for action in widget.actions()]
    if isinstance(widget, QAbstractButton):
        texts.append(widget.text())
    if isinstance(widget, QTabBar):
        texts += [widget.tabText(i) for i in range(widget.count())]
    if isinstance(widget, QGroupBox):
        texts.append(widget.title())
    for text in texts:
        if "probe" in text and not QKeySequence.mnemonic(text).isEmpty():
            yield f"a mnemonic in {text!r}"


def look(window: MainWindow) -> None:
    """Look at all widgets, of this window and whatever else is there."""
    QApplication.processEvents()
    shown = {window, *(top for top in QApplication.topLevelWidgets() if top.isVisible())}
    found = [
        f"{type(widget).__name__} {widget.objectName()!r} ({widget.accessibleName()}): {fault}"
        for top in shown  # not allWidgets(): windows of earlier tests may still be on their way out
        for widget in (top, *top.findChildren(QWidget))
        for fault in faults(widget)
        if fault
    ]
    assert not found, "\n".join(found)


def tip_of() -> QLabel | None:
    """The tooltip that is shown."""
    shown = [w for w in QApplication.topLevelWidgets() if w.metaObject().className() == "QTipLabel"]
    labels = [w for w in shown if isinstance(w, QLabel) and w.isVisible()]
    return labels[0] if labels else None


def point(widget: QWidget, at: QPoint) -> str:
    """Raise the tooltip of a place; its text."""
    QToolTip.hideText()
    QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, at, widget.mapToGlobal(at)))
    tip = tip_of()
    if tip is None:
        return ""
    assert tip.textFormat() is Qt.TextFormat.PlainText, tip.text()
    return tip.text()


def raise_tooltips(window: MainWindow) -> set[str]:
    """Point at every widget, cell and heading that has a tooltip, and at the canvas; the tooltips' texts."""
    texts = set()
    for widget in window.findChildren(QWidget):
        if not isValid(widget):  # of a dialog that has been closed
            continue
        if widget.toolTip():
            texts.add(point(widget, QPoint(2, 2)))
        if not isinstance(widget, QAbstractItemView) or not widget.isVisible() or widget.model() is None:
            continue
        model, role = widget.model(), Qt.ItemDataRole.ToolTipRole
        if isinstance(widget, QHeaderView):
            for i in range(widget.count()):
                if model.headerData(i, widget.orientation(), role):
                    texts.add(point(widget.viewport(), QPoint(widget.sectionViewportPosition(i) + 3, 3)))
            continue
        for row in range(min(40, model.rowCount())):
            for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount()):
                index = model.index(row, column)
                if index.data(role):
                    widget.scrollTo(index)
                    texts.add(point(widget.viewport(), widget.visualRect(index).center()))
    view = window.view
    for node in view.circuit_scene.nodes[:40]:
        for gesture in view._gestures:
            gesture.pointer_moved(view.viewport_position(node.name))
        if (tip := tip_of()) is not None:
            assert tip.textFormat() is Qt.TextFormat.PlainText
            texts.add(tip.text())
    QToolTip.hideText()
    return texts


def show_everything(window: MainWindow) -> set[str]:
    """Bring every panel forward and look at it, with a node, an edge and several nodes selected."""
    circuit = window.workspace.state.circuit
    assert circuit is not None
    texts: set[str] = set()
    inner = [name for name in circuit.node_names if name in window.workspace.state.labels]
    window.workspace.set_selection(frozenset(inner[:1]), frozenset())
    for name in window.docks:
        window.dock_manager.bring_to_front(name)
        QApplication.processEvents()
        for bar in window.panels[name].findChildren(QTabBar):
            for i in range(bar.count()):
                bar.setCurrentIndex(i)
                QApplication.processEvents()
    look(window)
    texts |= raise_tooltips(window)
    for nodes, edges in ((inner, ()), ((), circuit.edge_names[:1])):
        window.workspace.set_selection(frozenset(nodes), frozenset(edges))
        look(window)
    for menu in window.findChildren(QMenu):
        menu.aboutToShow.emit()
    look(window)
    return texts


def filled(kind: type, mark: str, **given: Any) -> Any:
    """A value whose every text is the mark, but for what is given."""
    return kind(**{field.name: mark for field in fields(kind) if field.type in ("str", str)} | given)


def heads(mark: str) -> Document:
    """A circuit of heads about which everything that can be said is said in markup."""
    graph = Graph.transformer(ModelShape(4, 6, 96))
    scores = Scores(graph, np.random.default_rng(8).normal(size=graph.mask.shape), "eap")
    circuit = scores.greedy(70)
    nodes = [name for name in circuit.node_names if name.startswith("a")]
    pairs = ((mark, mark, (mark,), (mark,)),)
    where = filled(TaskOrigin, mark, pairs=pairs, method="eap", prompts=1, options={"steps": mark})
    ran = filled(
        ClaimOutcome,
        mark,
        verdict="holds",
        effect=0.4,
        low=0.3,
        high=0.5,
        prompts=8,
        seed=0,
        basis=EvidenceContext(),
    )
    evidence = tuple(
        replace(Evidence(mark, "ablation", {"note": mark}), outcome=each) for each in (None, ran)
    )
    label = filled(Label, mark, colour="#aa3300", evidence=evidence, extra={mark: mark})
    parts = [*nodes[:3], circuit.edge_names[0], f"group:{mark}", f"class:{mark}"]
    made = Document(
        State(
            where,
            scores,
            circuit,
            ablated_nodes=frozenset(nodes[4:5]),
            interventions={nodes[3]: Intervention("zero")},
            labels=dict.fromkeys(parts, label),
            groups={
                mark: Group(frozenset(nodes[:2]), collapsed=True),
                f"{mark}2": Group(frozenset(nodes[5:7])),
            },
        )
    )
    made.extra[mark] = mark
    return made


def features(mark: str) -> Document:
    """A circuit of a prompt whose tokens, targets and labels are markup."""
    nodes = [Node(f"token@{t}", NodeKind.TOKEN, position=t, token=t) for t in range(4)]
    nodes += [Node(f"m0.f{t}@{t}", NodeKind.FEATURE, 0, site="m", position=t, feature=t) for t in range(4)]
    nodes.append(Node("logit.7@3", NodeKind.LOGITS, position=3, token=7))
    mask = np.zeros((8, 9), bool)
    mask[:4, 4:8] = np.triu(np.ones((4, 4), bool))
    mask[4:, 8] = True
    graph = Graph.of_nodes(ModelShape(1, 2, 16), tuple(nodes), mask)
    strings = [mark, *TOKENS[1:]]
    info = {
        "prompt": {"strings": strings, "text": mark, "ids": [0, 1, 2, 3]},
        "shown": {"logit.7@3": mark},
        "targets": {"logit.7@3": 1.0},
        "target": "logit.7@3",
        "activations": {"m0.f1@1": 1.0},
    }
    scores = Scores(graph, np.full(graph.mask.shape, 0.5), "attribution-graph", info=info)
    where = filled(PromptOrigin, mark, query=AttributionQuery(mark, mark, mark, ATTRIBUTION_GRAPH, nodes=9))
    label = filled(Label, mark, colour="#aa3300")
    labels = dict.fromkeys(["token@0", "m0.f1@1", "logit.7@3"], label)
    return Document(State(where, scores, Circuit.full(graph), labels=labels))


@pytest.mark.parametrize("build", [heads, features])
def test_markup_in_a_document_is_shown_as_it_is_written(
    open_window: Callable[[], MainWindow],
    qtbot: QtBot,
    tmp_path: Path,
    marked: str,
    build: Callable[[str], Document],
) -> None:
    window = open_window()
    window.workspace.set_document(build(marked))
    if build is features:
        window.layout_controller.choose_layout("tokens")
    qtbot.waitUntil(lambda: not window.canvas_updater.is_pending, timeout=LONG)
    texts = show_everything(window)
    assert any(marked in text for text in texts), "no tooltip held what was to be looked at"
    named = tmp_path / f"{marked.partition('<img')[0].replace('/', '')}.circuit"
    assert save_in(window, named)
    window.workspace.tab_controller.close(window.workspace.tabs.front)  # an open file would only come forward
    open_in(window, qtbot, named)
    assert window.workspace.state.labels
    look(window)


def dialogs(window: MainWindow, mark: str) -> Iterator[Callable[[], object]]:
    """Every dialog that says something of what is open, or of what went wrong."""
    desk = window.workspace
    yield lambda: window.dialogs.show_failure(JobFailed(mark, mark, mark, is_internal_error=True))
    yield lambda: window.file_controller.file_lock.offer_copy(Path(mark))
    yield window.file_controller.show_export_dialog
    yield lambda: window.dialogs.show_only_dialog(AboutDialog(window))
    claims = {"answer": (mark, ())}
    yield lambda: window.dialogs.show_only_dialog(ClaimDialog(claims, mark, window, window.settings))
    left = RecoveredWork(Path(mark), Path(mark), mark, mark)
    yield lambda: window.dialogs.show_only_dialog(RecoveryDialog(window, lambda _chosen: None, [left]))
    yield lambda: desk.post_message(mark)
    yield lambda: window.drop_handler.overlay.setText(mark)
    yield lambda: QTimer.singleShot(
        0, lambda: QMessageBox.question(window, mark, mark, QMessageBox.StandardButton.Cancel)
    )


def test_markup_in_a_dialog_is_shown_as_it_is_written(
    open_window: Callable[[], MainWindow], qtbot: QtBot, marked: str
) -> None:
    window = open_window()
    window.workspace.set_document(heads(marked))
    for raise_dialog in dialogs(window, marked):
        raised: list[None] = []

        def inspect(raised: list[None] = raised) -> None:
            try:
                look(window)
                raise_tooltips(window)
            finally:
                raised.append(None)
                if (modal := QApplication.activeModalWidget()) is not None:
                    modal.close()

        QTimer.singleShot(150, inspect)
        raise_dialog()
        qtbot.waitUntil(lambda raised=raised: bool(raised), timeout=LONG)


def test_a_dashboard_shows_tokens_and_explanations_as_they_are(qtbot: QtBot, marked: str) -> None:
    row = FeatureRow(3, 0.1, 2.0, 1.0)
    examples = (DashboardExample(0, 1, 0, (5, 6, 7), (0.0, 2.0, 0.5)),)
    effects = tuple(TokenEffect(text, 1.0) for text in (marked, *TOKENS))
    found = FeatureDashboard(
        "m0", 3, FeatureStatistics("m0", row, 3, 2.0, (1, 2), examples), ((marked, *TOKENS[:2]),), ((marked, ()),),
        effects, effects, effects, (NeighbourFeature(4, 0.5),), (NeighbourFeature(4, 0.5),),
    )  # fmt: skip
    said = Explanation("m0", 3, marked, marked, f"https://example.org/{marked}")
    view = DashboardView(Workspace())
    qtbot.addWidget(view)
    view.setStyleSheet(PLAIN_TEXT_RULES)
    view.show_feature(found, {4: said}, [said], (marked,))
    view.show()
    QApplication.processEvents()
    wrong = [fault for widget in [view, *view.findChildren(QWidget)] for fault in faults(widget) if fault]
    assert not wrong
    shown = view.examples_view.toPlainText()
    assert marked in shown and "<s>" in shown and "<b>" in shown
    assert all(token.strip() in view.effects_view.toPlainText() for token in TOKENS)


def test_no_other_label_than_markup_label_is_given_markup() -> None:
    """What Qt would render without being asked is asked for nowhere but where text is escaped."""
    allowed = {
        "QTextBrowser": {
            "panels/features/dashboard_view.py",
            "panels/steering/panel.py",
            "shell/help_viewer.py",  # pages that ship
        },
        "setHtml": {"panels/features/dashboard_view.py", "panels/steering/panel.py"},
    }
    allowed |= {"MarkupLabel": {"panels/features/dashboard_view.py", "panels/compare/parts_page.py"}}
    refused = {"QErrorMessage", "QTextEdit", "insertHtml", "RichText", "AutoText", "MarkdownText"}
    root = Path(circuitviz.__file__).parent
    found: dict[str, set[str]] = {}
    for path in sorted(root.rglob("*.py")):
        where = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            used = node.func if isinstance(node, ast.Call) else node
            name = getattr(used, "attr", getattr(used, "id", ""))
            if name in refused or (name in allowed and isinstance(node, ast.Call)):
                found.setdefault(name, set()).add(where)
    assert found == allowed
