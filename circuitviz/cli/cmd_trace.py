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
from circuitviz.document.attribution_query import ATTENTION_MODES, TRANSPARENT_ATTENTION
from circuitviz.errors import InputError
from circuitviz.features import explanations
from circuitviz.graph.names import parse_feature_name
from circuitviz.graph.traces import EXAMPLE_CHOICES

DASHBOARD_SUFFIXES = (".json", ".jsonl", ".gz")
SUMMARY = "a feature's circuits over a text file, compared"
OPENS_MODEL = True


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``trace``."""
    add_model_and_dictionary_flags(parser)
    text = "plain text, each line an example; or a dashboard's file of the feature, by Neuronpedia or "
    text += f"circuit-tracer ({', '.join(DASHBOARD_SUFFIXES)})"
    parser.add_argument("text", type=Path, help=text)
    parser.add_argument("--feature", required=True, help="for example m3.f12")
    parser.add_argument("--examples", type=int, default=30, help="number of examples (default 30)")
    parser.add_argument(
        "--choose", choices=EXAMPLE_CHOICES, default="strongest", help="which examples to take"
    )
    text = "where attention has no dictionary: edges pass through heads (default), or heads are nodes"
    parser.add_argument("--attention", choices=ATTENTION_MODES, default=TRANSPARENT_ATTENTION, help=text)
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
    prompts = _read_prompts(args, model, site, feature)
    found_in = features.find_examples_steps(model, one, feature, prompts, args.examples, args.choose)
    examples = run_with_progress_bar(found_in, "Looking for examples")
    steps = features.trace_examples_steps(
        model, dictionaries, site, feature, examples, args.nodes or 200, args.gate, args.attention
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


def _read_prompts(args: argparse.Namespace, model: models.Model, site: str, feature: int) -> list[list[int]]:
    """Read the lines of a text, or the examples of a dashboard's file; what is too long, in windows."""
    if Path(args.text).suffix.lower() in DASHBOARD_SUFFIXES:
        texts = explanations.read_example_texts(Path(args.text), site, feature)
    else:  # U+2028 and its like are part of a line
        texts = [line.strip() for line in formats.read_text(args.text).split("\n") if line.strip()]
    bos = False if args.no_bos else None
    prompts = [window for text in texts for window in model.tokens.context_windows(text, bos)]
    if not prompts:
        raise InputError(f"'{args.text}' holds no text; a line is an example.")
    return prompts
