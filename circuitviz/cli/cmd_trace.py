"""``circuitviz trace``: a feature's circuits over many examples, and how alike they are."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from circuitviz import features, formats, models
from circuitviz.cli.output import format_number, print_result, run_with_progress_bar
from circuitviz.cli.prompt_flags import (
    add_model_and_dictionary_flags,
    add_size_flags,
    load_model_and_dictionaries,
)
from circuitviz.errors import InputError
from circuitviz.graph.names import parse_feature_name
from circuitviz.graph.traces import EXAMPLE_CHOICES

SUMMARY = "a feature's circuits over a text file, compared"
OPENS_MODEL = True


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``trace``."""
    add_model_and_dictionary_flags(parser)
    parser.add_argument("text", type=Path, help="plain text; each line is an example")
    parser.add_argument("--feature", required=True, help="for example m3.f12")
    parser.add_argument("--examples", type=int, default=30, help="number of examples (default 30)")
    parser.add_argument(
        "--choose", choices=EXAMPLE_CHOICES, default="strongest", help="which examples to take"
    )
    add_size_flags(parser, nodes=200)


def run(args: argparse.Namespace) -> int:
    """Find examples in a text file, trace each, compare them; returns the exit code."""
    named = parse_feature_name(args.feature)
    if named is None or named.position is not None:
        raise InputError(f"--feature was given '{args.feature}'; a name like m3.f12 would be right.")
    site, feature = named.site, named.feature
    model, dictionaries = load_model_and_dictionaries(args)
    one = next((d for d in dictionaries if d.site.name == site), None)
    if one is None:
        there = ", ".join(d.site.name for d in dictionaries)
        raise InputError(f"There is no dictionary for {site}; there is one for {there}.")
    prompts = _read_prompts(args, model)
    found_in = features.find_examples_steps(model, one, feature, prompts, args.examples, args.choose)
    examples = run_with_progress_bar(found_in, "Looking for examples")
    steps = features.trace_examples_steps(
        model, dictionaries, site, feature, examples, nodes=args.nodes or 200, gate=args.gate
    )
    traces = run_with_progress_bar(steps, f"Tracing {args.feature}")
    recurring = [
        {"feature": each.name, "examples": each.examples, "mean": each.mean}
        for each in traces.recurring_components()
    ]
    data = {
        "target": traces.target,
        "examples": [
            {
                "text": "".join(trace.strings),
                "position": trace.example.position,
                "activation": trace.example.activation,
                "mean_similarity": float(similarity),
            }
            for trace, similarity in zip(traces.traces, traces.mean_similarity, strict=True)
        ],
        "correlation": traces.correlation,
        "similarity": traces.similarity().tolist(),
        "sites": [asdict(each) for each in traces.similarity_by_site()],
        "recurring": recurring,
    }

    def text() -> str:
        lines = [
            f"{traces.target} in {len(traces.traces)} examples; activation against similarity of circuits: "
            f"correlation {format_number(traces.correlation)}",
            *(f"  in {r['examples']:3} examples  {r['feature']:10} {r['mean']:+.4f}" for r in recurring),
        ]
        return "\n".join(lines)

    return print_result(args, data, text)


def _read_prompts(args: argparse.Namespace, model: models.Model) -> list[list[int]]:
    lines = formats.read_text(args.text).split("\n")  # U+2028 and its like are part of a line
    tokens = model.tokens
    bos = False if args.no_bos else None
    prompts = [tokens.encode(line.strip(), bos) for line in lines if line.strip()]
    if not prompts:
        raise InputError(f"'{args.text}' holds no text; a line is an example.")
    return prompts
