"""A picture is made ready for a view by any thread; a view that has changed meanwhile does it itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from circuitviz.canvas.aspect_fitter import AspectFitter
from circuitviz.canvas.circuit_view import CircuitView
from circuitviz.canvas.scene_request import BuiltScene, SceneRequest
from circuitviz.document import State
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.scene.theme import DARK, LIGHT

GRAPH = Graph.transformer(ModelShape(8, 6, 64))
SCORES = Scores(GRAPH, np.random.default_rng(0).normal(size=GRAPH.mask.shape), "eap")


def build(view: CircuitView, n_edges: int = 90) -> BuiltScene:
    state = State(None, SCORES, SCORES.greedy(n_edges))
    return SceneRequest(state, "layered", fitting=view.create_fitting()).build()


def show(view: CircuitView, built: BuiltScene, with_fitted: bool = True) -> None:
    view.show_scene(built.scene, built.status_text, built.fitted if with_fitted else None)


@pytest.fixture
def make_view(qtbot: QtBot) -> Callable[..., CircuitView]:
    def make(width: int = 900, height: int = 500) -> CircuitView:
        made = CircuitView()
        qtbot.addWidget(made)
        made.resize(width, height)
        made.set_theme(LIGHT)
        made.show()
        return made

    return make


def test_what_is_ready_is_shown_as_it_is(
    make_view: Callable[..., CircuitView], monkeypatch: pytest.MonkeyPatch
) -> None:
    view, plain = make_view(), make_view()
    built = build(view)
    assert built.fitted is not None
    show(plain, built, with_fitted=False)
    with monkeypatch.context() as patch:
        patch.delattr(AspectFitter, "fit_scene")  # nothing is left to do for the window's thread
        show(view, built)
    assert view.circuit_scene == plain.circuit_scene and view.zoom == plain.zoom
    assert view.circuit_scene is built.fitted.geometry.scene
    assert view.scene_items.geometry is built.fitted.geometry
    assert [entry.text for entry in view.scene_items.legend_entries(view.circuit_scene, LIGHT)] == [
        entry.text for entry in plain.scene_items.legend_entries(plain.circuit_scene, LIGHT)
    ]
    fewer = build(view, 60)  # the same layout again: nodes stay where they are
    show(view, fewer)
    show(plain, fewer, with_fitted=False)
    assert view.circuit_scene == plain.circuit_scene


def test_what_was_made_for_another_size_or_theme_is_made_anew(
    make_view: Callable[..., CircuitView],
) -> None:
    view, plain = make_view(), make_view(620, 640)
    built = build(view)
    view.resize(620, 640)
    show(view, built)
    show(plain, built, with_fitted=False)
    assert view.circuit_scene == plain.circuit_scene and view.zoom == plain.zoom
    more = build(view, 120)
    view.set_theme(DARK)
    show(view, more)
    assert view.scene_items.edge_styles(view.circuit_scene.edges, DARK).ground == DARK.ground
