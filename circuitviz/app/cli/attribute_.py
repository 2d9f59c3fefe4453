"""``circuitviz attribute``: the attribution graph of a prompt."""

from __future__ import annotations

import argparse

from circuitviz.app.cli.feature_flags import opened_prompt, write
from circuitviz.app.cli.output import drive, show
from circuitviz.errors import InputError


def run(given: argparse.Namespace) -> int:
    """Make the graph of the likely logits or of a logit difference; returns the exit code."""
    from circuitviz.features import Edges, Target, attribution_graph, difference_target, likely_logits

    if (given.correct is None) != (given.incorrect is None):
        raise InputError("--correct and --incorrect belong together: a logit difference needs both.")
    table = opened_prompt(given)
    tokens = table.run.model.tokens
    targets: tuple[Target, ...]
    if given.correct is not None:
        right, wrong = (
            [tokens.answer(given.prompt, answer) for answer in side.split("|")]
            for side in (given.correct, given.incorrect)
        )
        targets = (difference_target(table, right, wrong),)
    else:
        targets = likely_logits(table)
    graph = drive(attribution_graph(Edges(table), targets, given.rows), "Attribution graph")
    scores, circuit = graph.scores(given.node_share, given.edge_share)
    if given.output is not None:
        write(scores, circuit, given.output)
    influence = sorted(scores.info["influence"].items(), key=lambda pair: -pair[1])
    data = {
        "targets": [
            {
                "node": target.node.name,
                "token": None if target.node.token is None else tokens.strings([target.node.token])[0],
                "value": target.value,
                "share": float(share),
            }
            for target, share in zip(graph.targets, graph.probability, strict=True)
        ],
        "tokens": table.run.strings,
        "replacement_score": graph.replacement_score,
        "completeness_score": graph.completeness_score,
        "unread": graph.unread,
        "nodes": [{"node": name, "influence": value} for name, value in influence],
        "edges": circuit.n_edges,
    }

    def text() -> str:
        lines = [
            f"{len(influence)} of {len(table):,} nodes, {circuit.n_edges:,} edges; replacement score "
            f"{graph.replacement_score:.3f}, completeness score {graph.completeness_score:.3f}",
            *(f"  {name:16} {value:.4f}" for name, value in influence[:20]),
        ]
        return "\n".join(lines)

    return show(given, data, text)
