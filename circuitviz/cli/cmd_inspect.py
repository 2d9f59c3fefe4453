"""``circuitviz inspect``: the readings of one node."""

from __future__ import annotations

import argparse
from pathlib import Path

from circuitviz.cli.available import reading_names, reading_options
from circuitviz.cli.flags import (
    add_device_flags,
    add_option_flags,
    add_other_model_and_task_flags,
    flag_value,
)
from circuitviz.cli.inspect_edge import print_edge
from circuitviz.cli.inspect_prompt import parse_prompt_number, print_reading
from circuitviz.cli.open_task_document import open_task_document
from circuitviz.cli.output import format_number, print_result
from circuitviz.errors import InputError

SUMMARY = "logit lens, direct attribution and attention of a node; the positions of an edge"
OPENS_MODEL = True
ATTENTION_SIDES = ("clean", "corrupted", "difference")


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``inspect``."""
    parser.add_argument("circuit", type=Path, help="a file, or a reference's name")
    add_other_model_and_task_flags(parser)
    parser.add_argument("--node", help="for example a3.h1, m2, input; a3.h1@S2 of a circuit by span")
    parser.add_argument("--edge", help="read an edge by position instead, for example 'm0->a3.h1<k>'")
    parser.add_argument("--prompt", default="0", help="number of the prompt, from 0; or all")
    reading = flag_value(argv, "--reading", "")
    text = "print one reading of the prompt as CSV; 'circuitviz list readings' names all"
    parser.add_argument("--reading", choices=reading_names(reading), help=text)
    parser.add_argument("--side", choices=ATTENTION_SIDES, default="clean", help="of attention")
    parser.add_argument("--weighted", action="store_true", help="attention times the norm of the values")
    parser.add_argument("--source", help="of features-ov and -qk: where the edge into the node comes from")
    parser.add_argument("--head", default="", help="of features-qk; by default the head that carries most")
    parser.add_argument("--query", type=int, help="of features-qk: position; by default the node's own")
    parser.add_argument("--key", type=int, help="of features-qk: position; by default the source's")
    add_device_flags(parser, has_file=True)
    add_option_flags(parser, reading_options(reading), f"reading_{reading}_", f"{reading}-")


def run(args: argparse.Namespace) -> int:
    """Read a node of a circuit file; returns the exit code."""
    if args.reading:
        return print_reading(args)
    if args.edge:
        return print_edge(args)
    if args.node is None:
        raise InputError("No node was named; --node a3.h1 would be right, or --reading for a whole prompt.")
    prompt = parse_prompt_number(args.prompt)
    if prompt is None:
        raise InputError("A node is read on one prompt; --prompt 0 would be right.")
    _, experiment = open_task_document(args)
    found = experiment.read(args.node, prompt)
    data = {
        "node": found.node,
        "prompt": found.prompt,
        "tokens": found.tokens,
        "position": found.position,
        "logit_lens": {
            "top": [[t.token, t.logit, t.probability] for t in found.top],
            "bottom": [[t.token, t.logit, t.probability] for t in found.bottom],
            "answers": [[t.token, t.logit, t.probability, t.rank] for t in found.answers],
        },
        "direct_logit_attribution": found.direct_logit_attribution,
        "attention": found.attention,
    }

    def text() -> str:
        lines = [
            f"{found.node} on prompt {found.prompt}: {''.join(found.tokens)!r}",
            f"direct logit attribution {format_number(found.direct_logit_attribution)}",
            "promotes   " + "  ".join(f"{t.token!r} {t.logit:+.2f}" for t in found.top[:8]),
            "suppresses " + "  ".join(f"{t.token!r} {t.logit:+.2f}" for t in found.bottom[:8]),
        ]
        if found.attention is not None:
            last = sorted(enumerate(found.attention[found.position]), key=lambda pair: -pair[1])[:5]
            lines.append("attends to " + "  ".join(f"{found.tokens[i]!r} {w:.2f}" for i, w in last))
        return "\n".join(lines)

    return print_result(args, data, text)
