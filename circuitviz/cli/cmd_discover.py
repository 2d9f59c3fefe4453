"""``circuitviz discover``: score, choose, measure nothing more than asked, save."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

from circuitviz import discovery, evaluation, formats, models, tasks, workbench
from circuitviz.cli.available import method_options, task_options
from circuitviz.cli.flags import (
    add_device_flags,
    add_model_flag,
    add_option_flags,
    add_setting_flags,
    add_skip_flag,
    flag_value,
    options_from_flags,
)
from circuitviz.cli.output import (
    describe_size,
    print_message,
    print_result,
    print_skipped_rows,
    print_warning,
    run_with_progress_bar,
)
from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.graph import SELECTIONS, Circuit
from circuitviz.graph.training_course import COURSE_KEY
from circuitviz.progress import run_to_completion

SUMMARY = "find a circuit"
OPENS_MODEL = True
DEFAULT_TASK, DEFAULT_METHOD, DEFAULT_EDGES = "ioi", "eap-ig", 200


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``discover`` and of its method, whose options need torch."""
    add_model_flag(parser)
    parser.add_argument(
        "-t", "--task", default=DEFAULT_TASK, help="a task's name, or a CSV, JSONL or JSON file"
    )
    add_skip_flag(parser)
    parser.add_argument("--method", default=DEFAULT_METHOD, help="a name of 'circuitviz list methods'")
    parser.add_argument("--edges", type=int, help=f"how many edges to keep (default {DEFAULT_EDGES})")
    parser.add_argument(
        "--select",
        choices=SELECTIONS,
        help="how to choose edges: greedy by default; own, what the method kept, for acdc; nodes, the "
        "strongest nodes with all edges between them, for methods that score nodes",
    )
    parser.add_argument("--threshold", type=float, help="with --select threshold: least |score|")
    parser.add_argument("-o", "--output", type=Path, help="write a .circuit file")
    parser.add_argument("--prompts", type=int, default=64, help="number of prompts (default 64)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the task (default 0)")
    parser.add_argument(
        "--dry-run", action="store_true", help="only say how long the search will take, and how much memory"
    )
    parser.add_argument("--no-bos", action="store_true", help="no beginning-of-sequence token")
    text = "score each edge at each span of the prompts (IO, S2, END …) instead of summing over positions"
    parser.add_argument("--by-span", action="store_true", help=text)
    add_setting_flags(parser)
    add_device_flags(parser)
    task = flag_value(argv, "--task", flag_value(argv, "-t", DEFAULT_TASK))
    add_option_flags(parser.add_argument_group(f"options of {task}"), task_options(task), "task_")
    method = flag_value(argv, "--method", DEFAULT_METHOD)
    group = parser.add_argument_group(f"options of {method}")
    add_option_flags(group, method_options(method), "option_")


def run(args: argparse.Namespace) -> int:
    """Find a circuit and write it; returns the exit code."""
    if args.output is not None and args.output.suffix != ".circuit":
        raise InputError(
            f"'{args.output}' was given to write to; discover writes .circuit files, and "
            "'circuitviz export' makes pictures and other files of them."
        )
    if args.select == "threshold" and args.threshold is None:
        raise InputError("--select threshold needs --threshold, the least |score| to keep.")

    options = options_from_flags(args, "option_")
    if args.output is not None:
        formats.check_writable(args.output)
    model = models.load_model(args.model, args.device, args.dtype)
    bos = False if args.no_bos else None
    task = tasks.load_task(
        args.task,
        model,
        args.prompts,
        args.seed,
        bos=bos,
        skip_unusable=args.skip_unusable,
        **options_from_flags(args, "task_"),
    )
    print_skipped_rows(task)
    ablation = args.ablation or "corrupted"
    where = discovery.make_setting(model, task, args.metric, ablation, args.by_span)
    select = args.select or ("greedy" if args.edges is not None else discovery.default_selection(args.method))
    edges = 200 if args.edges is None else args.edges
    asked = args.threshold if select == "threshold" else edges
    if select not in ("threshold", "own") and not 1 <= edges <= where.graph.n_edges:
        if args.edges is not None:
            raise InputError(
                f"--edges {edges:,} was asked for; '{model.name}' has {where.graph.n_edges:,} edges, so 1 to "
                "that many would be right."
            )
        asked = where.graph.n_edges
    # options are looked at here, before anything is computed
    task_pass = discovery.TaskPass()
    cost = run_to_completion(discovery.estimate_search_steps(where, args.method, task_pass, **options))
    if args.dry_run:
        return _print_cost(args, cost)
    if cost is not None and cost.is_long:
        print_message(f"{args.method} on {task.name} takes {cost.text} (an estimate)")
    steps = discovery.discover_steps(
        model, task, args.method, where.metric, ablation, where.spans or False, **options
    )
    check = run_with_progress_bar(
        evaluation.check_task_steps(model, task, where.metric, task_pass), f"checking {task.name}"
    )
    if check.warning:
        print_warning(check.warning)
    else:
        print_message(check.summary)
    if discovery.is_trained(args.method):
        steps = evaluation.follow_training_steps(
            where, steps, lambda scores: scores.select(select, asked), task_pass.seconds_a_prompt
        )
    began = time.perf_counter()
    scores = check.add_to(run_with_progress_bar(steps, f"{args.method} on {task.name}"))
    state = workbench.select_circuit(
        model, task, scores, where.metric, ablation, select, asked, time.perf_counter() - began, args.task
    )
    circuit, origin = state.circuit, state.origin
    assert circuit is not None and origin is not None
    seconds = origin.seconds
    if select not in ("threshold", "own") and circuit.n_edges != asked:
        print_message(
            f"{asked:,} edges asked for, {circuit.n_edges:,} left after pruning. {circuit.note}".strip()
        )
    if args.output is not None:
        formats.save_document(Document(state), args.output)
        print_message(f"wrote {args.output}")
    data = {
        "method": scores.method,
        "options": dict(scores.options),
        "seconds": seconds,
        "edges": circuit.n_edges,
        "asked": origin.requested,
        "select": select,
        "nodes": circuit.n_nodes,
        "model": model.name,
        "dtype": model.dtype,
        "task": task.name,
        "task_check": check.as_dict(),
        **({} if where.spans is None else _count_by_span(circuit)),
        **{name: scores.info[name] for name in ("rounds", COURSE_KEY) if name in scores.info},
    }
    return print_result(
        args,
        data,
        lambda: (
            f"{describe_size(circuit)}, found by "
            f"{scores.method} on {model.name}, {task.name} ({len(task)} prompts) in {seconds:.1f} s"
        ),
    )


def _count_by_span(circuit: Circuit) -> dict[str, Any]:
    """Edges between components, and edges and nodes at each span."""
    graph = circuit.graph
    assert graph.spans is not None
    nodes = Counter(graph.node(name).span for name in circuit.node_names)
    edges = graph.split_spans(circuit.edges).sum(axis=(0, 1))
    return {
        "component_edges": circuit.n_component_edges,
        "spans": {
            name: {"edges": int(n), "nodes": nodes[name]}
            for name, n in zip(graph.spans.names, edges, strict=True)
        },
    }


def _print_cost(args: argparse.Namespace, cost: discovery.SearchCost | None) -> int:
    if cost is None:
        raise InputError(f"The method '{args.method}' does not say how many passes it needs.")
    data = {
        "method": args.method,
        "seconds": cost.seconds,
        "memory_bytes": cost.memory_bytes,
        "memory_by_device": dict(cost.memory_by_device),
        "is_upper_bound": cost.is_upper_bound,
    }
    return print_result(args, data, lambda: f"{args.method}: {cost.text} (an estimate)")
