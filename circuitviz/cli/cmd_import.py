"""``circuitviz import``: another tool's file becomes a document, on a model and a task that are named."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz import discovery, evaluation, formats, models, tasks, workbench
from circuitviz.cli.flags import add_device_flags, add_setting_flags, add_skip_flag
from circuitviz.cli.output import (
    print_result,
    print_skipped_rows,
    print_warning,
    run_with_progress_bar,
)
from circuitviz.document.imported_circuits import CHOSEN_SIGN_NOTES, attach_task, fit_state, set_sign
from circuitviz.errors import InputError
from circuitviz.graph.scores import POSITIVE_HELPS, SIGN_NOTE_KEY

if TYPE_CHECKING:
    from circuitviz.document import Document


SUMMARY = "read another tool's file"


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``import``."""
    parser.add_argument("source", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("-m", "--model", help="the model that the circuit belongs to")
    parser.add_argument("-t", "--task", help="the task that it is measured on")
    text = (
        "of the scores: keep where positive helps the metric, flip where it hurts, auto where the exact "
        "effects of the strongest edges decide; by default auto with --model and --task, and else unknown"
    )
    parser.add_argument("--sign", choices=("keep", "flip", "auto"), help=text)
    parser.add_argument("--prompts", type=int, default=64, help="number of prompts (default 64)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the task (default 0)")
    add_skip_flag(parser)
    add_setting_flags(parser)
    add_device_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Read a file and save it as .circuit; returns the exit code."""
    if args.output.suffix != ".circuit":
        raise InputError(f"'{args.output}' was given to write to; import writes .circuit files.")
    if args.task is not None and args.model is None:
        raise InputError(f"--task {args.task} was given without --model; a task needs a model's tokenizer.")
    if args.sign == "auto" and args.task is None:
        raise InputError(
            "--sign auto was given without --model and --task, on which exact effects can be measured; name "
            "them, or say keep or flip."
        )
    document = formats.import_document(args.source)
    if args.model is not None:
        _fit_to_model(args, document)
    elif args.sign is not None:
        _set_score_sign(args, document)
    formats.save_document(document, args.output)
    state = document.state
    edges = state.circuit.n_edges if state.circuit else 0
    known = state.scores is not None and state.scores.sign_known
    note = "" if state.scores is None else str(state.scores.info.get(SIGN_NOTE_KEY, ""))
    data = {
        "output": str(args.output), "edges": edges, "score_sign": POSITIVE_HELPS if known else "unknown",
        "note": note,
    }  # fmt: skip

    def text() -> str:
        lines = [f"wrote {args.output}: {edges:,} edges"]
        if note:
            lines.append(note)
        if state.scores is not None and not known:
            lines.append("Whether a positive score helps is not known: the signs are those of the file.")
        return "\n".join(lines)

    return print_result(args, data, text)


def _set_score_sign(args: argparse.Namespace, document: Document) -> None:
    """Take the scores' sign as the person says."""
    document.apply_command(set_sign(args.sign, CHOSEN_SIGN_NOTES[args.sign]))


def _fit_to_model(args: argparse.Namespace, document: Document) -> None:
    """Fit a document to its model, and with a task write that down and find out the scores' sign."""
    before = document.state
    model = models.load_model(args.model, args.device, args.dtype)
    state = fit_state(before, model.shape, args.model)
    document.set_state(state)
    if args.task is None:
        if args.sign is not None:
            _set_score_sign(args, document)
        return
    task = tasks.load_task(args.task, model, args.prompts, args.seed, skip_unusable=args.skip_unusable)
    print_skipped_rows(task)
    where = discovery.make_setting(model, task, args.metric, args.ablation or "corrupted")
    if before.origin is None and state.circuit is not None:
        sign = args.sign or "auto"
        origin = workbench.record_imported_origin(
            model, task, where.metric, where.ablation, args.source.name, sign, args.task
        )
        document.apply_command(attach_task(state, origin))
    if args.sign in ("keep", "flip"):
        _set_score_sign(args, document)
    elif state.scores is not None and not state.scores.sign_known:
        found = run_with_progress_bar(
            evaluation.decide_sign_steps(evaluation.FaithfulnessBench(where), state.scores),
            "the sign of the scores",
        )
        if found.sign in ("keep", "flip"):
            document.apply_command(set_sign(found.sign, found.summary))
        else:
            print_warning(found.summary)
