"""Graphs of features come as large as circuit-tracer prunes them; larger ones are refused before they cost."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from circuitviz.errors import InputError
from circuitviz.formats import graph_limits, import_document, open_document, save_document


def graph_of(nodes: int, path: Path) -> Path:
    """A file of features in a row, each writing to the next, and a logit."""
    ids = [f"{at * 12 // nodes}_{at}_3" for at in range(nodes - 1)] + ["13_5_3"]
    made = [
        {"node_id": i, "feature": 1, "layer": i.split("_")[0], "ctx_idx": 3, "jsNodeId": i, "clerp": "",
         "feature_type": "logit" if i == "13_5_3" else "cross layer transcoder"}
        for i in ids
    ]  # fmt: skip
    links = [{"source": a, "target": b, "weight": 1.0} for a, b in itertools.pairwise(ids)]
    about = {"slug": "s", "scan": "gpt2", "prompt": "a", "prompt_tokens": ["a"]}
    path.write_text(json.dumps({"metadata": about, "qParams": {}, "nodes": made, "links": links}))
    return path


def test_a_graph_of_as_many_nodes_as_are_pruned_to_opens_and_comes_back(tmp_path: Path) -> None:
    document = import_document(graph_of(6500, tmp_path / "a.graph.json"))
    assert document.state.circuit is not None and document.state.circuit.n_edges == 6499
    save_document(document, tmp_path / "a.circuit")
    assert open_document(tmp_path / "a.circuit").state.hash == document.state.hash


def test_more_nodes_are_refused_at_once_with_what_they_would_cost(tmp_path: Path) -> None:
    path = graph_of(20_000, tmp_path / "a.graph.json")
    began = time.process_time()
    with pytest.raises(InputError, match=r"20,000 nodes, which would take 4.5 GB .* up to 12,000 .* prune"):
        import_document(path)
    assert time.process_time() - began < 5


def test_nodes_that_do_not_fit_into_what_is_free_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_limits.psutil, "virtual_memory", lambda: SimpleNamespace(available=2**29))
    with pytest.raises(InputError, match=r"10,000 nodes take 1.1 GB of memory to open, and 0.5 GB are free"):
        graph_limits.check_node_count(10_000, 1)
    graph_limits.check_node_count(5000, 1)
