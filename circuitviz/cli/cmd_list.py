"""``circuitviz list``: everything that can be chosen."""

from __future__ import annotations

import argparse

from circuitviz.cli.available import list_available
from circuitviz.cli.output import print_result

SUMMARY = "the models, tasks, methods and more that can be chosen"
KINDS = (
    "models",
    "tasks",
    "methods",
    "metrics",
    "measures",
    "readings",
    "ablations",
    "references",
    "formats",
)


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the argument of ``list``."""
    parser.add_argument("what", choices=KINDS)


def run(args: argparse.Namespace) -> int:
    """List what there is of one kind; returns the exit code."""
    rows = list_available(args.what)

    def text() -> str:
        width = max((len(row["name"]) for row in rows), default=0)
        lines = []
        for row in rows:
            about = row.get("summary") or f"disabled: {row['error']}"
            lines.append(f"{row['name']:<{width}}  {about}")
            lines += [
                f"{'':<{width}}    {o['flag']} ({o['default']}): {o['help']}" for o in row.get("options", [])
            ]
        return "\n".join(lines)

    return print_result(args, rows, text)
