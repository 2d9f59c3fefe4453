"""``circuitviz compare``: what two circuits share."""

from __future__ import annotations

import argparse

from circuitviz.app.cli.output import number, show
from circuitviz.errors import InputError


def run(given: argparse.Namespace) -> int:
    """Compare two circuit files, the second as the reference; returns the exit code."""
    from circuitviz.formats import import_document
    from circuitviz.formats.reference import find, judged
    from circuitviz.graph import overlap

    left, right = (import_document(find(path)) for path in (given.left, given.right))
    ours, theirs = left.state.live, right.state.live
    if ours is None or theirs is None:
        raise InputError("One of the two files holds no circuit, so there is nothing to compare.")
    data = overlap(ours, theirs, left.state.scores, judged(right))

    def text() -> str:
        lines = []
        for what in ("edges", "nodes"):
            row = data[what]
            lines.append(
                f"{what}: {row['shared']:,} shared, {row['left']:,} only in {given.left.name}, "
                f"{row['right']:,} only in {given.right.name}; IoU {number(row['iou'])}, "
                f"precision {number(row['precision'])}, recall {number(row['recall'])}"
            )
        if data["auroc"] is not None:
            lines.append(
                f"scores of {given.left.name} against it: AUROC {number(data['auroc'])}, average "
                f"precision {number(data['average_precision'])}, precision at its size "
                f"{number(data['precision_at_size'])}"
            )
        if judged(right) is not None:
            lines.append(f"MLPs are left out: {given.right.name} says nothing of them")
        return "\n".join(lines)

    return show(given, data, text)
