"""``circuitviz inspect``: the readings of one node."""

from __future__ import annotations

import argparse

from circuitviz.cli.output import format_number, print_message, print_result
from circuitviz.errors import InputError


def run(args: argparse.Namespace) -> int:
    """Read a node of a circuit file; returns the exit code."""
    from circuitviz.cli.inspect_prompt import parse_prompt_number, print_reading
    from circuitviz.cli.open_task_document import open_task_document
    from circuitviz.lens import read_node

    if args.reading:
        return print_reading(args)
    if args.node is None:
        raise InputError("No node was named; --node a3.h1 would be right, or --reading for a whole prompt.")
    prompt = parse_prompt_number(args.prompt)
    if prompt is None:
        raise InputError("A node is read on one prompt; --prompt 0 would be right.")
    opened = open_task_document(args, print_message)
    found = read_node(opened.model, opened.task, args.node, prompt)
    data = {
        "node": found.node,
        "prompt": found.prompt,
        "tokens": found.tokens,
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
            last = sorted(enumerate(found.attention[-1]), key=lambda pair: -pair[1])[:5]
            lines.append("attends to " + "  ".join(f"{found.tokens[i]!r} {w:.2f}" for i, w in last))
        return "\n".join(lines)

    return print_result(args, data, text)
