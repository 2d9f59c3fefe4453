"""``circuitviz attribute``: the attribution graph of a prompt."""

from __future__ import annotations

import argparse

from circuitviz.app.cli.feature_flags import asked, question_of, write
from circuitviz.app.cli.output import show
from circuitviz.errors import InputError
from circuitviz.session.question import DIFFERENCE, GRAPH


def run(given: argparse.Namespace) -> int:
    """Make the graph of the likely logits or of a logit difference; returns the exit code."""
    if (given.correct is None) != (given.incorrect is None):
        raise InputError("--correct and --incorrect belong together: a logit difference needs both.")
    shares = {"rows": given.rows, "node_share": given.node_share, "edge_share": given.edge_share}
    target = "" if given.correct is None else DIFFERENCE
    opening, state = asked(given, question_of(given, target=target, method=GRAPH, **shares))
    scores, circuit = state.scores, state.circuit
    assert scores is not None and circuit is not None
    if given.output is not None:
        write(state, given.output)
    tokens, told = opening.table.run.model.tokens, scores.info
    influence = sorted(told["influence"].items(), key=lambda pair: -pair[1])
    data = {
        "targets": [
            {
                "node": target.node.name,
                "token": None if target.node.token is None else tokens.strings([target.node.token])[0],
                "value": target.value,
                "share": told["targets"][target.node.name],
            }
            for target in opening.targets
        ],
        "tokens": opening.table.run.strings,
        "replacement_score": told["replacement_score"],
        "completeness_score": told["completeness_score"],
        "unread": told["unread"],
        "nodes": [{"node": name, "influence": value} for name, value in influence],
        "edges": circuit.n_edges,
    }

    def text() -> str:
        lines = [
            f"{len(influence)} of {len(opening.table):,} nodes, {circuit.n_edges:,} edges; replacement score "
            f"{told['replacement_score']:.3f}, completeness score {told['completeness_score']:.3f}",
            *(f"  {name:16} {value:.4f}" for name, value in influence[:20]),
        ]
        return "\n".join(lines)

    return show(given, data, text)
