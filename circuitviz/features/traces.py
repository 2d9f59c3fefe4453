"""Does a feature fire for the same reasons everywhere? One circuit per example, compared.

A trace is what each feature gave to the target in one example, summed over positions: one vector per
site. Examples with similar traces are explained by similar circuits. (METHODS: Computational trace)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.edges import Edges
from circuitviz.features.local import LocalCircuit, local_circuit
from circuitviz.features.nodes import node_table
from circuitviz.features.run import run_prompt
from circuitviz.features.targets import node_target
from circuitviz.models import Model
from circuitviz.progress import Progress, Steps

Vector = Mapping[int, float]
"""Attribution by index of a feature or head; what is not in it is 0."""


@dataclass(frozen=True)
class Example:
    """A prompt in which the target fires: its token ids, where, and how strongly."""

    tokens: tuple[int, ...]
    position: int
    activation: float


@dataclass(frozen=True)
class Trace:
    """What each site's features (and heads, of sites without a dictionary) gave in one example.

    strings: the tokens as shown; sites: by name, attributions summed over positions; nodes: names and
    attributions of the kept nodes.
    """

    example: Example
    strings: tuple[str, ...]
    sites: Mapping[str, Vector]
    nodes: Mapping[str, float]


@dataclass(frozen=True)
class Recurring:
    """A feature that recurs: in how many examples, and its mean attribution over all of them."""

    site: str
    index: int
    examples: int
    mean: float


@dataclass(frozen=True)
class Traces:
    """One target's traces over a dataset. ``partial``: it was stopped before the last example."""

    target: str
    traces: tuple[Trace, ...]
    partial: bool = False

    @property
    def sites(self) -> list[str]:
        """Sites that any trace has something at, from the first layer on."""
        every = {site for trace in self.traces for site in trace.sites}
        return sorted(every, key=lambda site: (int(site[1:]), site[0]))

    @property
    def activations(self) -> NDArray[np.float64]:
        """The target's activation in each example [examples]."""
        return np.array([trace.example.activation for trace in self.traces])

    def similarity(self, site: str | None = None, other: Traces | None = None) -> NDArray[np.float64]:
        """Cosine similarities [examples, examples], of one site or of all sites side by side.

        other: another target's traces, whose examples are the columns. 0 where a trace has nothing.
        """
        ours = [_flat(trace, site) for trace in self.traces]
        theirs = ours if other is None else [_flat(trace, site) for trace in other.traces]
        known = {key: i for i, key in enumerate(dict.fromkeys(k for t in (*ours, *theirs) for k in t))}
        left, right = _unit(ours, known), _unit(theirs, known)
        return np.asarray(left @ right.T)

    @cached_property
    def mean_similarity(self) -> NDArray[np.float64]:
        """Each example's mean similarity to the others, over all sites [examples]."""
        table = self.similarity()
        others = max(1, len(table) - 1)
        return np.asarray((table.sum(1) - np.diagonal(table)) / others)

    @property
    def correlation(self) -> float | None:
        """Of activation with mean similarity (Pearson); None where one of them does not vary."""
        x, y = self.activations, self.mean_similarity
        if len(x) < 3 or any(np.ptp(v) <= 1e-12 * np.abs(v).max() for v in (x, y)):
            return None
        return float(np.corrcoef(x, y)[0, 1])

    def recurring(self, number: int = 20) -> list[Recurring]:
        """Features by how many examples they recur in, then by the size of their mean attribution."""
        seen: dict[tuple[str, int], list[float]] = {}
        for trace in self.traces:
            for key, value in _flat(trace, None).items():
                seen.setdefault(key, []).append(value)
        total = max(1, len(self.traces))
        found = [Recurring(*key, len(values), sum(values) / total) for key, values in seen.items()]
        return sorted(found, key=lambda one: (-one.examples, -abs(one.mean)))[:number]


def find_examples(
    model: Model,
    dictionary: Dictionary,
    feature: int,
    prompts: Sequence[Sequence[int]],
    most: int = 30,
) -> Steps[list[Example]]:
    """The prompts in which a feature fires most, at its strongest position, the strongest first.

    InputError where it fires in none.
    """
    if not 0 <= feature < dictionary.features:
        raise InputError(
            f"Feature {feature} was given; '{dictionary.name}' has 0 to {dictionary.features - 1:,}."
        )
    found: list[Example] = []
    for number, prompt in enumerate(prompts):
        yield Progress(number, len(prompts), f"{len(found)} examples found", found[:most])
        run = run_prompt(model, prompt)
        values = dictionary.to(run.final).encode(run.read(dictionary.to(run.final)))[:, feature]
        position = int(values.argmax())
        if float(values[position]) > 0:
            found.append(Example(tuple(prompt), position, float(values[position])))
    if not found:
        raise InputError(
            f"Feature {feature} of {dictionary.site.name} never fires in the {len(prompts):,} prompts given; "
            "more text, or another feature, would be right."
        )
    return sorted(found, key=lambda example: -example.activation)[:most]


def trace_examples(
    model: Model,
    dictionaries: Sequence[Dictionary],
    site: str,
    feature: int,
    examples: Sequence[Example],
    nodes: int = 200,
    gate: str = "absolute",
) -> Steps[Traces]:
    """The target's circuit on each example, as traces; what is there already is ``partial``."""
    if not examples:
        raise InputError("There are no examples to trace; a feature is traced where it fires.")
    name = f"{site}.f{feature}"
    made: list[Trace] = []
    for number, example in enumerate(examples):
        yield Progress(number, len(examples), f"example {number + 1}", Traces(name, tuple(made), True))
        table = node_table(run_prompt(model, example.tokens), dictionaries)
        target = node_target(table, f"{name}@{example.position}")
        made.append(trace_of(local_circuit(Edges(table), target, nodes=nodes, gate=gate), example))
    return Traces(name, tuple(made))


def trace_of(circuit: LocalCircuit, example: Example) -> Trace:
    """A local circuit's attributions of features and heads, summed over positions."""
    table = circuit.table
    sites: dict[str, dict[int, float]] = {}
    values = circuit.attribution[circuit.kept].tolist()
    for row, value in zip(circuit.kept, values, strict=True):
        item, layer = int(table.item[row]), int(table.layer[row])
        if item >= 0:
            vector = sites.setdefault(f"{'a' if table.part[row] else 'm'}{layer}", {})
            vector[item] = vector.get(item, 0.0) + value
    nodes = dict(zip(circuit.names, values, strict=True))
    return Trace(example, tuple(table.run.strings), sites, nodes)


def _flat(trace: Trace, site: str | None) -> dict[tuple[str, int], float]:
    chosen = trace.sites if site is None else {site: trace.sites.get(site, {})}
    return {(name, item): value for name, vector in chosen.items() for item, value in vector.items()}


def _unit(
    vectors: list[dict[tuple[str, int], float]], known: dict[tuple[str, int], int]
) -> NDArray[np.float64]:
    """Vectors of length 1 as rows [examples, known]."""
    rows = np.zeros((len(vectors), len(known)))
    for row, vector in zip(rows, vectors, strict=True):
        row[[known[key] for key in vector]] = list(vector.values())
    sizes = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, sizes, out=np.zeros_like(rows), where=sizes > 0)
