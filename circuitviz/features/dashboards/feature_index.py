"""Dashboards of a whole dictionary are kept in one SQLite file, so that a feature opens at once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError

if TYPE_CHECKING:
    from circuitviz.features.dictionary import Dictionary
    from circuitviz.models import Model

INDEX_FORMAT = "circuitviz-index-2"
INDEX_SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE passage (number INTEGER PRIMARY KEY, tokens BLOB NOT NULL);
CREATE TABLE feature (site TEXT, number INTEGER, fired INTEGER, greatest REAL, mean REAL, reach REAL,
    bins BLOB, PRIMARY KEY (site, number)) WITHOUT ROWID;
CREATE TABLE example (site TEXT, feature INTEGER, rank INTEGER, passage INTEGER, position INTEGER,
    activation REAL, first INTEGER, around BLOB, PRIMARY KEY (site, feature, rank)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class FeatureRow:
    """A feature in a list: ``density`` is the share of tokens at which it fires, ``greatest`` and
    ``mean`` are of its activations where it does.
    """

    number: int
    density: float
    greatest: float
    mean: float


@dataclass(frozen=True)
class DashboardExample:
    """One place where a feature fires: tokens around it with the feature's activation at each.

    passage, position: where, in the indexed text; first: the position of the first token given here.
    """

    passage: int
    position: int
    first: int
    tokens: tuple[int, ...]
    activations: tuple[float, ...]

    @property
    def activation(self) -> float:
        """The activation at the position."""
        return self.activations[self.position - self.first]


@dataclass(frozen=True)
class FeatureStatistics:
    """Where a feature fires in a text. bins: counts of its activations in equal parts of (0, reach]."""

    site: str
    row: FeatureRow
    tokens: int
    histogram_max: float
    bins: tuple[int, ...]
    examples: tuple[DashboardExample, ...]


class FeatureIndex:
    """A file of dashboards, read; to be closed. InputError where it is none, or damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            self.metadata = dict(self._file.execute("SELECT key, value FROM about"))
        except sqlite3.Error as error:
            raise InputError(f"'{path}' is no index of features ({error}); build it anew.") from error
        if self.metadata.get("form") != INDEX_FORMAT:
            self.close()
            raise InputError(f"'{path}' is an index of another version of circuitviz; build it anew.")
        self.tokens = int(self.metadata["tokens"])
        self.sites: dict[str, int] = json.loads(self.metadata["sites"])

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def features(self, site: str) -> list[FeatureRow]:
        """Every feature of a site, by number; InputError where the index has no such site."""
        self._check_site(site)
        rows = self._file.execute(
            "SELECT number, fired, greatest, mean FROM feature WHERE site = ? ORDER BY number", (site,)
        )
        return [FeatureRow(n, fired / self.tokens, greatest, mean) for n, fired, greatest, mean in rows]

    def statistics(self, site: str, number: int) -> FeatureStatistics:
        """Where a feature fires; InputError on a feature that the index does not have."""
        self._check_site(site)
        found = self._file.execute(
            "SELECT fired, greatest, mean, reach, bins FROM feature WHERE site = ? AND number = ?",
            (site, number),
        ).fetchone()
        if found is None:
            raise InputError(
                f"There is no feature {site}.f{number}; {site} has features 0 to {self.sites[site] - 1}."
            )
        fired, greatest, mean, reach, bins = found
        row = FeatureRow(number, fired / self.tokens, greatest, mean)
        counts = tuple(int(n) for n in _int32_array(bins))
        return FeatureStatistics(site, row, self.tokens, reach, counts, tuple(self._examples(site, number)))

    def passage(self, number: int) -> tuple[int, ...]:
        """The tokens of a passage of the indexed text; InputError where there is none such."""
        found = self._file.execute("SELECT tokens FROM passage WHERE number = ?", (number,)).fetchone()
        if found is None:
            raise InputError(f"The index has no passage {number}.")
        return tuple(map(int, _int32_array(found[0])))

    def _examples(self, site: str, number: int) -> Iterable[DashboardExample]:
        rows = self._file.execute(
            "SELECT passage, position, first, around, tokens FROM example JOIN passage "
            "ON passage.number = example.passage WHERE site = ? AND feature = ? ORDER BY rank",
            (site, number),
        )
        for passage, position, first, around, tokens in rows:
            values = np.frombuffer(around, dtype="<f4")
            shown = _int32_array(tokens)[first : first + len(values)]
            yield DashboardExample(
                passage, position, first, tuple(map(int, shown)), tuple(map(float, values))
            )

    def _check_site(self, site: str) -> None:
        if site not in self.sites:
            raise InputError(f"The index has no site '{site}'; it has {', '.join(self.sites)}.")


def index_key(model: Model, dictionaries: Sequence[Dictionary], text_hash: str) -> str:
    """What an index is of, as a file's name: the model's weights, the dictionaries, the text."""
    digest = sha256(f"{INDEX_FORMAT} {model.parameter_hash} {text_hash}".encode())
    for one in dictionaries:
        kind = f"{one.features} {one.architecture} {one.k} {one.processing}"
        digest.update(f"{one.name} {one.site} {kind}".encode())
        deciding = (one.gain, one.gate_bias, one.threshold)  # which features are active, and how much
        for tensor in (one.bias, one.decoder_bias, one.encoder[0], *deciding):
            digest.update(b"" if tensor is None else tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:20]


def _int32_array(blob: bytes) -> NDArray[np.int32]:
    return np.frombuffer(blob, dtype="<i4")
