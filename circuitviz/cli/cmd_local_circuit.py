"""``circuitviz local-circuit``: what a feature's, neuron's or logit's value comes from."""

from __future__ import annotations

import argparse
from pathlib import Path

from circuitviz.cli.output import format_number, print_result
from circuitviz.cli.prompt_flags import (
    add_prompt_flags,
    add_query_flags,
    add_size_flags,
    add_target_flag,
    answer_query,
    query_from_flags,
    write_circuit,
)
from circuitviz.errors import InputError

SUMMARY = "why a feature, neuron or logit has its value"
OPENS_MODEL = True
MAX_SHOWN_PAIRS = 5


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``local-circuit``."""
    add_prompt_flags(parser)
    add_target_flag(parser)
    parser.add_argument("--correct", help="with --target logit-diff: its tokens, with | between them")
    parser.add_argument("--incorrect", help="with --target logit-diff: the incorrect tokens")
    add_query_flags(parser)
    add_size_flags(parser)
    text = "so many nodes more: those that count most through attention scores, which attribution holds"
    parser.add_argument("--contributors", type=int, default=0, metavar="N", help=text)
    parser.add_argument("-o", "--output", type=Path, help="write .circuit, .graph.json or another format")


def run(args: argparse.Namespace) -> int:
    """Attribute a target's value to nodes, and write the circuit; returns the exit code."""
    if args.tau is not None and args.nodes is not None:
        raise InputError("--tau and --nodes were both given; one of them decides what is kept.")
    nodes = 100 if args.tau is None and args.nodes is None else args.nodes
    if args.contributors < 0:
        raise InputError(f"--contributors was given {args.contributors}; a number from 0 on would be right.")
    settings = {
        "contributors": args.contributors,
        "method": args.method,
        "gate": args.gate,
        "tau": args.tau,
        "nodes": nodes,
    }
    opening, state = answer_query(args, query_from_flags(args, target=args.target, **settings))
    scores, circuit, target = state.scores, state.circuit, opening.target
    assert scores is not None and circuit is not None
    if args.output is not None:
        write_circuit(state, args.output)
    ledger = scores.info["ledger"]
    attributions = {n: a for n, a in scores.info["attributions"].items() if n != target.node.name}
    ordered = sorted(attributions.items(), key=lambda pair: -abs(pair[1]))
    tau = scores.info["tau"]
    data = {
        "target": target.node.name,
        "value": target.value,
        "method": scores.method,
        "gate": scores.info["gate"],
        "tau": tau,
        "tokens": opening.table.run.strings,
        "nodes": [{"node": name, "attribution": value} for name, value in ordered],
        "edges": circuit.n_edges,
        "ledger": ledger,
        "fraction": scores.info["fraction"],
        **{
            key: scores.info.get(key, {}) for key in ("through_attention", "attention_ledger", "score_places")
        },
        "query_key_pairs": scores.info.get("query_key_pairs", []),
    }

    def text() -> str:
        lines = [
            f"{target.node.name} is {format_number(target.value)}; {len(ordered)} nodes above {tau:.3g}",
            *(f"  {name:16} {value:+.4f}" for name, value in ordered[:20]),
            *(
                f"  {name:16} {value:+.4f} through attention scores"
                for name, value in data["through_attention"].items()
            ),
            *(
                f"  {query} × {key} in {head}: {effect:+.4f} (query × key)"
                for query, key, head, effect in data["query_key_pairs"][:MAX_SHOWN_PAIRS]
            ),
            "  ".join(f"{term.replace('_', ' ')} {value:+.3f}" for term, value in ledger.items()),
        ]
        if through := data["attention_ledger"]:
            terms = [f"{term.replace('_', ' ')} {value:+.3f}" for term, value in through.items()]
            lines.append(f"attention scores: {'  '.join(terms[:3])}, or {'  '.join(terms[3:])}")
        return "\n".join(lines)

    return print_result(args, data, text)
