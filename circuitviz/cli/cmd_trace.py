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

N_FRACTIONS = 13  # thresholds of each example's curve, over three orders of magnitude
DASHBOARD_SUFFIXES = (".json", ".jsonl", ".gz")
SUMMARY = "a feature's circuits over a text file or Neuronpedia's examples, compared"
OPENS_MODEL = True


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of ``trace``."""
    add_model_and_dictionary_flags(parser)
    text = "plain text, each line an example; or a dashboard's file of the feature, by Neuronpedia or "
    text += f"circuit-tracer ({', '.join(DASHBOARD_SUFFIXES)})"
    parser.add_argument("text", type=Path, nargs="?", help=text)
    parser.add_argument("--feature", help="for example m3.f12")
    text = (
        "instead of a text: the feature's examples on Neuronpedia, gpt2-small/5-tres-dc/123; asks its server "
    )
    text += "once and keeps the answer"
    parser.add_argument("--neuronpedia", metavar="MODEL/SOURCE/INDEX", help=text)
    parser.add_argument("--examples", type=int, default=30, help="number of examples (default 30)")
    parser.add_argument(
        "--choose", choices=EXAMPLE_CHOICES, default="strongest", help="which examples to take"
    )
    text = "where attention has no dictionary: edges pass through heads (default), or heads are nodes"
    parser.add_argument("--attention", choices=ATTENTION_MODES, default=TRANSPARENT_ATTENTION, help=text)
    add_size_flags(parser, nodes=200)


def run(args: argparse.Namespace) -> int:
    """Find examples, trace each, compare them; returns the exit code."""
    source = _fetch_from_neuronpedia(args)
    name = args.feature or (source and f"{source.site}.f{source.address.index}")
    named = parse_feature_name(name or "")
    if named is None or named.position is not None:
        given = f"--feature was given '{args.feature}'" if args.feature else "No --feature was given"
        raise InputError(f"{given}; a name like m3.f12 would be right.")
    site, feature = named.site, named.feature
    model, dictionaries = load_model_and_dictionaries(args)
    one = next((d for d in dictionaries if d.site.name == site), None)
    if one is None:
        there = ", ".join(d.site.name for d in dictionaries)
        raise InputError(f"There is no dictionary for {site}; there is one for {there}.")
    prompts = _read_prompts(args, model, site, feature, source)
    found_in = features.find_examples_steps(model, one, feature, prompts, args.examples, args.choose)
    examples = run_with_progress_bar(found_in, "Looking for examples")
    n_fractions = N_FRACTIONS if args.json else 0
    steps = features.trace_examples_steps(
        model,
        dictionaries,
        site,
        feature,
        examples,
        args.nodes or 200,
        args.gate,
        args.attention,
        n_fractions,
    )
    traces = run_with_progress_bar(steps, f"Tracing {site}.f{feature}")
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
                "fraction": [
                    {"tau": tau, "nodes": nodes, "fraction": fraction}
                    for tau, nodes, fraction in trace.fractions
                ],
                "sites": {
                    site_name: {traces.component_name(site_name, i): value for i, value in vector.items()}
                    for site_name, vector in trace.sites.items()
                },
            }
            for trace, similarity in zip(traces.traces, traces.mean_similarity, strict=True)
        ],
        "correlation": traces.correlation,
        "similarity": traces.similarity().tolist(),
        "similarity_by_site": {name: traces.similarity(name).tolist() for name in traces.sites},
        "sites": [asdict(each) for each in traces.similarity_by_site()],
        "recurring": recurring,
    }
    if source is not None:
        data["neuronpedia"] = {**source.as_dict(), "examples": source.n_examples}

    def text() -> str:
        lines = [
            *([] if source is None else _neuronpedia_lines(source)),
            f"{traces.target} in {len(traces.traces)} examples; activation against similarity of circuits: "
            f"correlation {format_number(traces.correlation)}",
            *(f"  in {r['examples']:3} examples  {r['feature']:10} {r['mean']:+.4f}" for r in recurring),
        ]
        return "\n".join(lines)

    return print_result(args, data, text)


def _fetch_from_neuronpedia(args: argparse.Namespace) -> explanations.NeuronpediaFeature | None:
    """Fetch the feature that ``--neuronpedia`` names; None without it."""
    if (args.text is None) == (args.neuronpedia is None):
        given = (
            "Neither a text nor --neuronpedia was" if args.text is None else "A text and --neuronpedia were"
        )
        raise InputError(f"{given} given; one of them, with the examples of the feature, would be right.")
    if args.neuronpedia is None:
        return None
    address = explanations.parse_address(args.neuronpedia)
    found = run_with_progress_bar(explanations.fetch_feature_steps(address), "Asking Neuronpedia")
    if not found.site and not args.feature:
        raise InputError(
            f"'{address}' does not say what it is a feature of; --feature with its name here, as "
            f"m5.f{address.index}, would be right."
        )
    return found


def _neuronpedia_lines(source: explanations.NeuronpediaFeature) -> list[str]:
    """What Neuronpedia says of the feature, in lines."""
    numbers = source.statistics
    parts = [f"{source.n_examples} examples"]
    if "max_activation" in numbers:
        parts.append(f"largest activation {format_number(numbers['max_activation'])}")
    if "density" in numbers:
        parts.append(f"active at {numbers['density']:.2%} of tokens")
    texts = [f"  “{one.text}” ({one.source})" for one in source.explanations]
    return [f"{source.address} on Neuronpedia: {', '.join(parts)}", *texts]


def _read_prompts(
    args: argparse.Namespace,
    model: models.Model,
    site: str,
    feature: int,
    source: explanations.NeuronpediaFeature | None,
) -> list[list[int]]:
    """Read the lines of a text, or the examples of a dashboard's file; what is too long, in windows."""
    if source is not None:
        texts = explanations.read_example_texts(source.path)
    elif Path(args.text).suffix.lower() in DASHBOARD_SUFFIXES:
        texts = explanations.read_example_texts(Path(args.text), site, feature)
    else:  # U+2028 and its like are part of a line
        texts = [line.strip() for line in formats.read_text(args.text).split("\n") if line.strip()]
    bos = False if args.no_bos else None
    prompts = [window for text in texts for window in model.tokens.context_windows(text, bos)]
    if not prompts:
        raise InputError(f"'{args.text or args.neuronpedia}' holds no text; a line is an example.")
    return prompts
