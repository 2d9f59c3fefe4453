"""``circuitviz train-dictionary``: SAEs and transcoders of any model from a text file."""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import time
from pathlib import Path
from typing import TypeVar

from circuitviz import features, models, training
from circuitviz.cli.flags import add_device_flags, add_model_flag, add_option_flags, options_from_flags
from circuitviz.cli.output import (
    format_number,
    print_message,
    print_on_terminal,
    print_result,
    run_with_progress_bar,
)
from circuitviz.errors import InputError
from circuitviz.options import build_options, describe_options
from circuitviz.progress import ProgressRunner, ProgressSteps

T = TypeVar("T")


SUMMARY = "train SAEs and transcoders on a text file"
OPENS_MODEL = True


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``train-dictionary``; those of the recipe are made from its options."""
    text = "plain text; each line, or each paragraph between blank lines, is a passage"
    parser.add_argument("text", type=Path, help=text)
    text = "a folder, in SAELens' form; of a cross-layer transcoder, in circuit-tracer's"
    parser.add_argument("-o", "--output", type=Path, required=True, help=text)
    add_model_flag(parser)
    text = (
        "with commas: aLAYER an SAE on attention, mLAYER a transcoder of the MLP, rLAYER an SAE of the "
        "residual stream before a layer (default: every attention and MLP)"
    )
    parser.add_argument("--sites", help=text)
    text = (
        "one transcoder of all layers, whose features write to their own and all later MLPs; --features and "
        "--sparsity are of each layer"
    )
    parser.add_argument("--cross-layer", action="store_true", help=text)
    add_device_flags(parser)
    add_option_flags(parser, describe_options(training.DictionaryRecipe), "recipe_")


def run(args: argparse.Namespace) -> int:
    """Train a dictionary of each site, write and measure them; returns the exit code.

    Interrupted, it writes the dictionaries so far and keeps the state beside them; the same command goes on
    from there.
    """
    recipe: training.DictionaryRecipe = build_options(
        training.DictionaryRecipe, options_from_flags(args, "recipe_")
    )
    if args.cross_layer and args.sites is not None:
        raise InputError(
            f"--sites was given '{args.sites}' with --cross-layer, which is of the MLPs of all layers; one "
            "of both would be right."
        )
    _check_folder(args.output)
    model = models.load_model(args.model, args.device, args.dtype)
    names = training.CROSS_LAYER if args.cross_layer else args.sites or ""
    if args.cross_layer:
        title = "all layers"
    else:
        sites = training.parse_sites(names, model)
        names = ",".join(site.name for site in sites)
        title = names if len(sites) <= 4 else f"{len(sites)} sites"
    print_on_terminal("Reading the text ...")
    passages = features.read_passage_file(model, args.text)
    state = training.checkpoint_path(args.output, names)
    if state.exists():
        print_message(f"going on from {state}")
    start_s = time.perf_counter()
    steps = training.train_into_folder_steps(model, names, passages, recipe, args.output)
    try:
        trained = run_with_progress_bar(
            interruptible_steps(steps), f"Training {title}", are_lines_printed=True
        )
    except KeyboardInterrupt:
        print_message(
            f"stopped; the dictionaries so far are in {args.output}, and the same command goes on from "
            f"{state}"
        )
        raise
    seconds = round(time.perf_counter() - start_s, 1)
    for folder in trained.folders.values():
        print_message(f"wrote {folder}")
    figures = trained.cross_layer_quality
    if figures is not None:
        return _print_cross_layer(args, figures, seconds)
    data = {
        name: {"folder": str(trained.folders[name]), "seconds": seconds, **dataclasses.asdict(one)}
        for name, one in trained.quality.items()
    }
    head = f"{'site':6}{'unexplained':>12}{'L0':>8}{'dead':>8}{'recovered':>11}"
    rows = (
        f"{name:6}{one['unexplained']:12.4f}{one['l0']:8.1f}{one['dead']:8.1%}"
        f"{format_number(one['recovered'], 4):>11}"
        for name, one in data.items()
    )
    return print_result(args, {"dictionaries": data}, lambda: "\n".join([head, *rows]))


def _print_cross_layer(args: argparse.Namespace, figures: training.CrossLayerQuality, seconds: float) -> int:
    """Print the figures of a cross-layer transcoder; returns the exit code."""
    data = {"folder": str(args.output), "seconds": seconds, **dataclasses.asdict(figures)}
    columns = zip(figures.unexplained, figures.l0, figures.dead, strict=True)
    rows = [
        f"{layer:<6}{unexplained:12.4f}{l0:8.1f}{dead:8.1%}"
        for layer, (unexplained, l0, dead) in enumerate(columns)
    ]
    head = f"{'layer':6}{'unexplained':>12}{'L0':>8}{'dead':>8}"
    last = f"loss recovered with all layers: {format_number(figures.recovered, 4)}"
    return print_result(args, data, lambda: "\n".join([head, *rows, last]))


def _check_folder(folder: Path) -> None:
    """Check, before anything is computed, that a folder is there or can be made, and can be written into.

    Raises:
        InputError: It is a file, is in a file, or nothing can be written into it.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not existing.is_dir():
        problem = f"'{existing}' is no folder"
    elif not os.access(existing, os.W_OK | os.X_OK):
        problem = f"nothing can be written into '{existing}'"
    else:
        return
    raise InputError(
        f"The dictionary was to be written into '{folder}', but {problem}; the name of a new folder, or of "
        "one that can be written into, would be right."
    )


def interruptible_steps(steps: ProgressSteps[T]) -> ProgressSteps[T]:
    """The same steps; Ctrl-C takes hold between two of them, so that the state that is kept is whole."""
    asked = []
    before = signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    try:
        driven = ProgressRunner(steps)
        for step in driven:
            if asked:
                steps.close()
                raise KeyboardInterrupt
            yield step
        return driven.result
    finally:
        signal.signal(signal.SIGINT, before)
