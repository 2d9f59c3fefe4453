"""``circuitviz sweep``: searches of many models, tasks, methods and settings, resumed where they stopped."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from circuitviz import cluster, paint, shapes, sweeps
from circuitviz.cli.flags import add_place_flag
from circuitviz.cli.output import print_message, print_result, print_warning, run_with_progress_bar
from circuitviz.cli.qt_application import create_qt_application
from circuitviz.errors import InputError
from circuitviz.formats.file_io import write_atomically
from circuitviz.shapes import charts

SUMMARY = "search and judge many models, tasks, methods and settings, as a plan says"
OPENS_MODEL = True
DIVIDES_WORK = True
TABLE_FILE, MARKDOWN_FILE, FIGURES_FOLDER = "results.csv", "tables.md", "figures"
FORBIDDEN_IN_FILE_NAMES = re.compile(r"[^\w.,+-]+")


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``sweep``."""
    text = "a TOML file: models, tasks, methods, ablations, seeds and sizes that are combined"
    parser.add_argument("plan", type=Path, help=text)
    text = "folder of the results (default: the plan's name with .sweep beside it)"
    parser.add_argument("-o", "--output", type=Path, help=text)
    text = "compute nothing: list the cells and what is known of each"
    parser.add_argument("--dry-run", action="store_true", help=text)
    text = "try cells again whose method did not suit; those that failed are tried again anyway"
    parser.add_argument("--retry-refused", action="store_true", help=text)
    text = f"write the merged results here, too: {', '.join(sweeps.TABLE_SUFFIXES)}"
    parser.add_argument("--table", type=Path, help=text)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    add_place_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Compute what is missing, and write tables and figures; returns the exit code."""
    if args.table is not None and args.table.suffix.lower() not in sweeps.TABLE_SUFFIXES:
        known = ", ".join(sweeps.TABLE_SUFFIXES)
        raise InputError(f"--table was given '{args.table}'; a name that ends in {known} would be right.")
    place = cluster.parse_place(args.on)
    plan = sweeps.read_plan(args.plan)
    folder = sweeps.SweepFolder(args.output or args.plan.with_suffix(".sweep"))
    if args.dry_run:
        return _print_cells(args, plan, folder)
    print_message(f"{len(plan.cells):,} cells; results in {folder.path}")
    with ExitStack() as resources:
        execute = _open_executor(place, args.device, resources)
        steps = sweeps.run_sweep_steps(plan, folder, execute, args.retry_refused)
        summary = run_with_progress_bar(steps, f"sweep {plan.name}")
    _warn_of_unreadable(folder)
    finished = folder.read_finished(plan)
    rows = sweeps.table_rows(finished)
    written = [folder.path / TABLE_FILE, *([args.table] if args.table is not None else [])]
    for path in written:
        sweeps.write_table(rows, path)
    text = sweeps.markdown_tables(finished)
    write_atomically(folder.path / MARKDOWN_FILE, text.encode())
    written += [folder.path / MARKDOWN_FILE, *_write_figures(folder.path / FIGURES_FOLDER, finished)]
    for path in written:
        print_message(f"wrote {path}")
    data = {**asdict(summary), "cells": len(plan.cells), "folder": str(folder.path), "rows": rows}
    return print_result(args, data, lambda: f"{text}\n{summary.text}")


def _open_executor(place: cluster.ComputePlace, device: str, resources: ExitStack) -> sweeps.CellExecutor:
    """What computes cells at a place; its workers are left when the resources are closed."""
    if place.is_here:
        return partial(sweeps.run_cells_here, device=device)
    connection = resources.enter_context(cluster.open_connection(place, print_message))
    for sentence in connection.check_workers():
        print_warning(sentence)
    return partial(cluster.run_cells_on, connection, device=device)


def _print_cells(args: argparse.Namespace, plan: sweeps.SweepPlan, folder: sweeps.SweepFolder) -> int:
    """List the cells with their status, and how long the missing ones would take, as far as one can know."""
    statuses = sweeps.read_statuses(plan, folder)
    _warn_of_unreadable(folder)
    summary = sweeps.SweepSummary(**Counter(statuses.values()))
    data: dict[str, Any] = {
        **asdict(summary),
        "folder": str(folder.path),
        "cells": [
            cell.as_dict() | {"digest": cell.digest, "status": statuses[cell.digest]} for cell in plan.cells
        ],
    }

    def lines() -> list[str]:
        return [
            *(f"{statuses[cell.digest]:<8} {cell.digest}  {cell.text}" for cell in plan.cells),
            summary.text,
        ]

    return print_result(args, data, lambda: "\n".join(lines()))


def _write_figures(folder: Path, finished: list[Any]) -> list[Path]:
    """A figure of curves for each model, task and setting."""
    create_qt_application()
    written = []
    for name, result in sweeps.curve_charts(finished):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{FORBIDDEN_IN_FILE_NAMES.sub('-', name)}.svg"
        paint.save_plot(
            charts.MeasureChart("sweep-curves", result), path, shapes.PlotFigureOptions(), (), name
        )
        written.append(path)
    return written


def _warn_of_unreadable(folder: sweeps.SweepFolder) -> None:
    for reason in folder.unreadable.values():
        print_warning(f"{reason} Its cell is computed again.")
