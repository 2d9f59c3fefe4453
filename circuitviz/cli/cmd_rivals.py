"""``circuitviz rivals``: other circuits that are as faithful as a file's, each as a file of its own."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from circuitviz import evaluation, formats
from circuitviz.cli.available import measure_options
from circuitviz.cli.flags import (
    add_device_flags,
    add_option_flags,
    add_other_model_and_task_flags,
    add_setting_flags,
    options_from_flags,
)
from circuitviz.cli.measure_tables import measure_table
from circuitviz.cli.open_task_document import open_task_document, read_document
from circuitviz.cli.output import print_message, print_result, run_with_progress_bar
from circuitviz.document import Document, State
from circuitviz.errors import InputError
from circuitviz.graph import Circuit

SUMMARY = "search other circuits that are as faithful and share little"
MEASURE = "rivals"


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``rivals``, with the options of the measure."""
    parser.add_argument("circuit", type=Path, help="a file, or a reference's name")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="write each rival to this folder")
    add_other_model_and_task_flags(parser)
    add_setting_flags(parser)
    add_device_flags(parser, has_file=True)
    add_option_flags(parser, measure_options(MEASURE), "option_")


def run(args: argparse.Namespace) -> int:
    """Search rivals, print them and write them; returns the exit code."""
    document = read_document(args)
    if document.state.is_prompt_circuit:
        raise InputError(
            f"'{args.circuit}' is of features on one prompt; rivals are of circuits of heads on a task."
        )
    if args.output is not None:
        _make_folder(args.output)
    document, experiment = open_task_document(args, document)
    state = document.state
    assert state.live_circuit is not None
    bench = experiment.bench(state.live_circuit.graph, state.method_options)
    subject = evaluation.MeasureInput(bench, state.live_circuit, state.scores)
    steps = evaluation.measure_steps(MEASURE, subject, **options_from_flags(args, "option_"))
    data = run_with_progress_bar(steps, MEASURE).as_dict()
    if args.output is not None:
        _write_rivals(args.output, state, data["rivals"])
    return print_result(args, data, lambda: "\n".join(measure_table(MEASURE, {MEASURE: data})))


def _make_folder(folder: Path) -> None:
    """Make the folder before anything is computed; InputError where that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder '{folder}' for the rivals cannot be made: {error.strerror}.") from None
    formats.check_writable(folder / "rival-1.circuit")


def _write_rivals(folder: Path, state: State, rivals: list[list[str]]) -> None:
    """Write each rival with the origin and the scores of the circuit, which its edges come from."""
    assert state.circuit is not None
    for number, names in enumerate(rivals, start=1):
        circuit = Circuit.from_names(state.circuit.graph, names)
        path = folder / f"rival-{number}.circuit"
        whole = replace(state, circuit=circuit, ablated_nodes=frozenset(), ablated_edges=frozenset())
        formats.save_document(Document(whole), path)
        print_message(f"wrote {path}")
