"""Attribution graphs of circuit-tracer and Neuronpedia in the real window: read as their own viewers show them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from opening import export_in, open_in
from PySide6.QtCore import QPointF
from pytestqt.qtbot import QtBot
from screenshots import shoot
from tracer_graph import LOGITS, WORDS, tracer_graph

from circuitviz.canvas.canvas_texts import tooltip_text
from circuitviz.canvas.token_axis import token_axis_rect
from circuitviz.graph import NodeKind
from circuitviz.paint.circuit_painter import LEGIBLE_ZOOM, canvas_font
from circuitviz.scene.node_styles import style_colours
from circuitviz.shell.main_window import MainWindow

pytestmark = pytest.mark.stalls
EXAMPLE = Path(__file__).parents[1] / "formats" / "example_np_graph.json"


def test_the_example_shows_tokens_numbers_pins_and_its_group(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    heard: list[str] = []
    window.workspace.message_posted.connect(heard.append)
    open_in(window, qtbot, EXAMPLE)
    shoot(window, "graph-example")
    picture, inspector = window.view.circuit_scene, window.panels["inspector"]
    assert window.canvas_updater.layout_name == "tokens" and [column.text for column in picture.columns] == [
        "<bos>",
        "When",
        " Mary",
        " and",
        " John",
    ]
    alone = {"m7.f6861@4": "m7.f6861@4", "m3.error@4": "m3.error@4"}  # no link of the file touches them
    joined = {"token@2": "“Mary”", "m20.f15589@4": "m20.f15589@4", "logit.5966@4": "“gave”"}
    assert {n.name: n.title for n in picture.nodes} == joined | alone
    assert window.workspace.state.groups["name"].nodes == {"m20.f15589@4", "m7.f6861@4"}
    assert window.workspace.selected_nodes == {"m20.f15589@4"}  # clickedId, though it is in a supernode
    assert {node.name for node in picture.nodes if node.pinned} == {"token@2", "m20.f15589@4", "logit.5966@4"}
    assert inspector.description_label.text() == "MLP feature at position 4, “John”"
    assert (
        inspector.prompt_node_view.numbers_label.text()
        == "activation 31.5000 · cumulative influence 42.0\N{NO-BREAK SPACE}% · pinned"
    )
    assert inspector.label_field.text() == "male names" and not inspector.readings_box.isVisible()
    assert not inspector.prompt_node_view.dashboard_button.isVisible()  # which model it is of, nobody said
    window.workspace.set_selection(frozenset({"logit.5966@4"}), frozenset())
    assert (
        inspector.prompt_node_view.numbers_label.text() == "probability 0.310 · pinned"
        and not inspector.label_field.text()
    )
    origin = "Attribution graph of gemma-2-2b on “When Mary and John”"
    assert (
        inspector.prompt_node_view.source_label.text() == origin
        and inspector.prompt_node_view.source_label.isVisible()
    )
    assert f"Opened {EXAMPLE.name}: {origin}" in heard
    told = tooltip_text(picture, picture.by_name["m20.f15589@4"], None)
    assert (
        "activation 31.5000\ncumulative influence 42.0\N{NO-BREAK SPACE}%\npinned" in told
        and "male names" in told
    )


def test_taking_out_a_node_without_edges_says_that_nothing_changes(open_window, qtbot: QtBot) -> None:
    window: MainWindow = open_window()
    open_in(window, qtbot, EXAMPLE)
    heard: list[str] = []
    window.workspace.message_posted.connect(heard.append)
    edges = window.workspace.state.live_circuit.edges
    for node in ("m7.f6861@4", "m3.error@4"):
        window.workspace.set_selection(frozenset({node}), frozenset())
        assert window.panels["inspector"].title_label.text() == node
        window.run_command("ablate")
        assert "no edges" in heard[-1] and node in heard[-1]
        assert (
            window.view.circuit_scene.by_name[node].ablated
            and (window.workspace.state.live_circuit.edges == edges).all()
        )
    told = len(heard)
    window.workspace.set_selection(frozenset({"m20.f15589@4"}), frozenset())
    window.run_command("ablate")
    assert not any("No edge" in said for said in heard[told:])


def test_a_graph_of_hundreds_of_nodes_opens_at_a_size_at_which_names_are_read(
    open_window, qtbot: QtBot, large: Path
) -> None:
    """Issue 12, 2.6: names of at least 9 pixels, a map, and F goes to the whole and back."""
    window: MainWindow = open_window()
    window.resize(1280, 800)
    open_in(window, qtbot, large)
    qtbot.waitUntil(lambda: not window.view.animation.is_running)
    window.view.scene_items.render_now()
    view = window.view
    free = view.free_area

    def in_sight() -> list[str]:
        return [
            name
            for name in view.circuit_scene.by_name
            if free.toRect().contains(view.viewport_position(name))
        ]

    (clicked,) = window.workspace.selected_nodes
    assert clicked in in_sight()  # it opens at the node that the file's viewer showed
    for opened in (True, False):
        assert view.zoom >= LEGIBLE_ZOOM and canvas_font(10, scale=view.zoom).pixelSize() * view.zoom >= 9
        assert not view.overview.rect.isEmpty() and free.contains(view.overview.rect)
        assert 20 < len(in_sight()) < 350
        assert not token_axis_rect(view.circuit_scene, view.viewportTransform(), free.bottom()).isEmpty()
        if not opened:  # the last token, from what is explained
            kinds = {
                window.workspace.state.circuit.graph.node(name).kind for name in in_sight() if "@" in name
            }
            assert NodeKind.LOGITS in kinds and NodeKind.FEATURE in kinds
            assert (
                view.viewportTransform().map(QPointF(view.circuit_scene.columns[-1].right, 0)).x()
                <= free.right()
            )
        window.run_command("fit")  # F
        assert view.zoom < LEGIBLE_ZOOM and set(in_sight()) == set(view.circuit_scene.by_name)
        assert view.overview.rect.isEmpty()
        window.run_command("fit")


@pytest.fixture(params=["saved by circuit-tracer", "as lists"])
def large(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "dallas.graph.json"
    path.write_text(json.dumps(tracer_graph(700, saved=request.param == "saved by circuit-tracer")))
    return path


def test_a_graph_of_hundreds_of_nodes_opens_by_token(
    open_window, qtbot: QtBot, large: Path, tmp_path: Path
) -> None:
    window: MainWindow = open_window()
    open_in(window, qtbot, large)
    data, picture, state = json.loads(large.read_text()), window.view.circuit_scene, window.workspace.state
    groups = tracer_graph(700, saved=False)["qParams"]["supernodes"]
    shoot(window, "graph-large")
    near(window)
    shoot(window, "graph-near")

    # tokens below, each position's nodes above its token, layers as rows
    assert window.canvas_updater.layout_name == "tokens" and [
        column.text for column in picture.columns
    ] == list(WORDS)
    graph = state.circuit.graph
    for column, place in zip(picture.columns, range(len(WORDS)), strict=True):
        inside = [n for n in picture.nodes if not n.members and graph.node(n.name).position == place]
        assert inside and all(column.left <= n.x <= column.right for n in inside)
    rows = {}
    for node in picture.nodes:
        if not node.members:
            rows.setdefault(graph.depth(node.name), set()).add(round(node.y))
    bands = [(min(rows[depth]), max(rows[depth])) for depth in sorted(rows)]
    assert all(low[1] < high[0] for low, high in pairwise(bands))  # a layer's cells may have several rows
    bounds = window.view.scene_items.geometry.bounds
    assert bounds.width() < 6 * bounds.height()  # no strip

    # kinds keep their colours and shapes, whatever is said of them
    assert {node.style for node in picture.nodes if not node.members} == {
        "feature-m",
        "error",
        "token",
        "logit",
    }
    assert {node.colour for node in picture.nodes if not node.members} == {""}
    drawn = {
        (one.style, style_colours(one.style, window.view.theme)[1])
        for one, _ in window.view.scene_items.geometry.rows_by_style
        if not one.members
    }
    assert len(drawn) == 4
    said = [node for node in picture.nodes if node.label and not node.members]
    assert len(said) > 200 and {node.label for node in said} >= {"say Austin", "<b>state</b> names"}
    assert ("my own name" in {node.label for node in said}) == ("clerps" in data["qParams"])
    assert not state.nodes_by_label  # a description names no class
    assert {f"“{word.strip()}”" for word in (*WORDS, *LOGITS)} <= {node.title for node in picture.nodes}

    # supernodes: boxes, but for the one that holds the chosen node
    clicked = data["qParams"]["clickedId"].split("_")
    chosen = f"m{clicked[0]}.f{clicked[1]}@{clicked[2]}"
    assert window.workspace.selected_nodes == {chosen} and chosen in picture.by_name
    assert {node.title for node in picture.nodes if node.members} == {"Texas", "Dallas"}
    assert [frame.name for frame in picture.frames] == ["say a capital"] and chosen in picture.frames[0].nodes
    assert {name: len(group.nodes) for name, group in state.groups.items()} == {
        name: len(ids) for name, *ids in groups
    }

    # pins: on the canvas, in the legend, and to be selected together
    pins = {node.name for node in picture.nodes if node.pinned}
    assert len(pins) == 9 + 6 + 2 and "pinned" in {
        entry.name for entry in window.view.scene_items.legend_entries(picture, window.view.theme)
    }
    assert len(window.view.scene_items.geometry.pinned_rows) == len(pins)
    window.run_command("select-pinned")
    assert window.view.selected_nodes == {*pins, "Texas", "Dallas"}

    # and it is written as it came
    again = tmp_path / "again.graph.json"
    assert export_in(window, again)
    after = json.loads(again.read_text())
    assert after["nodes"] == data["nodes"] and after["metadata"] == data["metadata"]
    links = [{(x["source"], x["target"], x["weight"]) for x in made["links"]} for made in (data, after)]
    assert links[0] == links[1] and after["qParams"]["supernodes"] == groups


def near(window: MainWindow) -> None:
    """Look at the chosen node from near by."""
    window.view.zoom_by(1.0 / window.view.zoom)
    node = window.view.circuit_scene.by_name[next(iter(window.workspace.selected_nodes))]
    window.view.center_view_on(QPointF(node.x, -node.y))


def test_ablating_in_an_imported_graph_needs_no_model(open_window, qtbot: QtBot, tmp_path: Path) -> None:
    """What is done to such a graph is kept: a node taken out, a label that a person gives."""
    path = tmp_path / "a.graph.json"
    path.write_text(json.dumps(tracer_graph(300, layers=4, saved=False)))
    window: MainWindow = open_window()
    open_in(window, qtbot, path)
    (node,) = window.workspace.selected_nodes
    inspector = window.panels["inspector"]
    inspector.label_field.setText("mine")
    inspector.label_field.setModified(True)
    inspector.save_label()
    assert window.workspace.document.state.labels[node].text == "mine"
    assert window.view.circuit_scene.by_name[node].label == "mine"
    window.run_command("ablate")
    assert (
        window.workspace.document.state.ablated_nodes == {node}
        and window.view.circuit_scene.by_name[node].ablated
    )
    again = tmp_path / "again.graph.json"
    assert export_in(window, again)
    ours = next(n for n in json.loads(again.read_text())["nodes"] if n["clerp"] == "mine")
    assert ours["circuitviz"]["ablated"] is True
