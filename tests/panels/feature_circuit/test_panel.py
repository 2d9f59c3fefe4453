"""The Feature circuit panel: queries, targets, thresholds, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.graph import NodeKind
from circuitviz.panels.widgets.form_check import CHECK_DELAY_MS
from circuitviz.scene.build_scene import build_scene
from circuitviz.workbench.requests.read_feature_tokens import ReadFeatureTokens

PROMPT = "Then Ian and Betty went to the theater. Betty wanted to give a camera to"


pytestmark = pytest.mark.usefixtures("little_text")


def question(host: PanelHost) -> AttributionQuery | None:
    return host.workspace.prompt_circuits.query


def ask(host: PanelHost, qtbot: QtBot, **fields: str):
    """Fill the form of the panel and press the button; returns the panel."""
    panel = host.show("feature-circuit")
    form = panel.query_form
    boxes = {"method": form.method_box, "kind": form.target_kind_box, "gate": form.gate_box}
    for name, box in boxes.items():
        if name in fields:
            box.setCurrentIndex(box.findData(fields[name]))
    if "prompt" in fields:
        form.prompt_box.setEditText(fields["prompt"])
    for name in ("target", "correct", "incorrect"):
        if name in fields:
            getattr(form, f"{name}_field").setText(fields[name])
    qtbot.mouseClick(panel.trace_button, Qt.MouseButton.LeftButton)
    return panel


def holds(host: PanelHost) -> None:
    """The ledger that is shown sums to the target's value."""
    ledger = host.show("feature-circuit").ledger_view
    info = host.workspace.document.state.scores.info
    assert ledger.terms == pytest.approx(info["ledger"])
    assert ledger.total == pytest.approx(info["activations"][info["target"]], rel=1e-5)


def test_what_cannot_be_traced_is_said_while_it_is_typed(demo_host: PanelHost, qtbot: QtBot) -> None:
    """Without pressing Trace; a target that can be is not spoken of."""
    panel = demo_host.show("feature-circuit")
    form, line = panel.query_form, panel.form_check
    form.prompt_box.setEditText(PROMPT)

    def type_target(kind: str, text: str) -> None:
        form.target_kind_box.setCurrentIndex(form.target_kind_box.findData(kind))
        form.target_field.setFocus()
        form.target_field.clear()
        qtbot.keyClicks(form.target_field, text)

    for kind, text, fault in (
        ("node", "m2.f3@99", "Position 99 was given; the prompt has"),
        ("node", "a9.h0@2", "layers 0 to 3"),
        ("node", "a1.h77@2", "a1.h0 to a1.h"),
        ("node", "token@2", "is a leaf"),
        ("token", " Ian and", "tokens"),
    ):
        type_target(kind, text)
        qtbot.waitUntil(lambda fault=fault: fault in line.text(), timeout=LONG)
        assert line.isVisible() and line.objectName() == "warning"
    form.target_kind_box.setCurrentIndex(form.target_kind_box.findData("logit-diff"))
    form.correct_field.setText(" Ian")
    form.incorrect_field.setText(" Ian and")
    qtbot.waitUntil(lambda: "' Ian and'" in line.text(), timeout=LONG)
    for kind, text in (("token", " Ian"), ("node", "a1.h2@4")):
        type_target(kind, text)
        qtbot.wait(3 * CHECK_DELAY_MS)
        assert not line.text()
    assert question(demo_host) is None and not demo_host.failures


def test_a_token_a_difference_and_a_graph(demo_host: PanelHost, qtbot: QtBot) -> None:
    panel = ask(demo_host, qtbot, prompt=PROMPT, kind="token", target=" Ian")
    qtbot.waitUntil(lambda: question(demo_host) is not None, timeout=LONG)
    assert "“Ian” logit." in panel.title_label.text()
    holds(demo_host)
    ask(demo_host, qtbot, kind="logit-diff", correct=" Ian", incorrect=" Betty", gate="absolute")
    qtbot.waitUntil(lambda: getattr(question(demo_host), "target", "") == "logit-diff", timeout=LONG)
    holds(demo_host)
    assert question(demo_host).gate == "absolute"
    ask(demo_host, qtbot, method="attribution-graph", kind="")
    qtbot.waitUntil(lambda: getattr(question(demo_host), "is_graph", False), timeout=LONG)
    info = demo_host.workspace.document.state.scores.info
    assert panel.graph_scores.value_labels["replacement_score"].text() == f"{info['replacement_score']:.3f}"
    assert (
        panel.pages.currentWidget() is panel.graph_scores
        and "“Ian” 0." in panel.graph_scores.targets_label.text()
    )
    nodes = len(demo_host.workspace.document.state.circuit.graph.nodes)
    panel.query_form.node_share_field.setValue(0.4)
    qtbot.waitUntil(lambda: getattr(question(demo_host), "node_share", 0) == 0.4, timeout=LONG)
    assert len(demo_host.workspace.document.state.circuit.graph.nodes) < nodes

    # a node of the graph has a circuit of its own, by its key
    names = demo_host.workspace.document.state.circuit.node_names
    feature = next(name for name in names if re.fullmatch(r"[am][23]\.f\d+@\d+", name))
    demo_host.workspace.set_selection(frozenset({feature}), frozenset())
    demo_host.workspace.prompt_circuits.trace_selected_node()
    qtbot.waitUntil(lambda: getattr(question(demo_host), "target", "") == feature, timeout=LONG)
    holds(demo_host)


REFUSED = (
    ({"kind": "node", "target": "m3.f1@2"}, "not active"),
    ({"kind": "node", "target": "m3.f99999@2"}, "not active"),
    ({"kind": "node", "target": "token@2"}, "is a leaf"),
    ({"kind": "node", "target": ""}, "No target was given"),
    ({"kind": "token", "target": " Ian Betty"}, "must be one token"),
    ({"kind": "node", "target": "m3.f1@2", "prompt": "the " * 200}, "reads at most"),
    ({"kind": "node", "target": "m3.f1@2", "prompt": "", "gate": "absolute"}, "An empty prompt was given"),
    ({"kind": "logit-diff", "correct": " Ian"}, "at least one correct and one incorrect"),
)


def test_what_cannot_be_asked_is_a_sentence(demo_host: PanelHost, qtbot: QtBot) -> None:
    state = demo_host.workspace.document.state
    for fields, says in REFUSED:
        panel = ask(demo_host, qtbot, **{"prompt": PROMPT, **fields})
        qtbot.waitUntil(lambda: bool(demo_host.failures), timeout=LONG)
        assert re.search(says, demo_host.failures.pop().message), fields
        assert demo_host.workspace.document.state is state and panel.trace_button.isEnabled()
    demo_host.workspace.prompt_circuits.submit_query(AttributionQuery("demo", PROMPT, " Ian", nodes=30))
    qtbot.waitUntil(lambda: question(demo_host) is not None, timeout=LONG)
    number = panel.threshold_row.number_field
    for text, says in (("much", "a number from 0 on"), ("1e9", "keeps no node")):
        number.setText(text)
        number.setModified(True)
        number.editingFinished.emit()
        qtbot.waitUntil(lambda: bool(demo_host.failures), timeout=LONG)
        assert says in demo_host.failures.pop().message
    assert number.text() == f"{question(demo_host).tau:.4g}"


def test_neurons_are_traced_named_read_ablated_and_opened_again(
    demo_host: PanelHost, qtbot: QtBot, tmp_path: Path
) -> None:
    """With the keyboard: another basis, fewer neurons; then a neuron as the inspector has it."""
    panel = demo_host.show("feature-circuit")
    form = panel.query_form
    assert not form.neuron_count_field.isVisible() and form.dictionary_hint.isHidden()
    form.basis_box.setFocus()
    qtbot.keyClick(form.basis_box, Qt.Key.Key_Down)
    assert form.read_query("demo", ()).attention == "heads"
    qtbot.keyClick(form.basis_box, Qt.Key.Key_Down)
    assert form.basis_box.currentText() == "Neurons and heads" and form.neuron_count_field.isVisible()
    form.neuron_count_field.selectAll()
    qtbot.keyClicks(form.neuron_count_field, "300\t")
    ask(demo_host, qtbot, prompt=PROMPT, kind="token", target=" Ian", gate="absolute")
    qtbot.waitUntil(lambda: question(demo_host) is not None, timeout=LONG)
    holds(demo_host)
    query = question(demo_host)
    assert query.neurons == 300 and query.sites == ()
    workspace = demo_host.workspace
    neurons = [n for n in workspace.state.circuit.graph.nodes if n.kind is NodeKind.NEURON]
    assert neurons and not any(n.kind is NodeKind.FEATURE for n in workspace.state.circuit.graph.nodes)

    tokens = ReadFeatureTokens(query, tuple(neurons))
    with qtbot.waitSignal(workspace.submit_request(tokens).finished, timeout=LONG) as read:
        pass
    assert read.args[0].result.keys() == {node.name for node in neurons}

    # of the last token, before which the corrupted prompt is the same, and of a layer below which nodes differ
    name = max(neurons, key=lambda node: (node.position, node.layer)).name
    inspector = demo_host.show("inspector")
    workspace.set_selection(frozenset({name}), frozenset())
    view = inspector.prompt_node_view
    qtbot.waitUntil(view.token_columns.isVisible, timeout=LONG)
    assert "activation" in view.numbers_label.text() and "% of the norm" in view.numbers_label.text()
    qtbot.waitUntil(lambda: demo_host.is_measured() or bool(demo_host.failures), timeout=20000)
    assert not demo_host.failures
    before = demo_host.evaluation
    demo_host.run_command("ablate")
    qtbot.waitUntil(
        lambda: (
            demo_host.is_measured()
            and demo_host.evaluation["metric"]["circuit"] != before["metric"]["circuit"]
        ),
        timeout=LONG,
    )

    demo_host.save(tmp_path / "neurons.circuit")
    demo_host.reopen(tmp_path / "neurons.circuit")
    qtbot.waitUntil(lambda: workspace.opened_model is not None, timeout=LONG)
    assert workspace.state.ablated_nodes == {name} and question(demo_host).neurons == 300
    assert not demo_host.failures and form.basis_box.currentText() == "Neurons and heads"


def test_a_model_without_dictionaries_is_offered_neurons(host: PanelHost, qtbot: QtBot) -> None:
    panel = host.show("feature-circuit")
    assert not panel.is_applicable()
    host.find_circuit("reverse", "reverse")
    panel.set_in_front(True)
    form = panel.query_form
    assert panel.is_applicable() and panel.missing_step() is None
    assert form.basis_box.currentText() == "Neurons and heads" and form.dictionary_hint.isVisible()
    assert "opened in Features" in form.dictionary_hint.text()
    prompt = form.prompt_box.currentText()
    ask(host, qtbot, prompt=prompt, kind="token", target="a", gate="absolute")
    qtbot.waitUntil(lambda: question(host) is not None or bool(host.failures), timeout=LONG)
    assert not host.failures, host.failures
    holds(host)


def test_contributors_come_with_edges_of_their_own_kind(demo_host: PanelHost, qtbot: QtBot) -> None:
    """Typed into the form; drawn by side, in the ledger, and told in the Inspector with tokens and pairs."""
    panel = demo_host.show("feature-circuit")
    form = panel.query_form
    field = form.contributor_count_field
    assert field.isVisible() and field.value() == 0
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "6")
    ask(demo_host, qtbot, prompt=PROMPT, kind="token", target=" Ian", gate="absolute")
    qtbot.waitUntil(lambda: getattr(question(demo_host), "contributors", 0) == 6, timeout=LONG)
    state = demo_host.workspace.document.state
    holds(demo_host)
    assert panel.ledger_view.attention_terms == state.scores.info["attention_ledger"]
    drawn = build_scene(state).edges
    assert {edge.channel for edge in drawn} == {"", "q", "k"}
    edge = next(name for name in state.circuit.edge_names if name in state.scores.info["score_places"])
    inspector = demo_host.show("inspector")
    demo_host.workspace.set_selection(frozenset(), frozenset({edge}))
    head, query, key = state.scores.info["score_places"][edge]
    strings = state.scores.info["prompt"]["strings"]
    said = inspector.description_label.text()
    assert f"most of it in {head}, query “{strings[query].strip()}” ({query})" in said
    assert f"key “{strings[key].strip()}” ({key})" in said
    pairs = state.scores.info["query_key_pairs"]
    name, other, head, effect = next(pair for pair in pairs if pair[0] != pair[1])
    demo_host.workspace.set_selection(frozenset({name}), frozenset())
    assert (
        f"{effect:+.4f} in {head} with the key of {other}".replace("-", "−")
        in inspector.prompt_node_view.pairs_label.text()
    )
    form.method_box.setCurrentIndex(form.method_box.findData("direct-attribution"))
    assert not field.isVisible()
