"""Every shape in which explanations come, what is refused, and whose word counts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from circuitviz.errors import InputError
from circuitviz.features.explanations import Explanation, ExplanationStore, read_explanations

ROW = {
    "modelId": "gpt2-small",
    "layer": "5-tres-dc",
    "index": "123",
    "description": "names after verbs",
    "explanationModelName": "gpt-4o-mini",
}
NAMES = Explanation(
    "m5", 123, "names after verbs", "gpt-4o-mini", "https://www.neuronpedia.org/gpt2-small/5-tres-dc/123"
)


def test_neuronpedia_lines_arrays_and_gzip_are_the_same(tmp_path: Path) -> None:
    other = {**ROW, "index": 7, "description": "years"}
    lines = f"{json.dumps(ROW)}\n{json.dumps(other)}\n\n{json.dumps(ROW)}\n"
    (tmp_path / "batch-0.jsonl").write_text(lines)
    (tmp_path / "batch-0.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    (tmp_path / "export.json").write_text(json.dumps([ROW, other]))
    found = [read_explanations(path).explanations for path in sorted(tmp_path.iterdir())]
    assert found[0] == found[1] == found[2]
    assert found[0][0] == NAMES and found[0][1].feature == 7 and len(found[0]) == 2


def test_one_features_json_with_its_explanations(tmp_path: Path) -> None:
    path = tmp_path / "123.json"
    feature = {k: ROW[k] for k in ("modelId", "layer", "index")}
    texts = [
        {"description": "names after verbs", "explanationModelName": "gpt-4o-mini"},
        {"description": "people"},
    ]
    path.write_text(json.dumps({**feature, "pos_str": ["a"], "explanations": texts}))
    found = read_explanations(path).explanations
    assert found[0] == NAMES
    assert (found[1].text, found[1].source) == ("people", "123.json")


@pytest.mark.parametrize(("layer", "index"), [(0, 0), (3, 511), (11, 24575), (0, 9)])
def test_circuit_tracers_numbers_hold_layer_and_index(tmp_path: Path, layer: int, index: int) -> None:
    cantor = (layer + index) * (layer + index + 1) // 2 + index
    for stem in (cantor, layer * 100_000 + index):
        path = tmp_path / f"{stem}.json"
        path.write_text(json.dumps({"index": index, "clerp": "a label", "top_logits": ["x"], "act_max": 3.0}))
        (found,) = read_explanations(path).explanations
        assert (found.site, found.feature, found.text) == (f"m{layer}", index, "a label")


def test_tables_and_annotations(tmp_path: Path) -> None:
    table, tabs, lines = tmp_path / "own.csv", tmp_path / "own.tsv", tmp_path / "annotations.jsonl"
    table.write_text('﻿Site,Feature,Label\na2,5,"quotes, open"\nm0.f9,,verbs\n')
    tabs.write_text("layer\tindex\texplanation\n2-att-kk\t5\tquotes, open\n")
    lines.write_text('{"Component": "attn", "Layer": 2, "Feature": 5, "Name": "quotes, open"}\n'
                     '{"Component": "mlp", "Layer": 0, "Feature": 9, "Annotation": "verbs"}\n')  # fmt: skip
    assert [(e.site, e.feature, e.text) for e in read_explanations(table).explanations] == [
        ("a2", 5, "quotes, open"),
        ("m0", 9, "verbs"),
    ]
    assert [(e.site, e.feature, e.text) for e in read_explanations(tabs).explanations] == [
        ("a2", 5, "quotes, open")
    ]
    assert [(e.site, e.feature) for e in read_explanations(lines).explanations] == [("a2", 5), ("m0", 9)]


def test_a_layer_alone_needs_to_be_told_the_part(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("layer,feature,label\n3,5,years\n")
    with pytest.raises(InputError, match="attention, of the MLP or of the residual stream"):
        read_explanations(path)
    assert read_explanations(path, "a").explanations[0].site == "a3"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.json", b"{", "could not be read"),
        ("x.jsonl", b'{"a": 1}\nnot json\n', "could not be read"),
        ("x.jsonl.gz", gzip.compress(b"{}", mtime=0)[:12], "could not be read"),
        ("x.json", b'[{"index": 3}, 4, "text"]', "1 rows and no explanation"),
        ("x.csv", b"\xff\xfe\xff", "could not be read"),
        ("x.csv", b"", "0 rows and no explanation"),
        ("x.json", json.dumps({**ROW, "layer": "6-res_mid_32k-oai"}).encode(), "residual stream"),
    ],
)
def test_what_says_nothing_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_explanations(tmp_path / name)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ExplanationStore]:
    one = ExplanationStore(tmp_path / "deep" / "explanations.sqlite")
    one.add_imported(
        "demo", [NAMES, Explanation("m5", 123, "people", "x"), Explanation("m5", 4, "Verbs and names", "x")]
    )
    yield one
    one.close()


def test_ones_own_label_wins_and_is_kept_apart(store: ExplanationStore) -> None:
    assert store.captions("demo", "m5")[123].text == "names after verbs"
    store.set_own_label("demo", "m5", 123, "  name movers read this ")
    store.set_own_label("demo", "m5", 8, "dates")
    captions = store.captions("demo", "m5")
    assert (captions[123].text, captions[123].source) == ("name movers read this", "you")
    assert set(captions) == {4, 8, 123}
    assert [e.text for e in store.explanations_of("demo", "m5", 123)] == [
        "name movers read this",
        "names after verbs",
        "people",
    ]
    assert store.add_imported("demo", [NAMES]) == 0
    assert store.captions("demo", "m5")[123].source == "you"
    store.set_own_label("demo", "m5", 123, " ")
    assert store.captions("demo", "m5")[123] == NAMES
    assert store.captions("other", "m5") == store.captions("demo", "m4") == {}


def test_search_finds_all_words_in_any_order_ones_own_first(store: ExplanationStore) -> None:
    store.set_own_label("demo", "m5", 200, "proper NAMES, verbs nearby")
    assert [e.feature for e in store.search("demo", "m5", "names VERB")] == [200, 4, 123]
    assert store.search("demo", "m5", "names 100%") == []
    assert [e.feature for e in store.search("demo", "m5", "peop")] == [123]


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite").write_text("text that is no database, long enough to be read as one" * 40)
    with pytest.raises(InputError, match="cannot be used"):
        ExplanationStore(tmp_path / "x.sqlite")


PYTHIA = """\
{"Component": "Component", "Annotation": "Annotation", "Name": "Name", "notes": "Notes"}
{"Component": "embed", "Feature": "1425", "Name": "embed/1425"}
{"Component": "embed", "Feature": "3734", "Name": "embed/3734", "Annotation": "of"}
{"Component": "resid", "Layer": "0", "Feature": "3974", "Name": "resid_0/3974", "Annotation": "plural nouns"}
{"Component": "attn", "Layer": "1", "Feature": "7", "Name": "attn_1/7", "Annotation": "residual words"}
{"Component": "mlp", "Layer": "1", "Feature": "4", "Name": "mlp_1/4", "Annotation": "verbs", "notes": "x"}
{"Component": "mlp", "Layer": "2", "Feature": "5", "Name": "mlp_2/5"}
{"Component": "resid", "Layer": "1", "Feature": "134", "Name": "resid_1/134", "Annotation": "plural nouns"}
"""


@pytest.mark.parametrize("part", [None, "a", "m"])
def test_features_without_a_site_here_are_skipped_and_counted(tmp_path: Path, part: str | None) -> None:
    """feature-circuits' annotations, row by row as they are published; no part that is chosen makes them ours."""
    path = tmp_path / "pythia-70m-deduped.jsonl"
    path.write_text(PYTHIA)
    read = read_explanations(path, part)
    assert [(e.site, e.feature, e.text) for e in read.explanations] == [
        ("r1", 3974, "plural nouns"),  # after layer 0
        ("a1", 7, "residual words"),
        ("m1", 4, "verbs"),
        ("r2", 134, "plural nouns"),
    ]
    assert read.skipped == {"the embedding": 1}
    assert read.skipped_text == "1 skipped (1 of the embedding)"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"layer": "6-res-jb"}, "r6"),
        ({"layer": "20-gemmascope-res-16k"}, "r21"),
        ({"layer": "5-res_mid_32k-oai"}, "the residual stream inside layers"),
        ({"layer": "5-res_post_32k-oai"}, "r6"),
        ({"layer": "3", "component": "resid"}, "r4"),
        ({"layer": "3", "hook_name": "blocks.3.hook_resid_post"}, "r4"),
        ({"layer": "3", "hook_name": "blocks.3.hook_resid_pre"}, "r3"),
        ({"layer": "3", "feature_type": "lorsa"}, "a low-rank attention (lorsa)"),
        ({"layer": "7-lorsa-16k"}, "a low-rank attention (lorsa)"),
        ({"layer": "5", "component": "lorsa", "source": "mlp"}, "a low-rank attention (lorsa)"),
        ({"layer": "5-tres-dc"}, "m"),
        ({"layer": "5-att-kk"}, "a"),
        ({"layer": "20-gemmascope-att-65k"}, "a"),
        ({"layer": "9-clt-hp"}, "m"),
        ({"layer": "3", "feature_type": "cross layer transcoder"}, "m"),
        ({"layer": "3", "component": "attn"}, "a"),
        ({"layer": "3", "hook_name": "blocks.3.attn.hook_z"}, "a"),
        ({"layer": "3"}, ""),
    ],
)
def test_the_part_is_read_from_all_that_a_row_says(tmp_path: Path, said: dict[str, str], kind: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(
        json.dumps([{"index": 4, "label": "x", **said}, {"site": "a0", "index": 1, "label": "y"}])
    )
    read = read_explanations(path, "m")
    there = [e.site[: len(kind) or 1] for e in read.explanations if e.feature == 4]
    is_site = kind[:1] in ("a", "m", "r", "") and " " not in kind
    assert (there, dict(read.skipped)) == (([kind or "m"], {}) if is_site else ([], {kind: 1}))


def test_a_lorsa_features_own_file_is_none_of_an_mlp(tmp_path: Path) -> None:
    """circuit-tracer's files are of transcoders unless they say otherwise."""
    path = tmp_path / "300004.json"
    path.write_text(json.dumps({"index": 4, "clerp": "x", "feature_type": "lorsa"}))
    with pytest.raises(InputError, match=r"of a low-rank attention \(lorsa\) alone \(1 rows\)"):
        read_explanations(path, "m")
