"""Computational traces: what each feature contributed to a target on many examples.

A trace is what each feature contributed to the target in one example, summed over positions: one vector per
site. Examples with similar traces are explained by similar circuits (methods.md, Feature level).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError
from circuitviz.graph.names import site_sort_key

EXAMPLE_CHOICES = ("spread", "strongest")
"""Which examples of many are taken: evenly from the strongest to the weakest, or the strongest alone."""
SiteVector = Mapping[int, float]
"""Attribution by index of a feature or head; what is not in it is 0."""


@dataclass(frozen=True)
class TraceExample:
    """A prompt in which the target is active.

    Attributes:
        tokens: Token ids.
        position: Position at which the target is read.
        activation: The target's activation there.
    """

    tokens: tuple[int, ...]
    position: int
    activation: float


@dataclass(frozen=True)
class Trace:
    """What each site's features contributed in one example; heads, for sites without a dictionary.

    Attributes:
        example: The prompt.
        strings: Its tokens as shown.
        sites: By site, attributions summed over positions.
        fractions: The curve of the attribution fraction, where it was asked for: threshold, number of nodes,
            and the kept leaves' share of the target's value.
    """

    example: TraceExample
    strings: tuple[str, ...]
    sites: Mapping[str, SiteVector]
    fractions: tuple[tuple[float, int, float], ...] = ()


@dataclass(frozen=True)
class RecurringComponent:
    """A feature or head that contributes in several examples.

    Attributes:
        name: Such as ``m3.f12`` or ``a1.h2``.
        examples: Number of examples in which it contributes.
        mean: Its mean attribution over all examples.
    """

    name: str
    examples: int
    mean: float


@dataclass(frozen=True)
class SiteSimilarity:
    """How similar examples are at one site; pairs of which one has nothing at the site are left out.

    Attributes:
        site: The site.
        mean: Mean cosine similarity of the pairs.
        low: Lower quartile.
        high: Upper quartile.
        pairs: Number of pairs of examples.
    """

    site: str
    mean: float
    low: float
    high: float
    pairs: int


@dataclass(frozen=True)
class TraceSet:
    """The traces of one target over a dataset.

    Attributes:
        target: Name of the target.
        traces: One trace for each example.
        partial: Whether the collection was stopped before the last example.
        heads: Sites without a dictionary, whose indices are heads.
    """

    target: str
    traces: tuple[Trace, ...]
    partial: bool = False
    heads: frozenset[str] = frozenset()

    @property
    def sites(self) -> list[str]:
        """Sites at which any trace has a contribution, ordered by layer."""
        sites = {site for trace in self.traces for site in trace.sites}
        return sorted(sites, key=site_sort_key)

    @property
    def activations(self) -> NDArray[np.float64]:
        """The target's activation in each example, float [examples]."""
        return np.array([trace.example.activation for trace in self.traces])

    def similarity(self, site: str | None = None, other: TraceSet | None = None) -> NDArray[np.float64]:
        """Cosine similarities of traces, float [examples, examples]; 0 where a trace has nothing.

        Args:
            site: Compare at one site; by default at all sites, their vectors concatenated.
            other: Traces of another target, whose examples are the columns.
        """
        rows = [_flatten(trace, site) for trace in self.traces]
        columns = rows if other is None else [_flatten(trace, site) for trace in other.traces]
        index = {key: i for i, key in enumerate(dict.fromkeys(k for t in (*rows, *columns) for k in t))}
        left, right = _unit_rows(rows, index), _unit_rows(columns, index)
        return np.asarray(left @ right.T)

    def similarity_by_site(self) -> list[SiteSimilarity]:
        """How similar the examples are at each site at which two of them have a contribution."""
        similarities = []
        for site in self.sites:
            has_site = np.array([bool(trace.sites.get(site)) for trace in self.traces])
            rows, columns = np.triu_indices(len(has_site), 1)
            is_pair = has_site[rows] & has_site[columns]
            if is_pair.any():
                values = self.similarity(site)[rows[is_pair], columns[is_pair]]
                low, high = np.quantile(values, (0.25, 0.75)).tolist()
                similarities.append(SiteSimilarity(site, float(values.mean()), low, high, int(is_pair.sum())))
        return similarities

    def similarity_order(self, site: str | None = None) -> list[int]:
        """An order of the examples that puts similar ones next to each other.

        By the second eigenvector of the Laplacian of their similarities [fiedler1973algebraic], beginning
        with the end at which the first example is.
        """
        if len(self.traces) < 3:
            return list(range(len(self.traces)))
        weights = self.similarity(site).clip(min=0)
        _, vectors = np.linalg.eigh(np.diag(weights.sum(1)) - weights)
        fiedler_vector = vectors[:, 1] if vectors[0, 1] <= 0 else -vectors[:, 1]
        return [int(i) for i in np.argsort(fiedler_vector.round(9), kind="stable")]

    @cached_property
    def mean_similarity(self) -> NDArray[np.float64]:
        """Mean similarity of each example to the others, over all sites, float [examples]."""
        table = self.similarity()
        n_others = max(1, len(table) - 1)
        return np.asarray((table.sum(1) - np.diagonal(table)) / n_others)

    @property
    def correlation(self) -> float | None:
        """Pearson correlation of activation with mean similarity; None where one of them does not vary."""
        x, y = self.activations, self.mean_similarity
        if len(x) < 3 or any(np.ptp(v) <= 1e-12 * np.abs(v).max() for v in (x, y)):
            return None
        return float(np.corrcoef(x, y)[0, 1])

    def recurring_components(self, limit: int = 20) -> list[RecurringComponent]:
        """Features and heads that contribute in most examples, ties by the size of their mean attribution."""
        values_by_key: dict[tuple[str, int], list[float]] = {}
        for trace in self.traces:
            for key, value in _flatten(trace, None).items():
                values_by_key.setdefault(key, []).append(value)
        total = max(1, len(self.traces))
        components = [
            RecurringComponent(self.component_name(*key), len(values), sum(values) / total)
            for key, values in values_by_key.items()
        ]
        return sorted(components, key=lambda component: (-component.examples, -abs(component.mean)))[:limit]

    def component_name(self, site: str, index: int) -> str:
        """The name of a feature or head, such as ``m3.f12`` or ``a1.h2``."""
        return f"{site}.{'h' if site in self.heads else 'f'}{index}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as documents store it; ``from_dict`` gives the same traces."""
        examples = [
            {
                "tokens": list(trace.example.tokens),
                "position": trace.example.position,
                "activation": trace.example.activation,
                "strings": list(trace.strings),
                "sites": {s: {str(i): v for i, v in vector.items()} for s, vector in trace.sites.items()},
            }
            for trace in self.traces
        ]
        return {
            "target": self.target,
            "partial": self.partial,
            "heads": sorted(self.heads),
            "examples": examples,
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> TraceSet:
        """Traces from plain data.

        Raises:
            InputError: The data holds no traces.
        """
        try:
            traces = tuple(_parse_trace(example) for example in data["examples"])
            heads = frozenset(map(str, data["heads"]))
            return TraceSet(str(data["target"]), traces, bool(data["partial"]), heads)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise InputError(
                f"The traces that this file holds cannot be read ({type(error).__name__}: {error}); collect "
                "them anew."
            ) from None


def _parse_trace(data: Mapping[str, Any]) -> Trace:
    example = TraceExample(tuple(map(int, data["tokens"])), int(data["position"]), float(data["activation"]))
    strings = tuple(map(str, data["strings"]))
    if not 0 <= example.position < len(strings) or len(strings) != len(example.tokens):
        raise ValueError(f"position {example.position} of {len(strings)} tokens")
    sites = {str(s): {int(i): float(v) for i, v in vector.items()} for s, vector in data["sites"].items()}
    if unknown := [site for site in sites if site[:1] not in ("a", "m", "r") or not site[1:].isdecimal()]:
        raise ValueError(f"there is no site '{unknown[0]}'")
    return Trace(example, strings, sites)


def _flatten(trace: Trace, site: str | None) -> dict[tuple[str, int], float]:
    sites = trace.sites if site is None else {site: trace.sites.get(site, {})}
    return {(name, item): value for name, vector in sites.items() for item, value in vector.items()}


def _unit_rows(
    vectors: list[dict[tuple[str, int], float]], index: dict[tuple[str, int], int]
) -> NDArray[np.float64]:
    """Vectors of length 1 as rows [examples, known]."""
    rows = np.zeros((len(vectors), len(index)))
    for row, vector in zip(rows, vectors, strict=True):
        row[[index[key] for key in vector]] = list(vector.values())
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
