"""What is written in another tool's format comes back whole, whatever names and numbers it holds."""

from __future__ import annotations

import csv
import dataclasses
import html
import io
import math
import re
import unicodedata
from pathlib import Path

import networkx as nx
import numpy as np
import pydot
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from circuitviz.document import Document, Label, State
from circuitviz.errors import InputError
from circuitviz.formats import export_document, export_warning, import_document, open_document, save_document
from circuitviz.formats.csv_cells import format_csv, unescape_formula
from circuitviz.formats.text_escapes import escape_text, unescape_text
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.graph.feature_sites import graph_with_features
from circuitviz.graph.spans import PromptSpans

SHAPES = [
    ModelShape(2, 4, 16),
    ModelShape(2, 4, 16, 2),
    ModelShape(1, 2, 8, None, True),
    ModelShape(2, 2, 8, mlp=False),
]
OPENED = graph_with_features(
    ModelShape(2, 4, 16), {"a1": [3, 7], "m0": [9]}, {"a1": "sae \\ 1\n", "m0": "tc"}
)
SPANS = PromptSpans.of_prompts([["other", "IO", "S-1", "ß.2", "END"], ["other", "S-1", "IO", "END"]])
BY_SPAN = [Graph.transformer(shape).with_spans(SPANS) for shape in SHAPES[1:3]]
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
# Any text, and the beginnings of escapes, formulas, markup and channels.
ODD = st.lists(
    st.text(max_size=3)
    | st.sampled_from(
        [
            "\\",
            "\\u0041",
            "\\n",
            '"',
            "\n",
            "\r",
            "\t",
            "=",
            "-",
            "'",
            "<b>",
            "<q>",
            "->",
            "&amp;",
            "@",
            "\x1b",
            "\ud800",
        ]
    ),
    max_size=4,
).map("".join)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
PLACE = st.floats(-1e6, 1e6)  # what can be drawn


def feature_graph(has_score_edges: bool = False) -> Graph:
    """Features, an error and a token of one prompt, and two logits; also with edges through scores."""
    nodes = (
        Node("token@0", NodeKind.TOKEN, position=0, token=17),
        Node("a0.f3@1", NodeKind.FEATURE, 0, site="a", position=1, feature=3, dictionary="sae-0"),
        Node("m0.f9@1", NodeKind.FEATURE, 0, site="m", position=1, feature=9, dictionary="tc \\ 0\n"),
        Node("m0.error@1", NodeKind.ERROR, 0, site="m", position=1),
        Node("logit.4@1", NodeKind.LOGITS, position=1, token=4),
        Node("logit.5@1", NodeKind.LOGITS, position=1, token=5),
    )
    mask = np.triu(np.ones((4, 6), dtype=bool), 1)
    mask[:, 3] = False  # nothing flows into an error
    keys = mask & (np.arange(6) != 2)
    through = {"q": mask, "k": keys} if has_score_edges else {}
    return Graph.of_nodes(ModelShape(1, 2, 8), nodes, mask, 2, through)


@st.composite
def documents(draw: st.DrawFn, features: bool = True, score_edges: bool = True) -> Document:
    """Any edges with any scores, any labels at any places, on every shape of graph."""
    kinds = [Graph.transformer(shape) for shape in SHAPES]
    kinds += [feature_graph(), OPENED, *BY_SPAN] * features
    kinds += [feature_graph(has_score_edges=True)] * (features and score_edges)
    graph = draw(st.sampled_from(kinds))
    places = np.argwhere(graph.mask)
    chosen = draw(st.lists(st.integers(0, len(places) - 1), min_size=1, max_size=8, unique=True))
    edges, values = np.zeros_like(graph.mask), np.zeros(graph.mask.shape)
    for at in chosen:
        edges[tuple(places[at])], values[tuple(places[at])] = True, draw(NUMBER)
    circuit = Circuit(graph, edges, len(chosen))
    names = st.sampled_from(circuit.node_names)
    text = st.text(max_size=8) | st.sampled_from(
        ['"', "\\", "\r\n", "\x00", "a,b", "<&>", "\\-", " ", "true", "3"]
    )
    labels = draw(
        st.dictionaries(names, st.builds(Label, text, st.sampled_from(["#102030", "#ABCDEF"])), max_size=3)
    )
    positions = draw(st.dictionaries(names, st.tuples(PLACE, PLACE), max_size=3))
    method = draw(text.filter(bool))
    out = draw(st.sets(names.filter(lambda name: name != "logits"), max_size=2))
    cut = draw(st.sets(st.sampled_from(circuit.edge_names), max_size=2))
    scores = Scores(graph, values, method)
    state = State(None, scores, circuit, frozenset(out), frozenset(cut), labels=labels, positions=positions)
    return Document(state)


def same(before: Document, after: Document) -> None:
    ours, theirs = before.state, after.state
    assert ours.circuit is not None and theirs.circuit is not None and ours.scores and theirs.scores
    assert theirs.circuit.edge_names == ours.circuit.edge_names
    names = set(ours.circuit.node_names) | {
        n.name for n in ours.circuit.graph.nodes if n.kind is NodeKind.LOGITS
    }
    for name in names & set(theirs.circuit.graph.node_index):
        assert theirs.circuit.graph.node(name) == ours.circuit.graph.node(name)
    assert theirs.circuit.graph.shape == ours.circuit.graph.shape
    for name in ours.circuit.edge_names:
        place, there = ours.circuit.graph.edge(name), theirs.circuit.graph.edge(name)
        assert theirs.scores.values[there] == ours.scores.values[place]
    assert dict(theirs.labels) == dict(ours.labels)
    assert dict(theirs.positions) == dict(ours.positions)
    assert theirs.scores.method == ours.scores.method
    assert (theirs.ablated_nodes, theirs.ablated_edges) == (ours.ablated_nodes, ours.ablated_edges)
    assert theirs.live_circuit is not None and ours.live_circuit is not None
    assert theirs.live_circuit.edge_names == ours.live_circuit.edge_names


@given(documents())
@SLOW
@pytest.mark.parametrize("suffix", [".graphml", ".csv"])
def test_a_circuit_comes_back_with_what_is_ablated(tmp_path: Path, suffix: str, before: Document) -> None:
    files = [tmp_path / f"a{suffix}"] + [tmp_path / "a.nodes.csv"] * (suffix == ".csv")
    for path in files:
        export_document(before, path)
    first = [path.read_bytes() for path in files]
    after = import_document(files[0])
    same(before, after)
    for path in files:
        export_document(after, path)
    assert [path.read_bytes() for path in files] == first


@pytest.mark.parametrize("suffix", [".graphml", ".dot", ".csv", ".graph.json"])
def test_what_is_ablated_is_in_the_file_and_says_so(tmp_path: Path, suffix: str) -> None:
    """One node out, one edge out, and the edge that the node took with it."""
    graph = Graph.transformer(ModelShape(1, 2, 8))
    names = ["input->a0.h0<q>", "a0.h0->m0", "input->m0", "m0->logits", "a0.h1->logits", "input->a0.h1<v>"]
    edges = np.zeros_like(graph.mask)
    for name in names:
        edges[graph.edge(name)] = True
    cut = frozenset({"input->a0.h1<v>"})
    state = State(
        None, Scores(graph, edges * 0.5, "eap"), Circuit(graph, edges, 6), frozenset({"a0.h0"}), cut
    )
    assert set(state.live_circuit.edge_names) == set(names) - cut - {"a0.h0->m0"}
    path = tmp_path / f"a{suffix}"
    export_document(Document(state), path)
    text = path.read_text(encoding="utf-8")
    if suffix == ".csv":
        rows = {f"{r['sender']}->{r['receiver']}": r for r in csv.DictReader(text.splitlines())}
        assert set(rows) == set(names)
        assert {name for name, row in rows.items() if row["ablated"] == "true"} == cut
        assert {name for name, row in rows.items() if row["live"] == "true"} == set(
            state.live_circuit.edge_names
        )
        export_document(Document(state), tmp_path / "a.nodes.csv")
    elif suffix == ".dot":
        assert text.count('ablated="true"') + text.count("ablated=true") == 2 and text.count("dotted") == 3
        return  # only written
    after = import_document(path).state
    assert after.ablated_nodes == {"a0.h0"} and after.ablated_edges == cut
    assert (
        after.circuit.edge_names == state.circuit.edge_names
        and after.live_circuit.edge_names == state.live_circuit.edge_names
    )


@given(documents())
@SLOW
def test_a_document_comes_back_with_every_graph(tmp_path: Path, before: Document) -> None:
    path = tmp_path / "a.circuit"
    save_document(before, path)
    after = open_document(path)
    same(before, after)
    assert after.state.hash == before.state.hash
    assert after.state.circuit is not None and before.state.circuit is not None
    assert after.state.circuit.graph.same_as(before.state.circuit.graph)
    first = path.read_bytes()
    save_document(after, path)
    assert path.read_bytes() == first


@given(ODD)
@settings(max_examples=300)
def test_escapes_change_only_what_files_lose_and_come_back(text: str) -> None:
    r"""Control characters go; a backslash stays as it is unless it would be read as an escape (``\u0041``)."""
    written = escape_text(text)
    assert unescape_text(written) == text
    assert not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in written)
    if not re.search(r"\\u[0-9a-fA-F]{4}", text) and all(c.isprintable() or c == "\n" for c in text):
        assert written == text


@given(ODD)
@settings(max_examples=300)
def test_no_cell_is_a_formula_and_cells_come_back(text: str) -> None:
    row = next(csv.reader(io.StringIO(format_csv([[text, "x"]]), newline="")))
    assert [unescape_formula(cell) for cell in row] == [text, "x"]
    assert (
        row[0][:1] not in tuple("=+-@\t\r")
        or not row[0]
        or math.isfinite(float(row[0]))
        or "n" in row[0].lower()
    )


def labelled(text: str, name: str = "a0.h0") -> Document:
    """A small circuit with one label, or with one node of another name."""
    nodes = (
        Node("token@0", NodeKind.TOKEN, position=0, token=1),
        Node(name, NodeKind.FEATURE, 0, site="m", position=0, feature=1),
        Node("logit.4@0", NodeKind.LOGITS, position=0, token=4),
    )
    graph = Graph.of_nodes(ModelShape(1, 2, 8), nodes, np.triu(np.ones((2, 3), dtype=bool), 1), 1)
    return Document(
        State(None, Scores(graph, graph.mask * 0.5, "eap"), Circuit.full(graph), labels={name: Label(text)})
    )


@pytest.mark.parametrize(
    "text", [r"\alpha", r"C:\new\table", "-", r"\-", "two\nlines", "naïve “x”", "=1+1", "&lt;b&gt;"]
)
def test_labels_stand_in_files_as_they_are(tmp_path: Path, text: str) -> None:
    """What other tools read of GraphML and CSV, and what Graphviz draws, is the label and no escapes of ours."""
    document = labelled(text)
    for suffix in (".graphml", ".nodes.csv", ".csv", ".dot"):
        export_document(document, tmp_path / f"a{suffix}")
    assert nx.read_graphml(tmp_path / "a.graphml").nodes["a0.h0"]["label"] == text
    rows = {
        row["node"]: row["label"]
        for row in csv.DictReader(io.StringIO((tmp_path / "a.nodes.csv").read_bytes().decode(), newline=""))
    }
    assert rows["a0.h0"] == (f"'{text}" if text[0] in "=-" else text)
    drawn = re.search(r'"a0.h0" \[label="((?:[^"\\]|\\.)*)"', (tmp_path / "a.dot").read_text())
    assert (
        drawn is not None
        and html.unescape(re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), drawn[1]))
        == f"a0.h0\n{text}"
    )
    for suffix in (".graphml", ".csv"):
        assert import_document(tmp_path / f"a{suffix}").state.labels["a0.h0"].text == text


@given(ODD.filter(bool), ODD)
@example("\x00", "\x00")
@example("a\x00", "\x00a")
@SLOW
@pytest.mark.parametrize("suffix", [".graphml", ".csv"])
def test_any_name_of_a_node_comes_back(tmp_path: Path, suffix: str, name: str, label: str) -> None:
    assume("->" not in name and name not in ("token@0", "logit.4@0"))
    before = labelled(label, name)
    for file in (f"a{suffix}", "a.nodes.csv"):
        export_document(before, tmp_path / file)
    after = import_document(tmp_path / f"a{suffix}").state
    assert after.circuit is not None and after.circuit.edge_names == before.state.circuit.edge_names
    assert after.circuit.graph.nodes == before.state.circuit.graph.nodes and dict(after.labels) == dict(
        before.state.labels
    )


def unquoted(text: str) -> str:
    return unescape_text(text.removeprefix('"').removesuffix('"').replace('\\"', '"'))


@given(documents() | st.builds(labelled, ODD, ODD.filter(lambda name: name and "->" not in name)))
@example(labelled("\x00", "\x00"))
@example(labelled("\x00a", "a\x00"))
@SLOW
@pytest.mark.filterwarnings("ignore::DeprecationWarning:pydot")
def test_another_parser_reads_the_written_dot(tmp_path: Path, before: Document) -> None:
    """Every node with its label, every edge with its score and what is ablated, whatever names they have."""
    circuit, scores, live = before.state.circuit, before.state.scores, before.state.live_circuit
    assert circuit is not None and scores is not None and live is not None
    export_document(before, tmp_path / "a.dot")
    (read,) = pydot.graph_from_dot_data((tmp_path / "a.dot").read_text(encoding="utf-8"))
    nodes = {unquoted(node.get_name()): node.get_attributes() for node in read.get_nodes()}
    assert set(circuit.node_names) - {"logits"} <= set(nodes)
    for name, label in before.state.labels.items():
        assert unquoted(nodes[name].get("text", "")) == label.text
    assert {name for name, said in nodes.items() if "ablated" in said} == set(before.state.ablated_nodes)
    edges = {
        f"{unquoted(edge.get_source())}->{unquoted(edge.get_attributes()['receiver'])}": edge.get_attributes()
        for edge in read.get_edges()
    }
    assert set(edges) == set(circuit.edge_names)
    for name, said in edges.items():
        assert float(unquoted(said["score"])) == scores.values[circuit.graph.edge(name)]
        assert ("ablated" in said) == (name in before.state.ablated_edges)
        assert ("live" in said) == (name not in live.edge_names)


def test_dot_of_a_large_graph_warns(tmp_path: Path) -> None:
    graph = Graph.transformer(ModelShape(5, 8, 64))
    large = Document(State(None, Scores(graph, graph.mask * 1.0, "eap"), Circuit.full(graph)))
    assert graph.n_edges > 2000
    export_document(large, tmp_path / "a.dot")
    first = (tmp_path / "a.dot").read_text().splitlines()[0]
    assert first.startswith(f"// This DOT file holds {graph.n_edges:,} edges") and "sfdp" in first
    assert export_warning(large, tmp_path / "a.dot") == first.removeprefix("// ")
    assert (
        export_warning(large, "a.graphml")
        == export_warning(labelled("x"), "a.dot")
        == export_warning(large, "a.x")
        == ""
    )
    assert (tmp_path / "a.dot").read_text().count("->") == graph.n_edges


def test_edges_alone_are_read_into_the_smallest_model_that_has_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("score,sender,receiver,mine\n0.5,input,a3.h1<q>,x\n-2,m0,logits,\n,a3.h1,logits,\n")
    state = import_document(path).state
    assert state.circuit is not None and state.scores is not None
    shape = state.circuit.graph.shape
    assert (shape.n_layers, shape.n_heads, shape.mlp, shape.has_grouped_queries) == (4, 2, True, False)
    assert set(state.circuit.edge_names) == {"input->a3.h1<q>", "m0->logits", "a3.h1->logits"}
    assert state.scores.values[state.circuit.graph.edge("m0->logits")] == -2
    path.write_text("sender,receiver\ninput,a0.kv1<v>\n")
    state = import_document(path).state
    assert state.circuit is not None and state.circuit.graph.shape.has_grouped_queries


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "clean,corrupted\na,b\n", "no table of edges"),
        ("a.csv", "", "no table of edges"),
        ("a.csv", "sender,receiver,score\ninput,m0,high\n", "line 2.*score"),
        ("a.csv", "sender,receiver,score\ninput,m0\n", "line 2: 2 cells"),
        ("a.csv", "sender,receiver\nm1,m0\n", "no edge"),
        ("a.csv", "sender,receiver\ninput,a9999.h9999<q>\n", "layers"),
        ("a.csv", "sender,receiver,score\ninput,m0,nan\n", "not a number"),
        ("a.nodes.csv", "node\nm0\n", "not beside it"),
        ("a.graphml", "<a", "no GraphML"),
        ("a.graphml", "<a/>", "no GraphML|no edge"),
        ("a.graphml", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "declares entities"),
        ("a.graphml", "\ufeff\0", "declares entities"),
    ],
)
def test_what_is_no_circuit_is_told(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=says) as told:
        import_document(tmp_path / name)
    assert name in str(told.value) and "\n" not in str(told.value)


def test_a_table_of_nodes_that_does_not_belong_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sender,receiver\ninput,m0\n")
    for nodes, says in [
        ("kind\nmlp\n", "no column 'node'"),
        ("node,x,y\nm0,1,inf\n", "place of a node.* a number would be right"),
        ("node,label,label_colour\nm0,a,red\n", "colour"),
        ("node,label\nm7,a\n", "none of the model"),
        ("node\nm0\nm0\n", "twice"),
        ("node,n_layers,n_heads,d_model\nm0,0,1,1\n", "positive"),
        ("node,kind,n_layers,n_heads,d_model,sinks\nm0,mlp,1,1,1,5\n", "targets"),
        ("node,kind,n_layers,n_heads,d_model,sinks\nm0,x,1,1,1,5\n", "kind 'x'"),
    ]:
        (tmp_path / "a.nodes.csv").write_text(nodes)
        with pytest.raises(InputError, match=says):
            import_document(tmp_path / "a.csv")


def test_every_field_of_a_label_that_is_plain_is_carried() -> None:
    """A field added to Label must be one that tables carry, or be looked at here."""
    carried = {f.name for f in dataclasses.fields(Label) if f.type in ("str", "float", "float | None")}
    assert {f.name for f in dataclasses.fields(Label)} - carried <= {"evidence", "extra"}
