"""``circuitviz discover``: score, choose, measure nothing more than asked, save."""

from __future__ import annotations

import argparse
import time

from circuitviz.cli.output import print_message, print_result, print_skipped_rows, run_with_progress_bar
from circuitviz.errors import InputError


def run(args: argparse.Namespace) -> int:
    """Find a circuit and write it; returns the exit code."""
    if args.output is not None and args.output.suffix != ".circuit":
        raise InputError(
            f"'{args.output}' was given to write to; discover writes .circuit files, and "
            "'circuitviz export' makes pictures and other files of them."
        )
    if args.select == "threshold" and args.threshold is None:
        raise InputError("--select threshold needs --threshold, the least |score| to keep.")

    from circuitviz.cli.available import method_options
    from circuitviz.discovery import default_selection, discover_steps, make_setting
    from circuitviz.document import Document
    from circuitviz.formats import save_document
    from circuitviz.formats.file_io import check_writable
    from circuitviz.models import load_model
    from circuitviz.tasks import load_task
    from circuitviz.workbench.record_origin import select_circuit

    options = {
        entry.name: getattr(args, f"option_{entry.name}")
        for entry in method_options(args.method)
        if getattr(args, f"option_{entry.name}", None) is not None
    }
    if args.output is not None:
        check_writable(args.output)
    model = load_model(args.model, args.device)
    bos = False if args.no_bos else None
    task = load_task(args.task, model, args.prompts, args.seed, bos=bos, skip_unusable=args.skip_unusable)
    print_skipped_rows(task)
    ablation = args.ablation or "corrupted"
    where = make_setting(model, task, args.metric, ablation)
    select = args.select or ("greedy" if args.edges is not None else default_selection(args.method))
    edges = 200 if args.edges is None else args.edges
    asked = args.threshold if select == "threshold" else edges
    if select not in ("threshold", "own") and not 1 <= edges <= model.graph.n_edges:
        if args.edges is not None:
            raise InputError(
                f"--edges {edges:,} was asked for; '{model.name}' has {model.graph.n_edges:,} edges, so 1 to "
                "that many would be right."
            )
        asked = model.graph.n_edges
    began = time.perf_counter()
    steps = discover_steps(model, task, args.method, where.metric, ablation, **options)
    scores = run_with_progress_bar(steps, f"{args.method} on {task.name}")
    state = select_circuit(
        model, task, scores, where.metric, ablation, select, asked, time.perf_counter() - began, args.task
    )
    circuit, origin = state.circuit, state.provenance
    assert circuit is not None and origin is not None
    seconds = origin.seconds
    if select not in ("threshold", "own") and circuit.n_edges != asked:
        print_message(
            f"{asked:,} edges asked for, {circuit.n_edges:,} left after pruning. {circuit.note}".strip()
        )
    if args.output is not None:
        save_document(Document(state), args.output)
        print_message(f"wrote {args.output}")
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
    return print_result(
        args,
        data,
        lambda: (
            f"{circuit.n_edges:,} edges between {circuit.n_nodes} nodes, found by "
            f"{scores.method} on {model.name}, {task.name} ({len(task)} prompts) in {seconds:.1f} s"
        ),
    )
