"""``circuitviz train-dictionary``: SAEs and transcoders of any model from a text file."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import time
from dataclasses import replace
from typing import TypeVar

from circuitviz.app.cli.output import drive, number, say, show
from circuitviz.progress import Driven, Steps

T = TypeVar("T")


def run(given: argparse.Namespace) -> int:
    """Train one dictionary per site, write and measure each; returns the exit code.

    Interrupted, it keeps the state beside the folders; the same command goes on from there.
    """
    from circuitviz.features import write_folder
    from circuitviz.features.passages import read_passages
    from circuitviz.features.training import (
        Recipe,
        measure_steps,
        parse_site,
        train_steps,
        trainable_sites,
    )
    from circuitviz.models import load_model
    from circuitviz.options import build, describe

    told = {entry.name: getattr(given, f"recipe_{entry.name}") for entry in describe(Recipe)}
    recipe: Recipe = build(Recipe, {name: value for name, value in told.items() if value is not None})
    model = load_model(given.model, given.device)
    sites = trainable_sites(model)
    if given.sites is not None:
        sites = tuple(parse_site(name.strip(), model) for name in given.sites.split(","))
    learned, measured = read_passages(model, given.text).parted()
    data = {}
    for site in sites:
        began = time.perf_counter()
        state = given.output / f"{site.name}.training"
        if state.exists():
            say(f"going on from {state}")
        steps = train_steps(model, site, learned, recipe, state)
        trained = drive(interruptible(steps), f"Training {site.name}")
        seconds = time.perf_counter() - began
        about = {"training": dataclasses.asdict(recipe), "training_tokens": learned.n_tokens}
        one = replace(trained.dictionary, about=about)
        write_folder(one, given.output / site.name)
        figures = drive(measure_steps(model, one, measured), f"Measuring {site.name}")
        data[site.name] = {
            "folder": str(given.output / site.name),
            "seconds": round(seconds, 1),
            **dataclasses.asdict(figures),
        }
        say(f"wrote {given.output / site.name}")
    head = f"{'site':6}{'unexplained':>12}{'L0':>8}{'dead':>8}{'recovered':>11}"
    rows = (
        f"{name:6}{one['unexplained']:12.4f}{one['l0']:8.1f}{one['dead']:8.1%}"
        f"{number(one['recovered'], 4):>11}"
        for name, one in data.items()
    )
    return show(given, {"dictionaries": data}, lambda: "\n".join([head, *rows]))


def interruptible(steps: Steps[T]) -> Steps[T]:
    """The same steps; Ctrl-C takes hold between two of them, so that the state that is kept is whole."""
    asked = []
    before = signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    try:
        driven = Driven(steps)
        for step in driven:
            if asked:
                steps.close()
                raise KeyboardInterrupt
            yield step
        return driven.result
    finally:
        signal.signal(signal.SIGINT, before)
