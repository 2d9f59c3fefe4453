"""Colours of classes: apart with every kind of colour vision, and the same in every list and picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from circuitviz.document import Document, Label, State, group_nodes
from circuitviz.document.groups import GROUP_COLOURS
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.class_colours import class_colours, class_titles, colour_in_theme, label_colour
from circuitviz.scene.class_scene import class_scene
from circuitviz.scene.theme import THEMES, Theme
from circuitviz.shapes.circuit_figure import draw_figure
from circuitviz.shapes.drawing import used_colours
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.heat_grid import hex_to_rgb
from circuitviz.shapes.node_shapes import node_shapes

Array = NDArray[np.float64]
GRAPH = Graph.transformer(ModelShape(4, 8, 128))
SCORES = Scores(GRAPH, np.random.default_rng(3).normal(size=GRAPH.mask.shape), "eap")
CIRCUIT = SCORES.greedy(300)
HEADS = [name for name in CIRCUIT.node_names if ".h" in name]

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB
VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(code: str) -> Array:
    srgb = hex_to_rgb(code) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(code: str, vision: str) -> Array:
    """CIELAB of a colour as somebody with a kind of colour vision sees it."""
    ratios = np.clip(VISIONS[vision] @ linear(code), 0, 1) @ TO_XYZ.T / WHITE
    f = np.where(ratios > 0.008856, np.cbrt(ratios), 7.787 * ratios + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one: Array, other: Array) -> float:
    """Sharma, Wu and Dalal 2005."""
    chroma = [float(np.hypot(*x[1:])) for x in (one, other)]
    mean = sum(chroma) / 2
    g = 0.5 * (1 - np.sqrt(mean**7 / (mean**7 + 25**7)))
    a = [(1 + g) * x[1] for x in (one, other)]
    c = [float(np.hypot(a[i], x[2])) for i, x in enumerate((one, other))]
    h = [float(np.degrees(np.arctan2(x[2], a[i])) % 360) for i, x in enumerate((one, other))]
    turn = (h[1] - h[0] + 180) % 360 - 180 if c[0] * c[1] else 0.0
    dl, dc = float(other[0] - one[0]), c[1] - c[0]
    dh = 2 * np.sqrt(c[0] * c[1]) * np.sin(np.radians(turn) / 2)
    light, cm = float(one[0] + other[0]) / 2, (c[0] + c[1]) / 2
    hue = (h[0] + h[1]) / 2 if abs(h[0] - h[1]) <= 180 else ((h[0] + h[1] + 360) / 2) % 360
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    sl = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rt = -np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2)))) * 2 * np.sqrt(cm**7 / (cm**7 + 25**7))
    return float(np.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rt * dc / sc * dh / sh))


def test_the_distance_is_that_of_the_published_examples() -> None:
    pairs = [  # Sharma, Wu and Dalal 2005, table 1
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    for one, other, distance in pairs:
        assert ciede2000(np.array(one), np.array(other)) == pytest.approx(distance, abs=1e-4)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("vision", VISIONS)
def test_twelve_colours_are_told_apart_with_every_kind_of_colour_vision(vision: str, theme: Theme) -> None:
    drawn = [colour_in_theme(code, theme) for code in GROUP_COLOURS]
    assert len(set(drawn)) == len(set(GROUP_COLOURS)) == 12
    seen = [lab(code, vision) for code in drawn]
    apart = [ciede2000(a, b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(apart) >= (20 if vision == "normal" else 12)
    assert all(
        ciede2000(one, lab(ground, vision)) >= 12 for one in seen for ground in (theme.ground, theme.panel)
    )


def contrast_ratio(one: str, other: str) -> float:
    """WCAG 2.2, from its definition."""
    bright, dark = sorted((linear(code) @ TO_XYZ[1] for code in (one, other)), reverse=True)
    return float((bright + 0.05) / (dark + 0.05))


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_each_colour_stands_out_from_light_and_from_dark(theme: Theme) -> None:
    for code in GROUP_COLOURS:
        for ground in (theme.ground, theme.panel):
            assert contrast_ratio(colour_in_theme(code, theme), ground) >= 3, (code, ground)


def hue(code: str) -> float:
    _, a, b = lab(code, "normal")
    return float(np.degrees(np.arctan2(b, a)))


def test_the_hue_of_a_class_is_the_same_on_light_and_on_dark() -> None:
    assert [colour_in_theme(code, THEMES["light"]) for code in GROUP_COLOURS] == list(GROUP_COLOURS)
    for code in GROUP_COLOURS:
        turned = hue(colour_in_theme(code, THEMES["dark"])) - hue(code)
        assert abs((turned + 180) % 360 - 180) <= 16


@given(st.integers(0, 0xFFFFFF), st.sampled_from(list(THEMES.values())))
def test_colours_of_ones_own_stand_out_too(number: int, theme: Theme) -> None:
    code = f"#{number:06x}"
    drawn = colour_in_theme(code, theme)
    ratios = [contrast_ratio(drawn, ground) for ground in (theme.ground, theme.panel)]
    assert min(ratios) >= 3
    before = min(contrast_ratio(code, ground) for ground in (theme.ground, theme.panel))
    if code not in GROUP_COLOURS and before >= 3.001:
        assert drawn == code


@pytest.mark.usefixtures("qapp")  # fonts of figures
@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_canvas_figure_and_class_view_draw_one_colour(theme: Theme) -> None:
    state = group_nodes("Late", frozenset(HEADS[4:7])).transform(_labelled(["Mover", "Copy"]))
    colours = {name: colour_in_theme(code, theme) for name, code in class_colours(state).items()}
    for picture in (build_scene(state), class_scene(state, 0.0)):
        drawn = [node for node in picture.nodes if node.class_name in ("Mover", "Copy")]
        assert {node.class_name for node in drawn} == {"Mover", "Copy"}
        for node in drawn:
            (box, *_) = node_shapes(node, (0, 0, 60, 20), theme)
            assert box.line_colour == colours[node.class_name]
    figure = draw_figure(Document(state), FigureOptions(dark=theme.is_dark))
    assert {colours["Mover"], colours["Copy"]} <= used_colours(figure.body)


def _labelled(texts: list[str], colour: str = "#8b5cf6") -> State:
    labels = {node: Label(text, colour) for node, text in zip(HEADS, texts, strict=False)}
    return State(None, SCORES, CIRCUIT, labels=labels)


@given(st.integers(0, 20), st.sampled_from(["#8b5cf6", *GROUP_COLOURS]))
def test_no_two_classes_look_alike(n_classes: int, colour: str) -> None:
    """Colours differ as long as there are any; then a mark tells two of one colour apart."""
    state = _labelled([f"Role {i}" for i in range(n_classes)], colour)
    colours, titles = class_colours(state), class_titles(state)
    looks = {(colours[name], titles[name].removeprefix(name)) for name in colours}
    assert len(looks) == len(colours) == n_classes
    if n_classes <= len(GROUP_COLOURS):
        assert len(set(colours.values())) == n_classes and titles == {name: name for name in colours}
    scene = build_scene(state)
    drawn = {node.name: node for node in scene.nodes}
    for node, label in state.labels.items():
        assert drawn[node].colour == colours[label.text] == label_colour(state, colours, node, label)
        assert drawn[node].class_name == drawn[node].label == titles[label.text]


def test_a_colour_that_was_chosen_stays_with_the_first_class() -> None:
    labels = {
        HEADS[0]: Label("Mover", "#123456"), HEADS[1]: Label("Induction", "#123456"),
        HEADS[2]: Label("Copy", GROUP_COLOURS[0]),
    }  # fmt: skip
    colours = class_colours(State(None, SCORES, CIRCUIT, labels=labels))
    assert colours["Mover"] == "#123456" and colours["Copy"] == GROUP_COLOURS[0]
    assert colours["Induction"] == GROUP_COLOURS[1]  # one that no other class has, or will have


def test_classes_ignore_case_and_have_one_colour() -> None:
    state = _labelled(["Induction", "induction", "INDUCTION", "Copy"])
    state = replace(state, labels={**state.labels, HEADS[1]: Label("induction", "#00ff00")})
    assert state.nodes_by_label == {"Induction": tuple(HEADS[:3]), "Copy": (HEADS[3],)}
    assert state.class_members("inDUCtion") == state.target_members("class:induction")[0] == tuple(HEADS[:3])
    drawn = {node.name: node for node in build_scene(state).nodes}
    assert len({drawn[node].colour for node in HEADS[:3]}) == 1
    assert {drawn[node].class_name for node in HEADS[:3]} == {"Induction"}
    colours = class_colours(state)
    of_class = Label("attends back")
    with_label = replace(state, labels={**state.labels, "class:INDUCTION": of_class})
    assert label_colour(with_label, colours, "class:INDUCTION", of_class) == colours["Induction"]


def test_a_group_keeps_its_colour_beside_classes() -> None:
    state = _labelled(["Copy", "Copy"])
    state = group_nodes("Late", frozenset(HEADS[4:7])).transform(state)
    colours = class_colours(state)
    assert colours["Late"] != colours["Copy"]
    frame = next(frame for frame in build_scene(state).frames if frame.name == "Late")
    assert frame.colour == colours["Late"]


def test_boxes_of_classes_have_the_mark_behind_their_names() -> None:
    n_classes = len(GROUP_COLOURS) + 2
    state = _labelled([f"Role {i}" for i in range(n_classes)])
    titles = class_titles(state)
    scene = class_scene(state, 0.0)
    boxes = {node.name: node.title for node in scene.nodes if node.members and node.name in titles}
    assert boxes and all(boxes[name] == titles[name] for name in boxes)
    assert any(title.endswith("²") for title in boxes.values())
