"""``circuitviz attribute``: the attribution graph of a prompt."""

from __future__ import annotations

import argparse
from pathlib import Path

from circuitviz.cli.output import print_result
from circuitviz.cli.prompt_flags import (
    add_prompt_flags,
    add_query_flags,
    answer_query,
    query_from_flags,
    write_circuit,
)
from circuitviz.document.attribution_query import ATTRIBUTION_GRAPH, LOGIT_DIFF_TARGET
from circuitviz.errors import InputError

SUMMARY = "the attribution graph of a prompt's logits"
OPENS_MODEL = True


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``attribute``."""
    add_prompt_flags(parser)
    parser.add_argument("--correct", help="with --incorrect: a logit difference, with | between tokens")
    parser.add_argument("--incorrect", help="with --correct: the incorrect tokens, with | between them")
    add_query_flags(parser)
    parser.add_argument(
        "--rows", type=int, default=2000, help="maximal number of nodes whose edges are computed"
    )
    parser.add_argument("--node-share", type=float, default=0.8, help="share of influence kept in nodes")
    parser.add_argument("--edge-share", type=float, default=0.98, help="share of influence kept in edges")
    parser.add_argument("-o", "--output", type=Path, help="write .circuit, .graph.json or another format")


def run(args: argparse.Namespace) -> int:
    """Make the graph of the likely logits or of a logit difference; returns the exit code."""
    if (args.correct is None) != (args.incorrect is None):
        raise InputError("--correct and --incorrect belong together: a logit difference needs both.")
    shares = {"rows": args.rows, "node_share": args.node_share, "edge_share": args.edge_share}
    target = "" if args.correct is None else LOGIT_DIFF_TARGET
    opening, state = answer_query(
        args, query_from_flags(args, target=target, method=ATTRIBUTION_GRAPH, **shares)
    )
    scores, circuit = state.scores, state.circuit
    assert scores is not None and circuit is not None
    if args.output is not None:
        write_circuit(state, args.output)
    tokens, info = opening.table.run.model.tokens, scores.info
    influence = sorted(info["influence"].items(), key=lambda pair: -pair[1])
    data = {
        "targets": [
            {
                "node": target.node.name,
                "token": None if target.node.token is None else tokens.token_strings([target.node.token])[0],
                "value": target.value,
                "share": info["targets"][target.node.name],
            }
            for target in opening.targets
        ],
        "tokens": opening.table.run.strings,
        "replacement_score": info["replacement_score"],
        "completeness_score": info["completeness_score"],
        "unread": info["unread"],
        "nodes": [{"node": name, "influence": value} for name, value in influence],
        "edges": circuit.n_edges,
    }

    def text() -> str:
        lines = [
            f"{len(influence)} of {len(opening.table):,} nodes, {circuit.n_edges:,} edges; replacement score "
            f"{info['replacement_score']:.3f}, completeness score {info['completeness_score']:.3f}",
            *(f"  {name:16} {value:.4f}" for name, value in influence[:20]),
        ]
        return "\n".join(lines)

    return print_result(args, data, text)
