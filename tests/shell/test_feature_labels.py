"""A feature of a feature circuit is labelled as any node, its claims are tested, and the verdicts are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from opening import export_in, open_in, save_in
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from screenshots import shoot

from circuitviz.__main__ import main
from circuitviz.evaluation.claims import ClaimSubject, claim_test_steps
from circuitviz.features import load_dictionaries
from circuitviz.formats import open_document
from circuitviz.models import load_model
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.shell.main_window import MainWindow

pytestmark = pytest.mark.usefixtures("little_text")
LONG = 90_000
PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local circuit of the demo, as the command line writes it."""
    path = tmp_path_factory.mktemp("local") / "local.circuit"
    asked = ["local-circuit", "--prompt", PROMPT, "--target", "a2.f719@16", "--nodes", "40", "-o", str(path)]
    assert main(asked) == 0
    return path


def features(path: Path) -> list[str]:
    """Two features of the circuit, strongest first."""
    state = open_document(path).state
    assert state.scores is not None and state.circuit is not None
    graph, strength = state.circuit.graph, state.scores.node_scores()
    named = [n for n in state.circuit.node_names if ".f" in n and n in graph.sender_index]
    return sorted(named, key=lambda n: -abs(strength[graph.sender_index[n]]))[:2]


def add_claim(window: MainWindow, qtbot: QtBot, test: str, name: str = "", **options: object) -> None:
    box = window.panels["labels"].evidence_box
    before = len(box.evidence)
    qtbot.waitUntil(box.add_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(box.add_button, Qt.MouseButton.LeftButton)
    dialog = box.claim_dialog
    assert [dialog.test_box.itemData(i) for i in range(dialog.test_box.count())] == [
        "activation",
        "feature-effect",
    ]
    dialog.test_box.setCurrentIndex(dialog.test_box.findData(test))
    for key, value in options.items():
        field = dialog.options_form.fields[key]
        setter = next(s for s in ("setCurrentText", "setValue", "setText") if hasattr(field, s))
        getattr(field, setter)(value)
    if name:
        shoot(window, name, dialog)
    qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(box.evidence) > before and box.evidence[-1].outcome is not None, timeout=LONG)


def test_two_features_with_evidence(open_window, qtbot: QtBot, local: Path, tmp_path: Path) -> None:
    window: MainWindow = open_window()
    open_in(window, qtbot, local)
    desk, panel = window.workspace, window.panels["labels"]
    qtbot.waitUntil(lambda: desk.opened_model is not None, timeout=LONG)
    window.dock_manager.bring_to_front("labels")
    for node, role in zip(features(local), ("name in the first clause", "second name"), strict=True):
        desk.set_selection(frozenset({node}), frozenset())
        panel.role_box.setCurrentText(role)
        qtbot.mouseClick(panel.label_button, Qt.MouseButton.LeftButton)
        assert window.view.circuit_scene.by_name[node].label == role
        add_claim(
            window, qtbot, "activation", "claim-of-a-feature", counterfactual="order-swapped", prompts=16
        )
    first = features(local)[0]
    labels = desk.document.state.labels
    found = labels[first].evidence[0].outcome
    model = load_model("demo")
    shelf = load_dictionaries([resource_path("demo", "dictionaries")], model)
    about = ClaimSubject(None, (first,), dictionaries=shelf, prompt_model=model)
    apart = run_to_completion(
        claim_test_steps("activation", about, counterfactual="order-swapped", prompts=16)
    )
    assert found.effect == pytest.approx(apart.effect.value, abs=1e-5)
    assert (found.verdict, found.prompts_hash) == (apart.verdict, apart.prompts_hash)
    shoot(window, "labels-of-features")

    # another threshold is another circuit: stale, and fresh again when it is taken back
    stale = lambda: labels[first].evidence[0].stale_parts(desk.document.state.evidence_context_of(first))  # noqa: E731
    assert stale() == ()
    tau = float(desk.document.state.scores.info["tau"])
    desk.prompt_circuits.change_threshold(tau * 2)
    qtbot.waitUntil(lambda: stale() == ("circuit",), timeout=LONG)
    desk.undo_stack.undo()
    assert stale() == ()

    # it is an ordinary label: saved, exported, tested again without a window
    path = tmp_path / "labelled.circuit"
    assert save_in(window, path)
    assert open_document(path).state.labels == labels
    desk.undo_stack.undo()
    desk.undo_stack.undo()
    assert len(desk.document.state.labels) == 1 or not desk.document.state.labels[features(local)[1]].evidence


def test_the_command_line_tests_features(
    local: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "local.circuit"
    path.write_bytes(local.read_bytes())
    node = features(local)[0]
    assert main(["label", "set", str(path), node, "a name"]) == 0
    base = ["label", "test", str(path), "--target", node, "--test"]
    assert (
        main([*base, "feature-effect", "--counterfactual", "ioi", "--prompts", "8", "--effect-on", "a2.f719"])
        == 0
    )
    capsys.readouterr()
    assert main([*base, "activation", "--counterfactual", "name-swapped", "--prompts", "8", "--json"]) == 0
    out, err = capsys.readouterr()
    (one,) = json.loads(out)
    assert one["test"] == "activation" and one["outcome"]["prompts"] == 8 and "other" not in err
    state = open_document(path).state
    assert [e.stale_parts(state.evidence_context_of(node)) for e in state.labels[node].evidence] == [(), ()]
    assert main([*base, "activation"]) == 2
    assert "one prompt without a counterfactual" in capsys.readouterr().err
    assert main([*base, "answer"]) == 2
    rows = tmp_path / "labels.jsonl"
    assert main(["label", "export", str(path), "-o", str(rows)]) == 0
    assert node in rows.read_text()


@pytest.mark.long
def test_words_for_a_feature_are_the_circuits_labels_and_are_offered_again(
    open_window, qtbot: QtBot, local: Path, tmp_path: Path
) -> None:
    window: MainWindow = open_window()
    open_in(window, qtbot, local)
    desk, panel, labels = window.workspace, window.panels["features"], window.panels["labels"]
    qtbot.waitUntil(lambda: desk.opened_model is not None, timeout=LONG)
    window.dock_manager.bring_to_front("features")
    qtbot.waitUntil(
        lambda: panel.dictionary_overview is not None and bool(panel.dictionary_overview.features_by_site),
        timeout=LONG,
    )
    node = features(local)[0]
    site, number = node.partition("@")[0].split(".f")

    def dashboard() -> None:
        desk.set_selection(frozenset({node}), frozenset())
        wanted = (site, int(number))

        def found():
            return panel.dashboard_view.dashboard and (
                panel.dashboard_view.dashboard.site,
                panel.dashboard_view.dashboard.feature,
            )

        qtbot.waitUntil(
            lambda: found() == wanted and node in panel.dashboard_view.circuit_nodes, timeout=LONG
        )

    def name(text: str) -> None:
        panel.dashboard_view.label_field.clear()
        qtbot.keyClicks(panel.dashboard_view.label_field, text)
        qtbot.keyClick(panel.dashboard_view.label_field, Qt.Key.Key_Return)

    dashboard()
    name("first name")
    state = desk.document.state
    nodes = [n for n in state.circuit.node_names if n.startswith(f"{site}.f{number}@")]
    assert {n: state.labels[n].text for n in nodes} == dict.fromkeys(nodes, "first name")
    assert window.view.circuit_scene.by_name[node].label == "first name"
    shoot(window, "feature-named")

    # one step of undo; the notebook keeps the word and offers it
    desk.undo_stack.undo()
    assert not desk.document.state.labels and window.view.circuit_scene.by_name[node].label != "first name"
    labels.role_box.refresh_roles()
    assert labels.role_box.itemText(0) == "first name"
    panel.file_menu_button.label_circuit_action.trigger()
    assert desk.document.state.labels[node].text == "first name"
    desk.undo_stack.undo()
    assert panel.dashboard_view.label_field.text() == "first name", "the notebook's"
    desk.undo_stack.redo()

    # another label in the Labels panel is what the dashboard says of this circuit's feature
    window.dock_manager.bring_to_front("labels")
    desk.set_selection(frozenset({node}), frozenset())
    labels.role_box.setCurrentText("subject")
    qtbot.mouseClick(labels.label_button, Qt.MouseButton.LeftButton)
    window.dock_manager.bring_to_front("features")
    dashboard()
    qtbot.waitUntil(lambda: panel.dashboard_view.label_field.text() == "subject", timeout=LONG)

    # it leaves with the file, in every format that has labels
    graph, kept = tmp_path / "a.graph.json", tmp_path / "a.circuit"
    assert export_in(window, graph) and save_in(window, kept)
    assert open_document(kept).state.labels[node].text == "subject"
    assert '"subject"' in graph.read_text()
    name("")
    assert node not in desk.document.state.labels
    panel.file_menu_button.label_circuit_action.trigger()
    assert node not in desk.document.state.labels
