"""Circuits by span in files: they come back whole, and what does not fit together is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from circuitviz.document import Document, State, TaskOrigin
from circuitviz.errors import InputError
from circuitviz.formats.manifest import from_manifest, to_manifest, to_tensors
from circuitviz.graph import Graph, ModelShape, Scores
from circuitviz.graph.spans import PromptSpans

SHAPE = ModelShape(2, 4, 16, n_kv_heads=2)
SPANS = PromptSpans.of_prompts([["other", "IO", "S2", "END"], ["other", "S2", "IO", "END"]])
PAIRS = (
    ("So Mary said that", "So John said that", (" she",), (" he",), (("IO", 3, 7),)),
    ("So Ann said that", "So Tom said that", (" she",), (" he",)),
)


@pytest.fixture
def document() -> Document:
    graph = Graph.transformer(SHAPE).with_spans(SPANS)
    values = np.where(graph.mask, np.random.default_rng(0).normal(size=graph.mask.shape), 0.0)
    scores = Scores(graph, values, "eap")
    origin = TaskOrigin("m", "ab" * 32, "t", "cd" * 32, PAIRS, "logit-diff", "corrupted", "eap", by_span=True)
    return Document(State(origin, scores, scores.greedy(50)))


def test_a_circuit_by_span_comes_back(document: Document) -> None:
    manifest, tensors = to_manifest(document), to_tensors(document)
    assert tensors["scores"].shape == tensors["edges"].shape == (*Graph.transformer(SHAPE).mask.shape, 4)
    again = from_manifest(copy.deepcopy(manifest), tensors).state
    assert again.hash == document.state.hash and again.origin == document.state.origin
    assert again.circuit is not None and again.circuit.graph is document.state.circuit.graph
    assert manifest["provenance"]["spans"] == [[["IO", 3, 7]], []]
    other = replace(again.origin, pairs=((*PAIRS[0][:4], (("IO", 3, 6),)), PAIRS[1]))
    assert replace(again, origin=other).measurement_key != again.measurement_key
    assert all(len(pair) == 4 for pair in manifest["provenance"]["pairs"]), "as earlier versions read them"


def test_a_circuit_without_spans_has_the_manifest_of_before(document: Document) -> None:
    graph = Graph.transformer(SHAPE)
    scores = Scores(graph, np.where(graph.mask, 1.0, 0.0), "eap")
    origin = TaskOrigin("m", "", "t", "", (PAIRS[1],), "logit-diff", "corrupted", "eap")
    manifest = to_manifest(Document(State(origin, scores, scores.greedy(20))))
    assert "spans" not in manifest["graph"] and not {"spans", "by_span"} & manifest["provenance"].keys()


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["graph"].update(spans=[]),
        lambda m: m["graph"]["spans"].pop("reads"),
        lambda m: m["graph"]["spans"].update(names=["END", "IO"]),
        lambda m: m["graph"]["spans"]["names"].insert(0, "IO"),
        lambda m: m["graph"]["spans"]["names"].insert(0, "a b"),
        lambda m: m["graph"]["spans"]["names"].insert(0, 3),
        lambda m: m["graph"]["spans"].update(names=[f"p{i}" for i in range(1999)] + ["END"]),
        lambda m: m["graph"]["spans"]["reads"].update(IO=7),
        lambda m: m["provenance"].update(spans=[[["IO", 3]], []]),
        lambda m: m["provenance"].update(spans=[[["IO", 3, 700]], []]),
        lambda m: m["provenance"].update(spans=[[["IO", 3, True]], []]),
        lambda m: m["provenance"].update(by_span="yes"),
    ],
)
def test_spans_that_do_not_fit_are_refused(
    document: Document, change: Callable[[dict[str, Any]], None]
) -> None:
    manifest = to_manifest(document)
    change(manifest)
    with pytest.raises((InputError, KeyError, ValueError)):
        from_manifest(manifest, to_tensors(document))


def test_a_tensor_of_another_number_of_spans_is_refused(document: Document) -> None:
    tensors = to_tensors(document)
    tensors["edges"] = tensors["edges"][:, :, :3]
    with pytest.raises(InputError, match="its tensor 'edges' has shape"):
        from_manifest(to_manifest(document), tensors)


@pytest.mark.parametrize("spans", [[[]], [[], [], []]])
def test_spans_of_another_number_of_pairs_are_named(document: Document, spans: list[Any]) -> None:
    manifest = to_manifest(document)
    manifest["provenance"]["spans"] = spans
    with pytest.raises(InputError, match=f"spans of {len(spans)} prompts and holds 2 pairs"):
        from_manifest(manifest, to_tensors(document))


def test_which_edges_were_examined_comes_back(document: Document) -> None:
    state = document.state
    assert state.scores is not None and state.circuit is not None
    partly = replace(state.scores, examined=state.circuit.edges)
    document = Document(replace(state, scores=partly))
    again = from_manifest(to_manifest(document), to_tensors(document)).state
    assert again.scores is not None and np.array_equal(again.scores.examined, state.circuit.edges)
