"""``circuitviz train-dictionary``: SAEs and transcoders of any model from a text file."""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from circuitviz import features, models, training
from circuitviz.cli.flags import add_device_flags, add_model_flag, add_option_flags, options_from_flags
from circuitviz.cli.output import format_number, print_message, print_result, run_with_progress_bar
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
    text = "with commas: aLAYER an SAE on attention, mLAYER a transcoder of the MLP (default: every site)"
    parser.add_argument("--sites", help=text)
    text = (
        "one transcoder of all layers, whose features write to their own and all later MLPs; --features and "
    )
    text += "--sparsity are of each layer; cannot be resumed"
    parser.add_argument("--cross-layer", action="store_true", help=text)
    add_device_flags(parser)
    add_option_flags(parser, describe_options(training.DictionaryRecipe), "recipe_")


def run(args: argparse.Namespace) -> int:
    """Train one dictionary per site, write and measure each; returns the exit code.

    Interrupted, it keeps the state beside the folders; the same command goes on from there.
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
    if args.cross_layer:
        return _train_cross_layer(args, model, recipe)
    sites = training.trainable_sites(model)
    if args.sites is not None:
        sites = tuple(training.parse_site(name.strip(), model) for name in args.sites.split(","))
    learned, measured = features.read_passage_file(model, args.text).train_test_split()
    data = {}
    for site in sites:
        began = time.perf_counter()
        state = args.output / f"{site.name}.training"
        if state.exists():
            print_message(f"going on from {state}")
        steps = training.train_dictionary_steps(model, site, learned, recipe, state)
        trained = run_with_progress_bar(interruptible_steps(steps), f"Training {site.name}")
        seconds = time.perf_counter() - began
        about = {"training": dataclasses.asdict(recipe), "training_tokens": learned.n_tokens}
        one = replace(trained.dictionary, about=about)
        features.write_saelens_folder(one, args.output / site.name)
        figures = run_with_progress_bar(
            training.measure_dictionary_steps(model, one, measured), f"Measuring {site.name}"
        )
        data[site.name] = {
            "folder": str(args.output / site.name),
            "seconds": round(seconds, 1),
            **dataclasses.asdict(figures),
        }
        print_message(f"wrote {args.output / site.name}")
    head = f"{'site':6}{'unexplained':>12}{'L0':>8}{'dead':>8}{'recovered':>11}"
    rows = (
        f"{name:6}{one['unexplained']:12.4f}{one['l0']:8.1f}{one['dead']:8.1%}"
        f"{format_number(one['recovered'], 4):>11}"
        for name, one in data.items()
    )
    return print_result(args, {"dictionaries": data}, lambda: "\n".join([head, *rows]))


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


def _train_cross_layer(
    args: argparse.Namespace, model: models.Model, recipe: training.DictionaryRecipe
) -> int:
    """Train a cross-layer transcoder, write and measure it; returns the exit code."""
    learned, measured = features.read_passage_file(model, args.text).train_test_split()
    steps = training.train_cross_layer_steps(model, learned, recipe)
    trained = run_with_progress_bar(steps, "Training all layers")
    about = {"training": dataclasses.asdict(recipe), "training_tokens": learned.n_tokens}
    dictionaries = [replace(one, about=about) for one in trained.dictionaries]
    features.write_cross_layer_folder(dictionaries, args.output)
    print_message(f"wrote {args.output}")
    figures = run_with_progress_bar(
        training.measure_cross_layer_steps(model, dictionaries, measured), "Measuring all layers"
    )
    data = {"folder": str(args.output), **dataclasses.asdict(figures)}
    columns = zip(figures.unexplained, figures.l0, figures.dead, strict=True)
    rows = [
        f"{layer:<6}{unexplained:12.4f}{l0:8.1f}{dead:8.1%}"
        for layer, (unexplained, l0, dead) in enumerate(columns)
    ]
    head = f"{'layer':6}{'unexplained':>12}{'L0':>8}{'dead':>8}"
    last = f"loss recovered with all layers: {format_number(figures.recovered, 4)}"
    return print_result(args, data, lambda: "\n".join([head, *rows, last]))


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
