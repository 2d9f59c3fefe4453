"""``circuitviz inspect --edge``: which positions of a prompt an edge's score comes from."""

from __future__ import annotations

import argparse

import numpy as np

from circuitviz import discovery
from circuitviz.cli.inspect_prompt import parse_prompt_number
from circuitviz.cli.open_task_document import open_task_document
from circuitviz.cli.output import format_number, print_result, run_with_progress_bar
from circuitviz.errors import InputError

MAX_PRINTED_PLACES = 8


def print_edge(args: argparse.Namespace) -> int:
    """Print an edge's contributions; returns the exit code."""
    prompt = parse_prompt_number(args.prompt)
    if prompt is None:
        raise InputError("An edge is read on one prompt; --prompt 0 would be right.")
    document, experiment = open_task_document(args)
    origin = document.state.origin
    method, options = (discovery.DEFAULT_METHOD, {}) if origin is None else (origin.method, origin.options)
    steps = discovery.read_edge_steps(experiment.setting, args.edge, prompt, method, **options)
    found = run_with_progress_bar(steps, "Reading the edge")
    data = {
        "edge": found.edge,
        "prompt": found.prompt,
        "method": found.method,
        "channel": found.channel,
        "score": found.score,
        "tokens": found.tokens,
        "positions": found.positions.tolist(),
        "pairs": None if found.pairs is None else found.pairs.tolist(),
    }

    def text() -> str:
        values = found.positions if found.pairs is None else found.pairs
        order = np.argsort(-np.abs(values), axis=None)[:MAX_PRINTED_PLACES]
        lines = [f"{found.edge} on prompt {found.prompt}: {format_number(found.score)} by {found.method}"]
        for flat in order:
            place = [int(i) for i in np.unravel_index(flat, values.shape)]
            names = " → ".join(f"{found.tokens[i]!r} ({i})" for i in reversed(place))
            lines.append(f"{values[tuple(place)]:+.4f}  {names}")
        if found.is_too_long_for_pairs:
            lines.append(f"Pairs are left out: {len(found.tokens):,} tokens need more memory than is free.")
        return "\n".join(lines)

    return print_result(args, data, text)
