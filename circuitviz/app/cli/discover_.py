"""``circuitviz discover``: score, choose, measure nothing more than asked, save."""

from __future__ import annotations

import argparse
import time

from circuitviz.app.cli.output import drive, say, say_left_out, show
from circuitviz.errors import InputError


def run(given: argparse.Namespace) -> int:
    """Find a circuit and write it; returns the exit code."""
    if given.output is not None and given.output.suffix != ".circuit":
        raise InputError(
            f"'{given.output}' was given to write to; discover writes .circuit files, and "
            "'circuitviz export' makes pictures and other files of them."
        )
    if given.select == "threshold" and given.threshold is None:
        raise InputError("--select threshold needs --threshold, the least |score| to keep.")

    from circuitviz.app.cli.catalog import options_of
    from circuitviz.discovery import discover_steps, natural_select, setting
    from circuitviz.formats import save_document
    from circuitviz.formats.disk import check_place
    from circuitviz.models import load_model
    from circuitviz.session import Document
    from circuitviz.session.origin import chosen
    from circuitviz.tasks import load_task

    options = {
        entry.name: getattr(given, f"option_{entry.name}")
        for entry in options_of(given.method)
        if getattr(given, f"option_{entry.name}", None) is not None
    }
    if given.output is not None:
        check_place(given.output)
    model = load_model(given.model, given.device)
    bos = False if given.no_bos else None
    task = load_task(given.task, model, given.prompts, given.seed, bos=bos, skip_unusable=given.skip_unusable)
    say_left_out(task)
    ablation = given.ablation or "corrupted"
    where = setting(model, task, given.metric, ablation)
    select = given.select or ("greedy" if given.edges is not None else natural_select(given.method))
    edges = 200 if given.edges is None else given.edges
    asked = given.threshold if select == "threshold" else edges
    if select not in ("threshold", "own") and not 1 <= edges <= model.graph.n_edges:
        if given.edges is not None:
            raise InputError(
                f"--edges {edges:,} was asked for; '{model.name}' has {model.graph.n_edges:,} edges, so 1 to "
                "that many would be right."
            )
        asked = model.graph.n_edges
    began = time.perf_counter()
    steps = discover_steps(model, task, given.method, where.metric, ablation, **options)
    scores = drive(steps, f"{given.method} on {task.name}")
    state = chosen(
        model, task, scores, where.metric, ablation, select, asked, time.perf_counter() - began, given.task
    )
    circuit, origin = state.circuit, state.provenance
    assert circuit is not None and origin is not None
    seconds = origin.seconds
    if select not in ("threshold", "own") and circuit.n_edges != asked:
        say(f"{asked:,} edges asked for, {circuit.n_edges:,} left after pruning. {circuit.note}".strip())
    if given.output is not None:
        save_document(Document(state), given.output)
        say(f"wrote {given.output}")
    data = {
        "method": scores.method,
        "options": dict(scores.options),
        "seconds": seconds,
        "edges": circuit.n_edges,
        "asked": origin.asked,
        "select": select,
        "nodes": circuit.n_nodes,
        "model": model.name,
        "task": task.name,
        **({"rounds": scores.info["rounds"]} if "rounds" in scores.info else {}),
    }
    return show(
        given,
        data,
        lambda: (
            f"{circuit.n_edges:,} edges between {circuit.n_nodes} nodes, found by "
            f"{scores.method} on {model.name}, {task.name} ({len(task)} prompts) in {seconds:.1f} s"
        ),
    )
