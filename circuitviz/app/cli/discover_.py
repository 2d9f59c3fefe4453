"""``circuitviz discover``: score, choose, measure nothing more than asked, save."""

from __future__ import annotations

import argparse
import time

from circuitviz.app.cli.output import drive, say, show
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
    from circuitviz.discovery import discover_steps, setting
    from circuitviz.formats import save_document
    from circuitviz.formats.disk import check_place
    from circuitviz.models import load_model
    from circuitviz.session import Document, State
    from circuitviz.session.origin import provenance_of
    from circuitviz.tasks import load_task

    chosen = {
        entry.name: getattr(given, f"option_{entry.name}")
        for entry in options_of(given.method)
        if getattr(given, f"option_{entry.name}", None) is not None
    }
    if given.output is not None:
        check_place(given.output)
    model = load_model(given.model, given.device)
    task = load_task(
        given.task, model, given.prompts, given.seed, bos=False if given.no_bos else None
    )
    ablation = given.ablation or "corrupted"
    where = setting(model, task, given.metric, ablation)
    asked = given.threshold if given.select == "threshold" else given.edges
    if given.select != "threshold" and not 0 <= given.edges <= model.graph.n_edges:
        raise InputError(
            f"--edges {given.edges:,} was asked for; '{model.name}' has {model.graph.n_edges:,} edges."
        )
    began = time.perf_counter()
    steps = discover_steps(model, task, given.method, where.metric, ablation, **chosen)
    scores = drive(steps, f"{given.method} on {task.name}")
    circuit = scores.select(given.select, asked)
    seconds = time.perf_counter() - began
    if circuit.n_edges != asked and given.select != "threshold":
        say(f"{asked:,} edges asked for, {circuit.n_edges:,} left after pruning. {circuit.note}".strip())
    if given.output is not None:
        origin = provenance_of(
            model, task, scores, where.metric, ablation, given.select, asked, seconds, given.task
        )
        save_document(Document(State(origin, scores, circuit)), given.output)
        say(f"wrote {given.output}")
    data = {
        "method": scores.method,
        "options": dict(scores.options),
        "seconds": round(seconds, 3),
        "edges": circuit.n_edges,
        "asked": asked,
        "nodes": circuit.n_nodes,
        "model": model.name,
        "task": task.name,
    }
    return show(
        given,
        data,
        lambda: f"{circuit.n_edges:,} edges between {circuit.n_nodes} nodes, found by "
        f"{scores.method} on {model.name}, {task.name} ({len(task)} prompts) in {seconds:.1f} s",
    )
