"""A long prompt is read: as high as fits, its tokens at the foot, names where boxes are too small, a map."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas.axis import NEAREST, axis_height, axis_of, columns_with, written
from circuitviz.canvas.foreground import in_plain_sight, token_at
from circuitviz.canvas.framing import CROWD_OF_COMPONENTS, READABLE, framing, whole_zoom
from circuitviz.canvas.paint import LEGIBLE
from circuitviz.canvas.picture import CircuitPicture, picture_of
from circuitviz.canvas.theme import THEMES
from circuitviz.canvas.view import CircuitView
from circuitviz.graph import Circuit, Graph, Kind, Node, Scores, Shape
from circuitviz.session import State

WORDS = "When Mary and John went to the store , John gave a drink to the incomprehensibilities".split()


def prompt(tokens: int, n: int = 60, layers: int = 4) -> CircuitPicture:
    """Features of a prompt, more of them at later tokens."""
    rng = np.random.default_rng(tokens)
    nodes = [Node(f"token@{t}", Kind.TOKEN, position=t, token=t) for t in range(tokens)]
    at = np.sort(rng.integers(0, tokens * tokens, n)) ** 0.5
    made = sorted((int(rng.integers(layers)), int(t)) for t in at)
    for i, (layer, t) in enumerate(made):
        name = f"m{layer}.f{1000 + i}@{t}"
        nodes.append(Node(name, Kind.FEATURE, layer, site="m", position=t, feature=1000 + i))
    nodes.append(Node(f"logit.7@{tokens - 1}", Kind.LOGITS, position=tokens - 1, token=7))
    mask = np.zeros((len(nodes) - 1, len(nodes)), bool)
    mask[:, -1] = True
    graph = Graph.of_nodes(Shape(layers, 2, 16), tuple(nodes), mask)
    told = {"prompt": {"strings": [f" {word}" for word in (WORDS * 3)[:tokens]]}}
    scores = Scores(graph, np.ones(graph.mask.shape), "attribution-graph", info=told)
    return picture_of(State(None, scores, Circuit.full(graph)), "tokens")


LONG, SHORT = prompt(16), prompt(3, 8)


@pytest.fixture(params=["light", "dark"])
def view(qtbot: QtBot, request: pytest.FixtureRequest) -> CircuitView:
    made = CircuitView()
    qtbot.addWidget(made)
    made.resize(600, 480)
    made.set_theme(THEMES[request.param])
    made.show()
    return made


def names_in_sight(view: CircuitView) -> set[str]:
    room = view.free_area.toRect()
    return {name for name in view.picture.by_name if room.contains(view.place_of(name))}


@pytest.mark.parametrize(
    ("room", "columns", "nodes", "whole", "zoom"),
    [
        (QRectF(0, 0, 500, 400), True, 40, False, 1.0),  # all can be read
        (QRectF(0, 0, 4000, 800), True, 40, False, 0.6),  # as high as fits, but names are read
        (QRectF(0, 0, 4000, 650), True, 40, False, 400 / 650),
        (QRectF(0, 0, 4000, 300), True, 40, False, READABLE),  # and no more than that
        (QRectF(0, 0, 800, 4000), False, 40, False, 0.625),  # no columns: as wide as fits, from the top
        (QRectF(0, 0, 400, 4000), False, 40, False, READABLE),
        (QRectF(0, 0, 4000, 4000), False, 40, False, LEGIBLE),
        (QRectF(0, 0, 4000, 4000), False, CROWD_OF_COMPONENTS + 1, False, 0.1),
        (QRectF(0, 0, 4000, 800), True, 40, True, 0.125),  # asked for
        (QRectF(0, 0, 9000, 3000), True, 700, False, LEGIBLE),  # however many: names are read
        (QRectF(0, 0, 9000, 3000), True, 700, True, 1 / 18),
    ],
)
def test_what_can_be_read_is_shown_whole_else_the_end(
    room: QRectF, columns: bool, nodes: int, whole: bool, zoom: float
) -> None:
    free = QRectF(0, 0, 500, 400)
    found = framing(room, free, columns, nodes, whole)
    assert found.zoom == pytest.approx(zoom)
    if not columns and found.zoom > whole_zoom(room, free):
        assert found.centre.x() == room.center().x()
        assert found.centre.y() - free.height() / found.zoom / 2 == pytest.approx(room.top())
    elif found.zoom > whole_zoom(room, free):
        assert found.centre.x() + free.width() / found.zoom / 2 == pytest.approx(room.right())
    else:
        assert found.centre == room.center()


def test_a_long_prompt_is_readable_and_all_of_it_one_key_away(view: CircuitView) -> None:
    view.show_circuit(LONG)
    assert view.zoom > LEGIBLE
    assert "logit.7@15" in names_in_sight(view) and "token@0" not in names_in_sight(view)
    view.stage.settle()
    view.resize(420, 480)
    assert view.zoom > LEGIBLE and "logit.7@15" in names_in_sight(view)
    view.fit(whole=True)
    assert names_in_sight(view) == set(LONG.by_name) and view.zoom < LEGIBLE
    view.resize(500, 460)
    assert names_in_sight(view) == set(LONG.by_name)  # it stays the whole
    view.select({"logit.7@15", LONG.nodes[30].name})
    view.stage.settle()
    view.show_circuit(SHORT)
    view.fit()
    assert names_in_sight(view) == set(SHORT.by_name) and view.overview.place.isEmpty()


def test_tokens_stay_at_the_foot_and_do_not_run_into_one_another(view: CircuitView) -> None:
    view.show_circuit(LONG)
    for whole in (False, True):
        view.fit(whole)
        for _ in range(6):
            to_view, scale = view.viewportTransform(), view.zoom
            there = axis_of(view.picture, to_view, view.free_area.bottom())
            assert there.bottom() <= view.free_area.bottom() + 0.5
            assert there.height() == pytest.approx(axis_height(view.picture, scale))
            columns = [view.picture.columns[i] for i in written(view.picture, scale)]
            middles = [(c.left + c.right) / 2 * scale for c in columns]
            assert all(right - left >= NEAREST for left, right in pairwise(middles))
            assert columns[-1] is view.picture.columns[-1]
            view.zoom_by(0.8)
            view.pan_by(QPoint(5, -140))


def test_a_token_without_room_is_written_where_its_node_is_chosen_and_read_by_pointing(
    view: CircuitView,
) -> None:
    many = prompt(48, 300)
    view.show_circuit(many)
    view.fit(whole=True)
    scale = view.zoom
    hidden = sorted(set(range(48)) - set(written(many, scale)))
    assert hidden
    name = f"token@{hidden[0]}"
    marked = columns_with(many, frozenset({name}))
    assert marked == {hidden[0]} and hidden[0] in written(many, scale, marked)
    there = axis_of(many, view.viewportTransform(), view.free_area.bottom())
    place = QPoint(view.place_of(name).x(), round(there.center().y()))
    assert token_at(view, place) is many.columns[hidden[0]]
    assert token_at(view, QPoint(place.x(), round(there.top()) - 40)) is None


def test_the_map_goes_where_it_is_touched(view: CircuitView, qtbot: QtBot) -> None:
    view.show_circuit(LONG)
    place = view.overview.place
    assert not place.isEmpty() and view.free_area.contains(place)
    view.select({"logit.7@15"})
    left = QPoint(round(place.left()) + 3, round(place.center().y()))
    assert view.node_at(left) is None and view.edge_at(left) is None  # what lies below is not meant
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=left)
    assert view.nodes == {"logit.7@15"} and "token@0" in names_in_sight(view)
    zoom, before = view.zoom, view.place_of("token@8").x()
    right = QPoint(round(view.overview.place.right()) - 3, left.y())
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=left)
    QTest.mouseMove(view.viewport(), (left + right) / 2)
    QTest.mouseMove(view.viewport(), right)
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=right)
    assert view.place_of("token@8").x() < before and view.zoom == zoom
    room = view.free_area.toRect()
    assert room.contains(QPoint(view.place_of("token@15").x(), room.center().y()))
    view.fit(whole=True)
    assert view.overview.place.isEmpty()


def test_names_come_with_the_zoom_and_leave_out_the_position_that_is_told(view: CircuitView) -> None:
    """At a zoom where names cannot be read a box is painted as its outline alone."""
    view.show_circuit(LONG)
    item = view.stage.items.get("m0.f1000@0")
    item = item or next(i for name, i in view.stage.items.items() if name.startswith("m"))
    middle = QPointF(item.node.x, -item.node.y)

    def inked(zoom: float) -> int:
        view.resetTransform()
        view.scale(zoom, zoom)
        view.centerOn(middle)
        view.stage.settle()
        image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        at, half = view.mapFromScene(middle), (14 * zoom, 5 * zoom)
        colours = {
            image.pixel(x, y)
            for x in range(round(at.x() - half[0]), round(at.x() + half[0]))
            for y in range(round(at.y() - half[1]), round(at.y() + half[1]))
        }
        return len(colours)

    assert item.placed
    assert inked(1.0) > 5  # the name's ink, smoothed
    assert inked(LEGIBLE - 0.05) <= 3  # the fill alone


def test_a_double_click_shows_everything_and_another_what_can_be_read(view: CircuitView) -> None:
    view.show_circuit(LONG)
    near, ground = view.zoom, QPoint(20, 8)
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=ground)
    assert view.is_whole and names_in_sight(view) == set(LONG.by_name)
    QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=ground)
    assert not view.is_whole and view.zoom == near


def test_walking_by_keys_never_ends_below_tokens_or_the_map(view: CircuitView) -> None:
    view.show_circuit(LONG)
    for name in [*LONG.by_name][::7]:
        view.bring_into_sight(name)
        assert in_plain_sight(view, view.place_of(name))
        view.pan_by(QPoint(-130, 90))


def test_what_is_chosen_among_small_boxes_has_its_name_beside_it(view: CircuitView) -> None:
    """Ink where only the ground and pale lines were, above the node; of a crowd of chosen ones no names."""
    view.show_circuit(LONG)
    view.fit(whole=True)
    name = next(n.name for n in LONG.nodes if n.kind is Kind.FEATURE)

    def above() -> QImage:
        view.stage.settle()
        at = view.place_of(name)
        return view.grab().toImage().copy(at.x() - 20, at.y() - 30, 40, 22)

    view.select({"logit.7@15"})
    bare = above()
    view.select({name, "logit.7@15"})
    assert above() != bare
    tag = above().pixelColor(20, 1)
    assert tag.name() == view.theme.raised or above().pixelColor(1, 11).name() == view.theme.raised
    view.select(set(LONG.by_name))
    crowd = above()
    assert crowd.pixelColor(1, 11).name() != view.theme.raised
