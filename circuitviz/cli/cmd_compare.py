"""``circuitviz compare``: what two circuits share."""

from __future__ import annotations

import argparse
from pathlib import Path

from circuitviz import formats
from circuitviz.cli.output import format_number, print_result
from circuitviz.errors import InputError
from circuitviz.graph import overlap

SUMMARY = "what two circuits share"


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``compare``."""
    parser.add_argument("left", type=Path, help="a circuit file")
    text = "the reference: a file, or a name of 'circuitviz list references'"
    parser.add_argument("right", type=Path, help=text)


def run(args: argparse.Namespace) -> int:
    """Compare two circuit files, the second as the reference; returns the exit code."""
    left, right = (formats.import_document(formats.find_reference(path)) for path in (args.left, args.right))
    ours, theirs = left.state.live_circuit, right.state.live_circuit
    if ours is None or theirs is None:
        raise InputError("One of the two files holds no circuit, so there is nothing to compare.")
    data = overlap(ours, theirs, left.state.scores, formats.edges_in_scope(right))

    def text() -> str:
        lines = []
        for what in ("edges", "nodes"):
            row = data[what]
            lines.append(
                f"{what}: {row['shared']:,} shared, {row['left']:,} only in {args.left.name}, "
                f"{row['right']:,} only in {args.right.name}; IoU {format_number(row['iou'])}, "
                f"precision {format_number(row['precision'])}, recall {format_number(row['recall'])}"
            )
        if data["auroc"] is not None:
            lines.append(
                f"scores of {args.left.name} against it: AUROC {format_number(data['auroc'])}, average "
                f"precision {format_number(data['average_precision'])}, precision at its size "
                f"{format_number(data['precision_at_size'])}"
            )
        if formats.edges_in_scope(right) is not None:
            lines.append(f"MLPs are left out: {args.right.name} says nothing of them")
        return "\n".join(lines)

    return print_result(args, data, text)
