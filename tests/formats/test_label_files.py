"""Labels leave and come as files; nothing is lost, and what is wrong is said with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitviz.document import ClaimOutcome, Document, Evidence, EvidenceContext, Label, State
from circuitviz.errors import InputError
from circuitviz.formats import open_document, save_document
from circuitviz.formats.label_files import read_labels, write_labels
from circuitviz.graph import Circuit, Graph, ModelShape
from circuitviz.graph.feature_sites import graph_with_features

GRAPH = Graph.transformer(ModelShape(2, 4, 16))
TARGETS = ["a0.h1", "m1", "input", "a0.h1->a1.h2<q>", "group:Späte Köpfe", "class:S-Inhibition"]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12)
NUMBER = st.floats(-10, 10)
OUTCOMES = st.builds(
    ClaimOutcome, st.sampled_from(["holds", "fails", "undecided"]), NUMBER, st.none() | NUMBER, st.none() | NUMBER,
    TEXT, st.integers(1, 99), TEXT, st.integers(0, 9), TEXT, st.builds(EvidenceContext, TEXT, TEXT, TEXT),
)  # fmt: skip
OPTIONS = st.dictionaries(TEXT, TEXT | st.integers(-9, 9) | st.booleans() | NUMBER, max_size=3)
EVIDENCE = st.builds(Evidence, TEXT, TEXT, OPTIONS, st.none() | OUTCOMES)
LABELS = st.builds(
    Label,
    TEXT.map(lambda t: t.strip() or "x"),
    st.sampled_from(["#8b5cf6", "#00FF00"]),
    TEXT,
    st.none() | st.floats(0, 1),
    TEXT,
    st.lists(EVIDENCE, max_size=3).map(tuple),
)
DICTS = st.dictionaries(st.sampled_from(TARGETS), LABELS, min_size=1)


def state(labels: dict[str, Label]) -> State:
    return State(circuit=Circuit(GRAPH, GRAPH.mask), labels=labels)


@settings(max_examples=60, deadline=None)
@given(DICTS)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, labels: dict[str, Label]) -> None:
    folder = tmp_path_factory.mktemp("labels")
    for name in ("a.jsonl", "a.csv"):
        assert write_labels(state(labels), folder / name) == len(labels)
        assert read_labels(folder / name, GRAPH) == (labels, [])
    save_document(Document(state(labels)), folder / "a.circuit")
    assert open_document(folder / "a.circuit").state.labels == labels


def test_rows_have_the_columns_of_feature_circuits(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_labels(state({"a1.h2": Label("Induction", note="see a0.h1"), "m1": Label("x")}), path)
    head, mlp = (json.loads(line) for line in path.read_text().splitlines())
    wanted = {"Component": "attn", "Layer": 1, "Feature": 2, "Name": "a1.h2", "Annotation": "Induction"}
    assert {**head, **wanted} == head and head["Notes"] == "see a0.h1"
    assert (mlp["Component"], mlp["Layer"], mlp["Feature"]) == ("mlp", 1, None)


def test_other_tools_rows_keep_what_they_say_and_foreign_names_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [
        {"Component": "attn", "Layer": "1", "Feature": "2", "Annotation": "Induction", "Rater": {"n": 3}},
        {"Name": "resid_3/1234", "Annotation": "plural subjects"},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    labels, foreign = read_labels(path, GRAPH)
    assert labels == {"a1.h2": Label("Induction", extra={"Rater": {"n": 3}})}
    assert foreign == ["resid_3/1234"]
    write_labels(state(labels), tmp_path / "b.jsonl")
    assert read_labels(tmp_path / "b.jsonl", GRAPH)[0] == labels


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"Name": "m0"}, "line 2: a label needs a text as Name and a text as Annotation"),
        ({"Name": "m0", "Annotation": "x", "Colour": "red"}, "colour is 'red'"),
        ({"Name": "m0", "Annotation": "x", "Confidence": 1.5}, "from 0 to 1"),
        ({"Name": "m0", "Annotation": "x", "Evidence": [{"claim": "a"}]}, "line 2: its evidence is damaged"),
        ([1], "line 2: this is no object"),
    ],
)
def test_a_wrong_row_is_told_with_its_line(row: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"Name": "m0", "Annotation": "x"}) + "\n" + json.dumps(row))
    with pytest.raises(InputError, match=said):
        read_labels(path, GRAPH)


def test_wrong_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no label to export"):
        write_labels(state({}), tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"kept as \.jsonl or \.csv"):
        write_labels(state({"m0": Label("x")}), tmp_path / "a.txt")
    (tmp_path / "a.csv").write_text("Name,Annotation\nm0\n")
    with pytest.raises(InputError, match="line 2: it has another number of fields"):
        read_labels(tmp_path / "a.csv", GRAPH)
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(InputError, match="holds no labels"):
        read_labels(tmp_path / "b.csv", GRAPH)


@pytest.mark.parametrize("component", ["resid_mid", "embed", "lorsa", "lorsa-16k"])
@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_labels_of_features_without_a_node_here_are_told_and_never_ours(
    component: str, suffix: str, tmp_path: Path
) -> None:
    """With a name of ours, with one of feature-circuits, without any; with and without an annotation."""
    rows = [
        {"Component": component, "Layer": "1", "Feature": "", "Name": "m1", "Annotation": "plural nouns"},
        {"Component": component, "Layer": "1", "Feature": "2", "Name": "resid_1/2", "Annotation": "x"},
        {"Component": component, "Layer": "1", "Feature": "3", "Name": "", "Annotation": "x"},
        {"Component": component, "Layer": "0", "Feature": "4", "Name": "", "Annotation": ""},
        {"Component": "mlp", "Layer": "1", "Feature": "", "Name": "", "Annotation": "verbs"},
    ]
    path = tmp_path / f"a{suffix}"
    if suffix == ".csv":
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    path.write_text("\n".join(lines))
    labels, foreign = read_labels(path, GRAPH)
    assert labels == {"m1": Label("verbs")}
    assert foreign == ["m1", "resid_1/2", f"{component.lower()} 1/3", f"{component.lower()} 0/4"]


@pytest.mark.parametrize(
    ("component", "layer"),
    [("resid", 2), ("res", 2), ("Resid_post", 2), ("residual stream", 2), ("resid_pre", 1)],
)
def test_features_of_the_stream_have_their_sites_names(component: str, layer: int, tmp_path: Path) -> None:
    """Whatever their own names are; a row without an index is about no node."""
    rows = [
        {"Component": component, "Layer": "1", "Feature": "", "Name": "m1", "Annotation": "plural nouns"},
        {"Component": component, "Layer": "1", "Feature": "2", "Name": "resid_1/2", "Annotation": "x"},
        {"Component": component, "Layer": "1", "Feature": "3", "Annotation": "y"},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    names = {f"r{layer}": [2, 3]}
    labels, foreign = read_labels(path, graph_with_features(GRAPH.shape, names, {}))
    assert labels == {f"r{layer}.f2": Label("x"), f"r{layer}.f3": Label("y")}
    assert foreign == ["m1"]


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("Name,Label,Label\na0.h0,one,two\n")
    with pytest.raises(InputError, match="the column 'Label' is there twice"):
        read_labels(path, Graph.transformer(ModelShape(1, 1, 4)))
