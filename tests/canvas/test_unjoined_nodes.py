"""An imported attribution graph is drawn and kept with every node and every token of its file, joined or not."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from circuitviz.document import ViewFilters, toggle_ablation
from circuitviz.document.circuit_commands import set_filters
from circuitviz.formats import export_document, import_document, open_document, save_document
from circuitviz.formats.attribution_graph import read_attribution_graph
from circuitviz.paint import save_figure
from circuitviz.scene.build_scene import build_scene
from circuitviz.scene.status_text import status_text
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.figure_text import caption

SLOW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
Drawn = dict[str, str]  # node_id by the name that the node is to be drawn under


@st.composite
def files(draw: st.DrawFn) -> tuple[dict[str, Any], Drawn]:
    """A file of any nodes, most of its links missing; the names are those of methods.md, written down here."""
    tokens = draw(st.integers(1, 7))
    position, layer = st.integers(0, tokens - 1), st.integers(0, 3)
    names: Drawn = {}
    raws: list[dict[str, Any]] = []

    def add(node_id: str, name: str, layer: str, at: int, kind: str) -> None:
        names[name] = node_id
        raws.append(
            {
                "node_id": node_id,
                "layer": layer,
                "ctx_idx": at,
                "feature_type": kind,
                "feature": 0,
                "jsNodeId": node_id,
                "clerp": "",
            }
        )

    for at in sorted(draw(st.sets(position, max_size=3))):
        add(f"E_{40 + at}_{at}", f"token@{at}", "E", at, "embedding")
    parts = draw(st.sets(st.tuples(layer, st.integers(-1, 4), position), max_size=9))
    for depth, index, at in sorted(parts):
        name = f"m{depth}.error@{at}" if index < 0 else f"m{depth}.f{index}@{at}"
        kind = "mlp reconstruction error" if index < 0 else "cross layer transcoder"
        add(f"{depth}_{index}_{at}", name, str(depth), at, kind)
    for token in sorted(draw(st.sets(st.integers(0, 9), max_size=2))) or ([] if raws else [1]):
        at = draw(position)
        add(f"5_{token}_{at}", f"logit.{token}@{at}", "5", at, "logit")
    pairs = [
        (a["node_id"], b["node_id"])
        for i, a in enumerate(raws)
        for b in raws[i + 1 :]
        if a["layer"] != b["layer"] and b["feature_type"] != "mlp reconstruction error" and b["layer"] != "E"
    ]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4)) if pairs else []
    links = [{"source": a, "target": b, "weight": 1.5} for a, b in chosen]
    metadata = {
        "slug": "a",
        "scan": "some-model",
        "prompt": "x",
        "prompt_tokens": [f"w{t}" for t in range(tokens)],
    }
    return {"metadata": metadata, "qParams": {}, "nodes": raws, "links": links}, names


@SLOW
@given(files())
def test_nodes_and_tokens_drawn_are_those_of_the_file(made: tuple[dict[str, Any], Drawn]) -> None:
    data, names = made
    state = read_attribution_graph("a.graph.json", data).state
    picture = build_scene(state, "tokens")
    assert set(picture.by_name) == set(names) and len(picture.nodes) == len(data["nodes"])
    assert {edge.name for edge in picture.edges} == {f"{s}->{t}" for s, t in linked(data, names)}
    assert state.circuit is not None and state.circuit.n_nodes == len(names)
    # every token of the prompt, in order, apart from each other; each node in its own token's column
    assert [column.text for column in picture.columns] == data["metadata"]["prompt_tokens"]
    assert all(one.left < one.right < other.left < other.right for one, other in pairwise(picture.columns))
    for node in picture.nodes:
        column = picture.columns[int(node.name.rpartition("@")[2])]
        assert column.left <= node.x <= column.right
    places = [(node.x, node.y) for node in picture.nodes]
    assert len(set(places)) == len(places)
    for layout in ("layered", "grid"):
        assert set(build_scene(state, layout).by_name) == set(names)


@SLOW
@given(files())
def test_filters_and_ablation_count_nodes_without_edges(made: tuple[dict[str, Any], Drawn]) -> None:
    data, names = made
    state = read_attribution_graph("a.graph.json", data).state
    assert state.circuit is not None
    joined = {end for pair in linked(data, names) for end in pair}
    for sight, left in (
        (ViewFilters(joined=True), joined),
        (ViewFilters(hidden_kinds=frozenset({"feature"})), {name for name in names if ".f" not in name}),
    ):
        seen = set_filters(sight).transform(state)
        picture = build_scene(seen, "tokens")
        assert set(picture.by_name) == left
        assert f"and {len(left):,} of its {len(names):,} nodes" in status_text(seen, picture)
    alone = sorted(set(names) - joined)
    out = toggle_ablation(alone).transform(state)
    assert out.live_circuit is not None and (out.live_circuit.edges == state.circuit.edges).all()
    assert set(build_scene(out, "tokens").by_name) == set(names)


@pytest.mark.parametrize("suffix", [".circuit", ".graph.json", ".graphml", ".csv"])
@settings(SLOW, max_examples=12)
@given(made=files())
def test_files_keep_nodes_without_edges(
    made: tuple[dict[str, Any], Drawn], suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data, names = made
    document = read_attribution_graph("a.graph.json", data)
    path = tmp_path_factory.mktemp("kept") / f"again{suffix}"
    if suffix == ".circuit":
        save_document(document, path)
    else:
        export_document(document, path)
    if suffix == ".csv":  # both tables together hold the circuit
        export_document(document, path.with_suffix(".nodes.csv"))
    after = open_document(path) if suffix == ".circuit" else import_document(path)
    assert set(build_scene(after.state, "tokens").by_name) == set(names)
    assert after.state.circuit is not None and after.state.circuit.n_edges == len(data["links"])


def test_figures_draw_nodes_without_edges_and_every_token(qapp: QApplication, tmp_path: Path) -> None:
    raws = [
        {
            "node_id": f"{layer}_7_{at}",
            "layer": str(layer),
            "ctx_idx": at,
            "feature_type": "cross layer transcoder",
        }
        for layer, at in ((0, 1), (1, 1), (2, 4))
    ]
    data = {
        "metadata": {
            "scan": "some-model",
            "prompt": "a b",
            "prompt_tokens": ["zero", "one", "two", "three", "four"],
        },
        "nodes": [{**raw, "feature": 0, "jsNodeId": "", "clerp": ""} for raw in raws],
        "links": [],
    }
    path = tmp_path / "a.svg"
    document, figure = read_attribution_graph("a.graph.json", data), FigureOptions(layout="tokens")
    save_figure(document, path, figure)
    text = path.read_text()
    for written in ("m0.f7", "m1.f7", "m2.f7", "zero", "one", "two", "three", "four"):
        assert f">{written}<" in text
    assert caption(document, figure).startswith(
        "Attribution graph of some-model on “a b”; 0 of 0 edges, 3 nodes"
    )


def test_a_position_that_no_prompt_has_makes_no_columns() -> None:
    data = {
        "nodes": [
            {
                "node_id": "0_1_1000000",
                "layer": "0",
                "ctx_idx": 10**6,
                "feature_type": "cross layer transcoder",
            }
        ],
        "links": [],
    }
    picture = build_scene(read_attribution_graph("a.graph.json", data).state, "tokens")
    assert len(picture.nodes) == 1 and len(picture.columns) <= 4097


def linked(data: dict[str, Any], names: Drawn) -> list[tuple[str, str]]:
    """Names of both ends of each link."""
    named = {node_id: name for name, node_id in names.items()}
    return [(named[link["source"]], named[link["target"]]) for link in data["links"]]
