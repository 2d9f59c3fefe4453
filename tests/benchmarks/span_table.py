"""How many edges a circuit needs by span: ``python tests/benchmarks/span_table.py [--folder SMOLLM2] [--prompts 32]``.

For each way to corrupt ``ioi``: the fewest edges, chosen greedily from the method's scores, with a faithfulness of
0.8 or more, of the whole prompt and by span, counted at spans and between components; and the heads of the circuit by
span at each span, the largest attributions first.
"""

from __future__ import annotations

import argparse

import numpy as np

from circuitviz.discovery import discover, make_setting
from circuitviz.evaluation import make_bench
from circuitviz.graph import Circuit, Evaluation, Scores
from circuitviz.graph.names import split_span
from circuitviz.models import Model, load_model
from circuitviz.progress import run_to_completion
from circuitviz.tasks import Task, load_task

CORRUPTIONS = ("third-name", "random-names")
LEAST_FAITHFULNESS = 0.8
GROWTH = 1.25  # from one number of edges to the next that is tried
FIRST_EDGES, SHOWN_HEADS = 10, 6


def main() -> None:
    """Print a Markdown table, and the heads of the circuits by span."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default="demo", help="of a checkpoint, such as SmolLM2's")
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--method", default="eap-ig")
    given = parser.parse_args()
    model = load_model(given.folder)
    print(
        "| corruption | plain edges | the same at all spans | edges at spans | between components | nodes |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    found = []
    for corruption in CORRUPTIONS:
        task = load_task("ioi", model, prompts=given.prompts, corruption=corruption)
        plain, _ = _smallest(model, task, discover(model, task, given.method))
        scores = discover(model, task, given.method, by_span=True)
        by_span, evaluation = _smallest(model, task, scores)
        sizes = plain.n_edges, plain.n_edges * len(task.spans), by_span.n_edges, by_span.n_component_edges
        print(
            f"| `{corruption}` | {' | '.join(f'{size:,}' for size in (*sizes, by_span.n_nodes))} |",
            flush=True,
        )
        found.append((corruption, scores, by_span, evaluation))
    for corruption, scores, circuit, evaluation in found:
        print(f"\n{corruption}, faithfulness {evaluation.faithfulness}:")
        _print_heads(scores, circuit)


def _smallest(model: Model, task: Task, scores: Scores) -> tuple[Circuit, Evaluation]:
    """The smallest circuit that is faithful enough, to within 2 % of its size."""
    bench = make_bench(make_setting(model, task), scores.graph, {})

    def measure(n_edges: int) -> tuple[Circuit, Evaluation, bool]:
        circuit = scores.greedy(n_edges)
        evaluation = run_to_completion(bench.evaluate(circuit))
        value = evaluation.faithfulness.value
        return circuit, evaluation, value is not None and value >= LEAST_FAITHFULNESS

    low, high = 0, FIRST_EDGES
    while not (best := measure(high))[2] and high < scores.graph.n_edges:
        low, high = high, min(scores.graph.n_edges, int(high * GROWTH) + 1)
    while high - low > max(1, high // 50):
        middle = (low + high) // 2
        tried = measure(middle)
        low, high, best = (low, middle, tried) if tried[2] else (middle, high, best)
    return best[0], best[1]


def _print_heads(scores: Scores, circuit: Circuit) -> None:
    graph = circuit.graph
    assert graph.spans is not None
    attributions = np.where(circuit.edges, scores.values, 0.0).sum(axis=1)
    n_edges = graph.split_spans(circuit.edges).sum(axis=(0, 1))
    for span, number in zip(graph.spans.names, n_edges, strict=True):
        heads = [
            (split_span(name)[0], float(attributions[graph.sender_index[name]]))
            for name in circuit.node_names
            if graph.node(name).span == span and graph.node(name).head is not None
        ]
        heads.sort(key=lambda head: -abs(head[1]))
        listed = ", ".join(f"{name} {value:+.2f}" for name, value in heads[:SHOWN_HEADS])
        print(f"  {span}: {number} edges, {len(heads)} heads: {listed}")


if __name__ == "__main__":
    main()
