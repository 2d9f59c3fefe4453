"""Finds examples in which a feature is active in any text, and traces its circuit on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from circuitviz.document.attribution_query import HEADS_ATTENTION, TRANSPARENT_ATTENTION
from circuitviz.errors import InputError
from circuitviz.features.build_node_table import node_table
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_inputs import batch_dictionary_inputs
from circuitviz.features.feature_edges import FeatureEdgeRows
from circuitviz.features.local_circuits import (
    LocalCircuit,
    fraction_curve_steps,
    fraction_taus,
    local_circuit,
)
from circuitviz.features.passages import MAX_BATCH_TOKENS, Passages
from circuitviz.features.prompt_run import run_prompt
from circuitviz.features.sites import PARTS
from circuitviz.features.targets import node_target
from circuitviz.graph.traces import EXAMPLE_CHOICES, Trace, TraceExample, TraceSet
from circuitviz.models import Model
from circuitviz.progress import Progress, ProgressSteps, run_to_completion

MAX_HELD_ACTIVATIONS = 2**24  # activations in memory at a time; dictionaries may have many thousand features


def find_examples_steps(
    model: Model,
    dictionary: Dictionary,
    feature: int,
    prompts: Sequence[Sequence[int]],
    max_examples: int = 30,
    selection: str = "strongest",
) -> ProgressSteps[list[TraceExample]]:
    """Find prompts in which a feature is active, each at its strongest position.

    The first token is left out: its values are outliers in most models, and nothing comes before it. Prompts
    that are equal up to that position have the same circuit, so only one of them counts.

    Args:
        model: The model.
        dictionary: The feature's dictionary.
        feature: Its index.
        prompts: Token ids of each prompt.
        max_examples: At most so many.
        selection: The ``strongest``, or ``spread`` evenly from the strongest to the weakest.

    Returns:
        A generator whose result is the examples, the strongest first.

    Raises:
        InputError: There is no such feature or selection, or the feature is active in no prompt.
    """
    if not 0 <= feature < dictionary.features:
        raise InputError(
            f"Feature {feature} was given; '{dictionary.name}' has 0 to {dictionary.features - 1:,}."
        )
    if selection not in EXAMPLE_CHOICES or max_examples < 1:
        raise InputError(
            f"{max_examples} examples were asked for, '{selection}'; a number from 1 on, and "
            f"{' or '.join(EXAMPLE_CHOICES)}, would be right."
        )
    by_prefix: dict[tuple[int, ...], TraceExample] = {}
    rows, n_done = Passages(tuple(map(tuple, prompts)), model.tokens.has_bos), 0
    for batch in rows.batches(
        max_tokens=min(MAX_BATCH_TOKENS, max(64, MAX_HELD_ACTIVATIONS // dictionary.features))
    ):
        yield Progress(
            n_done, len(prompts), f"{len(by_prefix)} examples in {n_done:,} of {len(prompts):,} passages"
        )
        (read,) = batch_dictionary_inputs(model, [dictionary], batch.tokens)
        values = dictionary.to(read).encode(read)[..., feature].cpu()
        values = values.where(batch.token_mask, 0.0)
        values[:, 0] = 0
        best = values.max(1)
        peaks = zip(batch.row_numbers, best.values.tolist(), best.indices.tolist(), strict=True)
        for number, activation, position in peaks:
            if activation > 0:
                tokens = tuple(prompts[number])
                by_prefix.setdefault(tokens[: position + 1], TraceExample(tokens, position, activation))
        n_done += len(batch.row_numbers)
    if not by_prefix:
        raise InputError(
            f"Feature {feature} of {dictionary.site.name} never fires in the {len(prompts):,} prompts given, "
            "their first tokens left out; more text, or another feature, would be right."
        )
    ordered = sorted(by_prefix.values(), key=lambda example: (-example.activation, example.tokens))
    if selection == "spread" and max_examples < len(ordered):
        return [ordered[i] for i in np.linspace(0, len(ordered) - 1, max_examples).round().astype(int)]
    return ordered[:max_examples]


def trace_examples_steps(
    model: Model,
    dictionaries: Sequence[Dictionary],
    site: str,
    feature: int,
    examples: Sequence[TraceExample],
    nodes: int = 200,
    gate: str = "absolute",
    attention: str = TRANSPARENT_ATTENTION,
    n_fractions: int = 0,
) -> ProgressSteps[TraceSet]:
    """Find the feature's circuit on each example and return its attributions as a trace.

    Args:
        model: The model.
        dictionaries: The dictionaries that circuits are made of.
        site: The feature's site.
        feature: Its index.
        examples: Where it is active.
        nodes: About so many nodes in each circuit.
        gate: ``absolute`` or ``signed``.
        attention: Of attention without a dictionary: ``transparent``, or ``heads`` for heads as nodes.
        n_fractions: At how many thresholds the attribution fraction of each example is computed.

    Returns:
        A generator whose result is the traces; partial results are the traces so far.

    Raises:
        InputError: There are no examples.
    """
    if not examples:
        raise InputError("There are no examples to trace; a feature is traced where it fires.")
    name = f"{site}.f{feature}"
    layers, with_dictionary = (
        range(model.shape.n_layers),
        {dictionary.site.name for dictionary in dictionaries},
    )
    heads = frozenset(
        f"a{layer}" for layer in layers if f"a{layer}" not in with_dictionary and attention == HEADS_ATTENTION
    )
    traces: list[Trace] = []
    for number, example in enumerate(examples):
        so_far = TraceSet(name, tuple(traces), True, heads) if traces else None
        yield Progress(number, len(examples), f"example {number + 1} of {len(examples)}", so_far)
        # what comes after the position cannot have made the feature fire there
        table = node_table(
            run_prompt(model, example.tokens[: example.position + 1]), dictionaries, attention=attention
        )
        target = node_target(table, f"{name}@{example.position}")
        strings = tuple(model.tokens.token_strings(example.tokens))
        edges = FeatureEdgeRows(table)
        trace = trace_of_circuit(local_circuit(edges, target, nodes=nodes, gate=gate), example, strings)
        if n_fractions:
            taus = fraction_taus(edges, target, n_fractions)
            points = run_to_completion(fraction_curve_steps(edges, target, taus, gate=gate))
            trace = replace(trace, fractions=tuple((p.tau, len(p.nodes), p.fraction) for p in points))
        traces.append(trace)
    return TraceSet(name, tuple(traces), heads=heads)


def trace_of_circuit(circuit: LocalCircuit, example: TraceExample, strings: tuple[str, ...]) -> Trace:
    """Return a local circuit's attributions of features and heads, summed over positions."""
    table = circuit.table
    sites: dict[str, dict[int, float]] = {}
    values = circuit.attribution[circuit.nodes].tolist()
    for row, value in zip(circuit.nodes, values, strict=True):
        item, layer = int(table.item[row]), int(table.layer[row])
        if item >= 0:
            vector = sites.setdefault(f"{PARTS[table.part[row]]}{layer}", {})
            vector[item] = vector.get(item, 0.0) + value
    return Trace(example, strings, sites)
