"""Examples in which a feature fires are found in any text, and its circuit is traced on each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuitviz.errors import InputError
from circuitviz.features.build_node_table import node_table
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_inputs import batch_dictionary_inputs
from circuitviz.features.feature_edges import Edges
from circuitviz.features.local_circuits import LocalCircuit, local_circuit
from circuitviz.features.passages import MAX_BATCH_TOKENS, Passages
from circuitviz.features.prompt_run import run_prompt
from circuitviz.features.targets import node_target
from circuitviz.graph.traces import (
    EXAMPLE_CHOICES,
    RecurringComponent,
    SiteSimilarity,
    Trace,
    TraceExample,
    TraceSet,
)
from circuitviz.models import Model
from circuitviz.progress import Progress, ProgressSteps

MAX_HELD_ACTIVATIONS = (
    2**24
)  # activations that are held at a time: dictionaries may have many thousand features


def find_examples_steps(
    model: Model,
    dictionary: Dictionary,
    feature: int,
    prompts: Sequence[Sequence[int]],
    max_examples: int = 30,
    selection: str = "strongest",
) -> ProgressSteps[list[TraceExample]]:
    """Prompts in which a feature fires, at its strongest position, the strongest first.

    The first token is left out: its values are an outlier in most models, and nothing comes before it.
    selection: the ``strongest``, or ``spread`` evenly from the strongest to the weakest. Prompts that are
    the same up to that position have the same circuit, so only one of them counts. InputError where it
    fires in none.
    """
    if not 0 <= feature < dictionary.features:
        raise InputError(
            f"Feature {feature} was given; '{dictionary.name}' has 0 to {dictionary.features - 1:,}."
        )
    if selection not in EXAMPLE_CHOICES or max_examples < 1:
        raise InputError(
            f"{max_examples} examples were asked for, '{selection}'; a number from 1 on, and {' or '.join(EXAMPLE_CHOICES)}, "
            "would be right."
        )
    found: dict[tuple[int, ...], TraceExample] = {}
    rows, done = Passages(tuple(map(tuple, prompts)), model.tokens.has_bos), 0
    for batch in rows.batches(
        max_tokens=min(MAX_BATCH_TOKENS, max(64, MAX_HELD_ACTIVATIONS // dictionary.features))
    ):
        yield Progress(done, len(prompts), f"{len(found)} examples in {done:,} of {len(prompts):,} passages")
        (read,) = batch_dictionary_inputs(model, [dictionary], batch.tokens)
        values = dictionary.to(read).encode(read)[..., feature].cpu()
        values = values.where(batch.token_mask, 0.0)
        values[:, 0] = 0
        best = values.max(1)
        peaks = zip(batch.row_numbers, best.values.tolist(), best.indices.tolist(), strict=True)
        for number, activation, position in peaks:
            if activation > 0:
                tokens = tuple(prompts[number])
                found.setdefault(tokens[: position + 1], TraceExample(tokens, position, activation))
        done += len(batch.row_numbers)
    if not found:
        raise InputError(
            f"Feature {feature} of {dictionary.site.name} never fires in the {len(prompts):,} prompts given, "
            "their first tokens left out; more text, or another feature, would be right."
        )
    ordered = sorted(found.values(), key=lambda example: (-example.activation, example.tokens))
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
) -> ProgressSteps[TraceSet]:
    """The target's circuit on each example, as traces; what is there already is ``partial``."""
    if not examples:
        raise InputError("There are no examples to trace; a feature is traced where it fires.")
    name = f"{site}.f{feature}"
    layers, known = range(model.shape.n_layers), {one.site.name for one in dictionaries}
    heads = frozenset(f"a{layer}" for layer in layers if f"a{layer}" not in known)
    made: list[Trace] = []
    for number, example in enumerate(examples):
        so_far = TraceSet(name, tuple(made), True, heads) if made else None
        yield Progress(number, len(examples), f"example {number + 1} of {len(examples)}", so_far)
        # what comes after the position cannot have made the feature fire there
        table = node_table(run_prompt(model, example.tokens[: example.position + 1]), dictionaries)
        target = node_target(table, f"{name}@{example.position}")
        strings = tuple(model.tokens.token_strings(example.tokens))
        circuit = local_circuit(Edges(table), target, nodes=nodes, gate=gate)
        made.append(trace_of_circuit(circuit, example, strings))
    return TraceSet(name, tuple(made), heads=heads)


def trace_of_circuit(circuit: LocalCircuit, example: TraceExample, strings: tuple[str, ...]) -> Trace:
    """A local circuit's attributions of features and heads, summed over positions."""
    table = circuit.table
    sites: dict[str, dict[int, float]] = {}
    values = circuit.attribution[circuit.kept].tolist()
    for row, value in zip(circuit.kept, values, strict=True):
        item, layer = int(table.item[row]), int(table.layer[row])
        if item >= 0:
            vector = sites.setdefault(f"{'a' if table.part[row] else 'm'}{layer}", {})
            vector[item] = vector.get(item, 0.0) + value
    return Trace(example, strings, sites)


__all__ = [
    "TraceExample",
    "RecurringComponent",
    "SiteSimilarity",
    "Trace",
    "TraceSet",
    "find_examples_steps",
    "trace_examples_steps",
    "trace_of_circuit",
]
