"""``circuitviz compare``: what two circuits share."""

from __future__ import annotations

import argparse

from circuitviz.app.cli.output import number, show
from circuitviz.errors import InputError


def run(given: argparse.Namespace) -> int:
    """Compare two circuit files, the second as the reference; returns the exit code."""
    from circuitviz.evaluation.overlap import overlap
    from circuitviz.formats import import_document

    left, right = (import_document(path) for path in (given.left, given.right))
    ours, theirs = left.state.live, right.state.live
    if ours is None or theirs is None:
        raise InputError("One of the two files holds no circuit, so there is nothing to compare.")
    data = overlap(ours, theirs, left.state.scores)

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
            lines.append(f"AUROC of the first file's scores: {number(data['auroc'])}")
        return "\n".join(lines)

    return show(given, data, text)
