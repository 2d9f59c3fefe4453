"""How long files take, in seconds: ``python tests/benchmarks/bench_files.py``, from the checkout.

The file that the goal is about is EAP-IG's of GPT-2 small: 158 nodes, 32,491 edges; it is to open in
under 2 s, from the disk to what the canvas draws. Medians of five. A circuit of 300,000 edges of 32 layers with 32
heads is chosen, written and opened once, in processor seconds.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from circuitviz.document import Document, State
from circuitviz.formats import export_document, import_document, save_document
from circuitviz.graph import Circuit, Graph, ModelShape, Node, NodeKind, Scores
from circuitviz.scene.build_scene import build_scene

SMALL = ModelShape(12, 12, 768)
LARGE = ModelShape(32, 32, 4096)
RUNS = 5


def median(work: Callable[[], Any]) -> float:
    """Seconds of one call, the median of several."""
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def heads() -> Document:
    graph = Graph.transformer(SMALL)
    scores = Scores(graph, np.random.default_rng(0).normal(size=graph.mask.shape), "eap-ig")
    return Document(State(None, scores, scores.greedy(400)))


def features(count: int = 2000, links: int = 50_000) -> Document:
    pick = np.random.default_rng(0)
    nodes = [
        Node(
            f"m{i * 26 // count}.f{i}@{i % 20}",
            NodeKind.FEATURE,
            i * 26 // count,
            site="m",
            position=i % 20,
            feature=i,
        )
        for i in range(count)
    ]
    nodes += [Node(f"logit.{i}@19", NodeKind.LOGITS, position=19, token=i) for i in range(10)]
    mask = np.zeros((count, count + 10), dtype=bool)
    s = pick.integers(0, count, links)
    mask[s, pick.integers(s + 1, count + 10)] = True
    graph = Graph.of_nodes(ModelShape(26, 8, 2304), tuple(nodes), mask, 10)
    values = np.where(graph.mask, pick.normal(size=graph.mask.shape), 0.0)
    return Document(State(None, Scores(graph, values, "attribution-graph"), Circuit.full(graph)))


def measure_large_circuit(folder: Path, n_edges: int = 300_000) -> None:
    """Choosing, writing and opening a circuit of a graph of 1.6 million edges."""
    graph = Graph.transformer(LARGE)
    scores = Scores(graph, np.random.default_rng(0).normal(size=graph.mask.shape) * graph.mask, "eap-ig")
    path = folder / "large.circuit"
    print(f"{n_edges:,} of {graph.n_edges:,} edges, processor seconds")
    for rule in ("top", "greedy"):
        began = time.process_time()
        circuit = scores.select(rule, n_edges)
        print(f"  chosen by {rule}: {time.process_time() - began:.1f}")
    began = time.process_time()
    save_document(Document(State(None, scores, circuit)), path)
    print(f"  written: {time.process_time() - began:.1f}, {path.stat().st_size / 1e6:.1f} MB")
    began = time.process_time()
    import_document(path)
    print(f"  opened: {time.process_time() - began:.1f}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        for title, document, suffixes in (
            (
                "GPT-2 small, 32,491 edges",
                heads(),
                (".json", ".circuit", ".csv", ".graphml", ".graph.json"),
            ),
            ("2,000 features, 50,000 links", features(), (".circuit", ".graph.json")),
        ):
            print(title)
            for suffix in suffixes:
                path = Path(name) / f"a{suffix}"
                write = save_document if suffix == ".circuit" else export_document
                wrote = median(lambda write=write, document=document, path=path: write(document, path))
                opened = median(lambda path=path: import_document(path))
                shown = median(lambda path=path: build_scene(import_document(path).state, "layered"))
                size = path.stat().st_size / 2**20
                print(
                    f"  {suffix:12} {size:7.2f} MB   write {wrote:6.3f}   open {opened:6.3f}   open and lay out {shown:6.3f}"
                )
        measure_large_circuit(Path(name))
        whole = heads()
        whole.set_state(State(None, whole.state.scores, Circuit.full(Graph.transformer(SMALL))))
        path = Path(name) / "whole.json"
        export_document(whole, path)
        shown = median(lambda: build_scene(import_document(path).state, "layered"))
        print(f"all 32,491 edges in the circuit, EAP-IG's .json: open and lay out {shown:.3f}")
    print("torch was not imported" if "torch" not in sys.modules else "torch was imported")


if __name__ == "__main__":
    main()
