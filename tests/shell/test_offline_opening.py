"""Looking at a file never touches the network: the window says which model it was made with, and offers it."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants
from opening import LONG, open_in, save_in
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from screenshots import shoot
from slow_path import DEMO

from circuitviz.discovery import discover
from circuitviz.document import Document, Label, PromptOrigin, State, set_label
from circuitviz.document.attribution_query import HIERARCHICAL_ATTRIBUTION, AttributionQuery
from circuitviz.formats import open_document, save_document
from circuitviz.graph import Graph, Node, NodeKind, Scores
from circuitviz.models import load_model
from circuitviz.shell.main_window import MainWindow
from circuitviz.tasks import load_task
from circuitviz.workbench.record_origin import select_circuit

NAME = "somebody/small-model"


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every attempt to reach another machine, which fails; the hub is thought to be there."""
    tried: list[str] = []

    def refused(*given: object, **_: object) -> None:
        tried.append(repr(given[-1] if given else ""))
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket.socket, "connect_ex", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return tried


@pytest.fixture
def hub_file(tmp_path: Path) -> Path:
    """A labelled circuit whose file says that its model has a Hugging Face name."""
    model = load_model("demo")
    task = load_task("ioi", model, prompts=8)
    scores = discover(model, task, "eap")
    state = select_circuit(model, task, scores, "logit-diff", "corrupted", "greedy", 40, 1.0)
    document = Document(replace(state, origin=replace(state.origin, model=NAME)))
    document.apply_command(set_label("a2.h6", Label("Name Mover")))
    save_document(document, tmp_path / "theirs.circuit")
    return tmp_path / "theirs.circuit"


def cache(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A cache in which the model lies as if it had been downloaded."""
    commit = "0" * 40
    there = folder / f"models--{NAME.replace('/', '--')}"
    snapshot = there / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for file in DEMO.iterdir():
        if file.is_file():
            (snapshot / file.name).symlink_to(file)
    (there / "refs").mkdir()
    (there / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(huggingface_hub.file_download.constants, "HF_HUB_CACHE", str(folder))


def test_a_file_of_a_hub_model_is_looked_at_and_changed_without_it(
    hub_file: Path,
    open_window,
    qtbot: QtBot,
    network: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    window: MainWindow = open_window()
    open_in(window, qtbot, hub_file)
    notice = window.notice_bar.model_notice
    qtbot.waitUntil(notice.isVisible, timeout=LONG)
    assert NAME in notice.text_label.text() and notice.action_button.text() == "Download…"
    shoot(window, "documents-model-to-download")
    assert len(window.view.circuit_scene.nodes) > 10 and window.panels["labels"].table_model.targets == [
        "a2.h6"
    ]
    for name in window.panels:
        window.dock_manager.bring_to_front(name)
        window.workspace.set_selection(frozenset({"a2.h6"}), frozenset())
    window.run_command("ablate")
    window.workspace.apply_command(set_label("a2.h6", Label("Induction")))
    assert save_in(window) and open_document(hub_file).state.labels["a2.h6"].text == "Induction"
    window.workspace.undo_stack.undo()
    qtbot.wait(100)
    assert window.workspace.opened_model is None and window.dialogs.failure_dialog is None and not network, (
        network
    )

    # downloading is asked for, and tells that there is no network
    qtbot.mouseClick(notice.action_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.dialogs.failure_dialog is not None, timeout=LONG)
    assert network and NAME in window.dialogs.failure_dialog.informativeText()
    window.dialogs.failure_dialog.close()


def test_a_model_that_was_downloaded_is_opened_from_this_computer(
    hub_file: Path,
    open_window,
    qtbot: QtBot,
    network: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache(monkeypatch, tmp_path / "cache")
    window: MainWindow = open_window()
    open_in(window, qtbot, hub_file)
    notice = window.notice_bar.model_notice
    qtbot.waitUntil(notice.isVisible, timeout=LONG)
    assert (
        notice.action_button.text() == "Open it from this computer" and window.workspace.opened_model is None
    )
    shoot(window, "documents-model-on-disk")
    qtbot.mouseClick(notice.action_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.workspace.document.evaluation is not None, timeout=LONG)
    assert window.workspace.opened_model.model == NAME and not notice.isVisible() and not network, network
    # once a person has opened it, its files open with it
    window.workspace.tab_controller.close(window.workspace.tabs.front)
    open_in(window, qtbot, hub_file)
    qtbot.waitUntil(lambda: window.workspace.opened_model is not None, timeout=LONG)
    assert not notice.isVisible() and not network


def test_dictionaries_with_a_hub_name_are_not_fetched_by_looking(
    open_window, qtbot: QtBot, network: list[str], tmp_path: Path
) -> None:
    """A file of a circuit of features that names the demo model, and dictionaries from the network."""
    model = load_model("demo")
    nodes = (
        Node("m0.f3@1", NodeKind.FEATURE, 0, site="m", position=1, feature=3),
        Node("logit.4@1", NodeKind.LOGITS, position=1, token=4),
    )
    graph = Graph.of_nodes(model.shape, nodes, np.array([[False, True]]))
    scores = Scores(graph, graph.mask * 1.0, HIERARCHICAL_ATTRIBUTION)
    task = load_task("ioi", model, prompts=2)
    where = select_circuit(
        model, task, discover(model, task, "eap"), "logit-diff", "corrupted", "greedy", 9, 1.0
    )
    folders = ("saelens:gpt2-small-hook-z-kk/blocks.1.hook_z",)
    query = AttributionQuery("demo", "So Mary said", "logit.4@1", dictionaries=folders)
    where = PromptOrigin(query, where.origin.weight_hash)
    save_document(Document(State(where, scores, scores.top(1))), tmp_path / "features.circuit")
    window: MainWindow = open_window()
    with qtbot.waitSignal(window.workspace.failure_reported, timeout=LONG):
        open_in(window, qtbot, tmp_path / "features.circuit")
    window.dialogs.failure_dialog.close()
    assert not network, network
