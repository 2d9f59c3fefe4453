"""``circuitviz trace``: a feature's circuits over many examples, and how alike they are."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from circuitviz.app.cli.feature_flags import opened
from circuitviz.app.cli.output import drive, number, show
from circuitviz.errors import InputError
from circuitviz.formats.disk import read_text
from circuitviz.graph.names import feature_name

if TYPE_CHECKING:
    from circuitviz.models import Model


def run(given: argparse.Namespace) -> int:
    """Find examples in a text file, trace each, compare them; returns the exit code."""
    named = feature_name(given.feature)
    if named is None or named.position is not None:
        raise InputError(f"--feature was given '{given.feature}'; a name like m3.f12 would be right.")
    from circuitviz.features import find_examples, trace_examples

    site, feature = named.site, named.feature
    model, dictionaries = opened(given)
    one = next((d for d in dictionaries if d.site.name == site), None)
    if one is None:
        there = ", ".join(d.site.name for d in dictionaries)
        raise InputError(f"There is no dictionary for {site}; there is one for {there}.")
    prompts = _prompts(given, model)
    found_in = find_examples(model, one, feature, prompts, given.examples, given.choose)
    examples = drive(found_in, "Looking for examples")
    steps = trace_examples(
        model, dictionaries, site, feature, examples, nodes=given.nodes or 200, gate=given.gate
    )
    traces = drive(steps, f"Tracing {given.feature}")
    recurring = [
        {"feature": each.name, "examples": each.examples, "mean": each.mean} for each in traces.recurring()
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
        "sites": [asdict(each) for each in traces.by_site()],
        "recurring": recurring,
    }

    def text() -> str:
        lines = [
            f"{traces.target} in {len(traces.traces)} examples; activation against similarity of circuits: "
            f"correlation {number(traces.correlation)}",
            *(f"  in {r['examples']:3} examples  {r['feature']:10} {r['mean']:+.4f}" for r in recurring),
        ]
        return "\n".join(lines)

    return show(given, data, text)


def _prompts(given: argparse.Namespace, model: Model) -> list[list[int]]:
    lines = read_text(given.text).split("\n")  # U+2028 and its like are part of a line
    tokens = model.tokens
    bos = False if given.no_bos else None
    prompts = [tokens.encode(line.strip(), bos) for line in lines if line.strip()]
    if not prompts:
        raise InputError(f"'{given.text}' holds no text; a line is an example.")
    return prompts
