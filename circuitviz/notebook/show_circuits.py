"""How circuits, documents, scores and evaluations show themselves in notebooks."""

from __future__ import annotations

import numpy as np

from circuitviz.document import Document
from circuitviz.draw.page_data import describe_label
from circuitviz.graph import Circuit, Evaluation, Scores
from circuitviz.notebook.circuit_svg import draw_circuit
from circuitviz.notebook.convert import as_document
from circuitviz.notebook.html_parts import format_number, make_output, make_table
from circuitviz.notebook_methods import displays
from circuitviz.number_text import decimal_number, interval_text

MOST_EDGES = 500  # drawn in a notebook, which stores its outputs
STRONGEST = 12  # edges listed of scores


@displays.register("Circuit", summary="drawing with its size")
def show_circuit(circuit: Circuit) -> str:
    """The circuit's size and its drawing."""
    note = f" {circuit.note}" if circuit.note else ""
    size = f"{circuit.n_edges:,} of {circuit.graph.n_edges:,} edges, {circuit.n_nodes:,} nodes.{note}"
    return make_output("Circuit", size, _drawing(as_document(circuit)))


@displays.register("Document", summary="drawing with its labels")
def show_document(document: Document) -> str:
    """The document's circuit, and its labels with their verdicts."""
    state, circuit = document.state, document.state.circuit
    name = document.path.name if document.path is not None else "Document"
    if circuit is None:
        return make_output(name, "No circuit yet.")
    told = [(target, describe_label(state, target, label)) for target, label in sorted(state.labels.items())]
    rows = [
        (target, one["text"], ", ".join(e["verdict"] for e in one["evidence"]) or "not tested")
        for target, one in told
        if one is not None
    ]
    labels = make_table(("node", "label", "evidence"), rows) if rows else ""
    size = f"{circuit.n_edges:,} of {circuit.graph.n_edges:,} edges, {circuit.n_nodes:,} nodes."
    if state.scores is not None:
        size = f"{state.scores.method}: {size}"
    return make_output(name, size, _drawing(document), labels)


@displays.register("Scores", summary="the strongest edges")
def show_scores(scores: Scores) -> str:
    """The method, how many edges help and hurt, and the strongest of them."""
    graph = scores.graph
    scored = graph.mask if scores.examined is None else graph.mask & scores.examined
    values = np.where(scored, scores.values, 0.0)
    order = np.argsort(-np.abs(values), axis=None, kind="stable")[:STRONGEST]
    senders, receivers = np.unravel_index(order, values.shape)
    rows = [
        (graph.edge_name(int(s), int(r)), float(values[s, r]))
        for s, r in zip(senders, receivers, strict=True)
        if scored[s, r]
    ]
    told = [f"{np.count_nonzero(scored):,} of {graph.n_edges:,} edges scored"]
    if scores.are_effects:
        words = ("help", "hurt") if scores.sign_known else ("positive", "negative")
        told += [
            f"{np.count_nonzero(values > 0):,} {words[0]}",
            f"{np.count_nonzero(values < 0):,} {words[1]}",
        ]
    if scores.partial:
        told.append("stopped before the end")
    unit = "score" if scores.are_effects else "rank"
    return make_output(
        f"Scores of {scores.method}", ", ".join(told) + ".", make_table(("edge", unit), rows, bars_of=1)
    )


@displays.register("Evaluation", summary="faithfulness with the numbers behind it")
def show_evaluation(evaluation: Evaluation) -> str:
    """Faithfulness with its interval, the metric's values, and the setting."""
    interval = evaluation.faithfulness
    value = "undefined" if interval.value is None else decimal_number(interval.value, 3)
    if interval.low is not None and interval.high is not None:
        value += f" {interval_text(interval.low, interval.high, 3)}"
    rows = [
        ("circuit", evaluation.circuit),
        ("model", evaluation.model),
        ("everything ablated", evaluation.ablated),
    ]
    setting = (
        f"{evaluation.edges:,} edges, {evaluation.nodes:,} nodes; {evaluation.ablation} ablation, "
        f"{evaluation.prompts:,} prompts, seed {evaluation.seed}"
    )
    if interval.low is not None:
        setting += "; 95 % bootstrap interval over prompts"
    further = ""
    if evaluation.prompt is not None and evaluation.prompt.completeness is not None:
        further = f"<div>completeness {format_number(evaluation.prompt.completeness)}</div>"
    header = ("", f"mean {evaluation.metric}" if evaluation.metric else "mean metric")
    return make_output(f"Faithfulness {value}", setting + ".", make_table(header, rows), further)


def _drawing(document: Document) -> str:
    circuit = document.state.circuit
    assert circuit is not None
    if not circuit.n_nodes:
        return ""
    if circuit.n_edges > MOST_EDGES:
        return (
            f'<div class="muted">Up to {MOST_EDGES:,} edges are drawn here; show() opens the window '
            "on all of them.</div>"
        )
    return draw_circuit(document)
