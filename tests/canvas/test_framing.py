"""A long prompt is read: as high as fits, its tokens at the foot, names where boxes are too small, a map."""

from __future__ import annotations

from itertools import pairwise

import pytest
from opening import double_click
from prompt_scenes import LONG, SHORT, prompt
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from circuitviz.canvas.camera_placement import (
    MAX_READABLE_COMPONENTS,
    READABLE_ZOOM,
    camera_placement,
    zoom_to_fit,
)
from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.foreground import is_clearly_visible, token_column_at
from circuitviz.canvas.token_axis import (
    MIN_SLANTED_SPACING_PX,
    columns_containing,
    labelled_columns,
    token_axis_height,
    token_axis_rect,
)
from circuitviz.graph import NodeKind
from circuitviz.paint.circuit_painter import LEGIBLE_ZOOM
from circuitviz.scene.theme import THEMES


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
    return {name for name in view.circuit_scene.by_name if room.contains(view.viewport_position(name))}


@pytest.mark.parametrize(
    ("room", "columns", "nodes", "whole", "zoom"),
    [
        (QRectF(0, 0, 500, 400), True, 40, False, 1.0),  # all can be read
        (QRectF(0, 0, 4000, 800), True, 40, False, 0.6),  # as high as fits, but names are read
        (QRectF(0, 0, 4000, 650), True, 40, False, 400 / 650),
        (QRectF(0, 0, 4000, 300), True, 40, False, READABLE_ZOOM),  # and no more than that
        (QRectF(0, 0, 800, 4000), False, 40, False, 0.625),  # no columns: as wide as fits, from the top
        (QRectF(0, 0, 400, 4000), False, 40, False, READABLE_ZOOM),
        (QRectF(0, 0, 4000, 4000), False, 40, False, LEGIBLE_ZOOM),
        (QRectF(0, 0, 4000, 4000), False, MAX_READABLE_COMPONENTS + 1, False, 0.1),
        (QRectF(0, 0, 4000, 800), True, 40, True, 0.125),  # asked for
        (QRectF(0, 0, 9000, 3000), True, 700, False, LEGIBLE_ZOOM),  # however many: names are read
        (QRectF(0, 0, 9000, 3000), True, 700, True, 1 / 18),
    ],
)
def test_what_can_be_read_is_shown_whole_else_the_end(
    room: QRectF, columns: bool, nodes: int, whole: bool, zoom: float
) -> None:
    free = QRectF(0, 0, 500, 400)
    found = camera_placement(room, free, columns, nodes, whole)
    assert found.zoom == pytest.approx(zoom)
    if not columns and found.zoom > zoom_to_fit(room, free):
        assert found.centre.x() == room.center().x()
        assert found.centre.y() - free.height() / found.zoom / 2 == pytest.approx(room.top())
    elif found.zoom > zoom_to_fit(room, free):
        assert found.centre.x() + free.width() / found.zoom / 2 == pytest.approx(room.right())
    else:
        assert found.centre == room.center()


def test_a_long_prompt_is_readable_and_all_of_it_one_key_away(view: CircuitView) -> None:
    view.show_scene(LONG)
    assert view.zoom > LEGIBLE_ZOOM
    assert "logit.7@15" in names_in_sight(view) and "token@0" not in names_in_sight(view)
    view.scene_items.render_now()
    view.resize(420, 480)
    assert view.zoom > LEGIBLE_ZOOM and "logit.7@15" in names_in_sight(view)
    view.fit(show_all=True)
    assert names_in_sight(view) == set(LONG.by_name) and view.zoom < LEGIBLE_ZOOM
    view.resize(500, 460)
    assert names_in_sight(view) == set(LONG.by_name)  # it stays the whole
    view.select({"logit.7@15", LONG.nodes[30].name})
    view.scene_items.render_now()
    view.show_scene(SHORT)
    view.fit()
    assert names_in_sight(view) == set(SHORT.by_name) and view.overview.rect.isEmpty()


def test_tokens_stay_at_the_foot_and_do_not_run_into_one_another(view: CircuitView) -> None:
    view.show_scene(LONG)
    for whole in (False, True):
        view.fit(whole)
        for _ in range(6):
            to_view, scale = view.viewportTransform(), view.zoom
            there = token_axis_rect(view.circuit_scene, to_view, view.free_area.bottom())
            assert there.bottom() <= view.free_area.bottom() + 0.5
            assert there.height() == pytest.approx(token_axis_height(view.circuit_scene, scale))
            columns = [view.circuit_scene.columns[i] for i in labelled_columns(view.circuit_scene, scale)]
            middles = [(c.left + c.right) / 2 * scale for c in columns]
            assert all(right - left >= MIN_SLANTED_SPACING_PX for left, right in pairwise(middles))
            assert columns[-1] is view.circuit_scene.columns[-1]
            view.zoom_by(0.8)
            view.pan_by(QPoint(5, -140))


def test_a_token_without_room_is_written_where_its_node_is_chosen_and_read_by_pointing(
    view: CircuitView,
) -> None:
    view.show_scene(prompt(96, 300))
    view.fit(show_all=True)
    many, scale = view.circuit_scene, view.zoom
    hidden = sorted(set(range(96)) - set(labelled_columns(many, scale)))
    assert hidden
    name = f"token@{hidden[0]}"
    marked = columns_containing(many, frozenset({name}))
    assert marked == {hidden[0]} and hidden[0] in labelled_columns(many, scale, marked)
    there = token_axis_rect(many, view.viewportTransform(), view.free_area.bottom())
    place = QPoint(view.viewport_position(name).x(), round(there.center().y()))
    assert token_column_at(view, place) is many.columns[hidden[0]]
    assert token_column_at(view, QPoint(place.x(), round(there.top()) - 40)) is None


def test_the_map_goes_where_it_is_touched(view: CircuitView, qtbot: QtBot) -> None:
    view.show_scene(LONG)
    place = view.overview.rect
    assert not place.isEmpty() and view.free_area.contains(place)
    view.select({"logit.7@15"})
    left = QPoint(round(place.left()) + 3, round(place.center().y()))
    assert view.node_at(left) is None and view.edge_at(left) is None  # what lies below is not meant
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=left)
    assert view.selected_nodes == {"logit.7@15"} and "token@0" in names_in_sight(view)
    zoom, before = view.zoom, view.viewport_position("token@8").x()
    right = QPoint(round(view.overview.rect.right()) - 3, left.y())
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=left)
    QTest.mouseMove(view.viewport(), (left + right) / 2)
    QTest.mouseMove(view.viewport(), right)
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=right)
    assert view.viewport_position("token@8").x() < before and view.zoom == zoom
    room = view.free_area.toRect()
    assert room.contains(QPoint(view.viewport_position("token@15").x(), room.center().y()))
    view.fit(show_all=True)
    assert view.overview.rect.isEmpty()


def test_a_narrow_canvas_has_no_map_over_its_nodes(view: CircuitView) -> None:
    view.show_scene(LONG)
    assert not view.overview.rect.isEmpty()
    view.resize(340, view.height())
    view.show_scene(LONG)
    assert view.overview.rect.isEmpty()


def test_names_come_with_the_zoom_and_leave_out_the_position_that_is_told(view: CircuitView) -> None:
    """At a zoom where names cannot be read a box is painted as its outline alone."""
    view.show_scene(LONG)
    item = view.scene_items.node_items.get("m0.f1000@0", None)
    item = item or next(i for name, i in view.scene_items.node_items.items() if name.startswith("m"))
    middle = QPointF(item.node.x, -item.node.y)

    def inked(zoom: float) -> int:
        view.resetTransform()
        view.scale(zoom, zoom)
        view.centerOn(middle)
        view.scene_items.render_now()
        image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        at, half = view.mapFromScene(middle), (14 * zoom, 5 * zoom)
        colours = {
            image.pixel(x, y)
            for x in range(round(at.x() - half[0]), round(at.x() + half[0]))
            for y in range(round(at.y() - half[1]), round(at.y() + half[1]))
        }
        return len(colours)

    assert item.omits_position
    assert inked(1.0) > 5  # the name's ink, smoothed
    assert inked(LEGIBLE_ZOOM - 0.05) <= 3  # the fill alone


def test_a_double_click_shows_everything_and_another_what_can_be_read(view: CircuitView) -> None:
    view.show_scene(LONG)
    near, ground = view.zoom, QPoint(20, 8)
    double_click(view.viewport(), ground)
    assert view.is_showing_all and names_in_sight(view) == set(LONG.by_name)
    double_click(view.viewport(), ground)
    assert not view.is_showing_all and view.zoom == near


def test_walking_by_keys_never_ends_below_tokens_or_the_map(view: CircuitView) -> None:
    view.show_scene(LONG)
    for name in [*LONG.by_name][::7]:
        view.scroll_to_node(name)
        assert is_clearly_visible(view, view.viewport_position(name))
        view.pan_by(QPoint(-130, 90))


def test_what_is_chosen_among_small_boxes_has_its_name_beside_it(view: CircuitView) -> None:
    """Ink where only the ground and pale lines were, above the node; of a crowd of chosen ones no names."""
    view.show_scene(LONG)
    view.fit(show_all=True)
    name = next(n.name for n in LONG.nodes if n.kind is NodeKind.FEATURE)

    def above() -> QImage:
        view.scene_items.render_now()
        at = view.viewport_position(name)
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
