"""Dashboards of all features of some dictionaries in one SQLite file, for immediate access."""

from __future__ import annotations

import json
import lzma
import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from circuitviz.errors import InputError
from circuitviz.resources import resource_path

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
    """A feature in a list.

    Attributes:
        number: Its index.
        density: Share of tokens at which it is active.
        greatest: Its largest activation.
        mean: Its mean activation where it is active.
    """

    number: int
    density: float
    greatest: float
    mean: float


@dataclass(frozen=True)
class DashboardExample:
    """One place where a feature is active: tokens around it with the feature's activation at each.

    Attributes:
        passage: The passage in the indexed text.
        position: The position in the passage.
        first: The position of the first token given here.
        tokens: The tokens around it.
        activations: The activation at each.
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
    """Where a feature is active in a text; ``bins`` are counts in equal parts of (0, histogram_max]."""

    site: str
    row: FeatureRow
    tokens: int
    histogram_max: float
    bins: tuple[int, ...]
    examples: tuple[DashboardExample, ...]


class FeatureIndex:
    """An open file of dashboards; to be closed.

    Raises:
        InputError: The file is none, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # one thread after another may use it: a worker that was replaced leaves its engine to the next
            self._file = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
            )
            self.metadata = dict(self._file.execute("SELECT key, value FROM about"))
        except sqlite3.Error as error:
            raise InputError(f"'{path}' is no index of features ({error}); build it anew.") from error
        if self.metadata.get("form") != INDEX_FORMAT:
            self.close()
            raise InputError(f"'{path}' is an index of another version of circuitviz; build it anew.")
        self.tokens = int(self.metadata["tokens"])
        self.sites: dict[str, int] = json.loads(self.metadata["sites"])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def features(self, site: str) -> list[FeatureRow]:
        """Return every feature of a site, by index.

        Raises:
            InputError: The index has no such site.
        """
        self._check_site(site)
        rows = self._file.execute(
            "SELECT number, fired, greatest, mean FROM feature WHERE site = ? ORDER BY number", (site,)
        )
        return [FeatureRow(n, fired / self.tokens, greatest, mean) for n, fired, greatest, mean in rows]

    def statistics(self, site: str, number: int) -> FeatureStatistics:
        """Return where a feature is active.

        Raises:
            InputError: The index has no such feature.
        """
        self._check_site(site)
        record = self._file.execute(
            "SELECT fired, greatest, mean, reach, bins FROM feature WHERE site = ? AND number = ?",
            (site, number),
        ).fetchone()
        if record is None:
            raise InputError(
                f"There is no feature {site}.f{number}; {site} has features 0 to {self.sites[site] - 1}."
            )
        fired, greatest, mean, reach, bins = record
        row = FeatureRow(number, fired / self.tokens, greatest, mean)
        counts = tuple(int(n) for n in _int32_array(bins))
        return FeatureStatistics(site, row, self.tokens, reach, counts, tuple(self._examples(site, number)))

    def passage(self, number: int) -> tuple[int, ...]:
        """Return the tokens of a passage of the indexed text.

        Raises:
            InputError: There is no such passage.
        """
        record = self._file.execute("SELECT tokens FROM passage WHERE number = ?", (number,)).fetchone()
        if record is None:
            raise InputError(f"The index has no passage {number}.")
        return tuple(map(int, _int32_array(record[0])))

    def _examples(self, site: str, number: int) -> Iterable[DashboardExample]:
        rows = self._file.execute(
            "SELECT passage, position, first, around, tokens FROM example JOIN passage "
            "ON passage.number = example.passage WHERE site = ? AND feature = ? ORDER BY rank",
            (site, number),
        )
        for passage, position, first, activations, tokens in rows:
            values = np.frombuffer(activations, dtype="<f4")
            shown_tokens = _int32_array(tokens)[first : first + len(values)]
            yield DashboardExample(
                passage, position, first, tuple(map(int, shown_tokens)), tuple(map(float, values))
            )

    def _check_site(self, site: str) -> None:
        if site not in self.sites:
            raise InputError(f"The index has no site '{site}'; it has {', '.join(self.sites)}.")


def index_key(model: Model, dictionaries: Sequence[Dictionary], text_hash: str) -> str:
    """Return a digest of the model's weights, the dictionaries and the text, as the name of an index file."""
    digest = sha256(f"{INDEX_FORMAT} {model.parameter_hash} {text_hash}".encode())
    for dictionary in dictionaries:
        kind = f"{dictionary.features} {dictionary.architecture} {dictionary.k} {dictionary.processing}"
        site = dictionary.site
        place = (
            f"Site(layer={site.layer}, part={site.part!r}, reads={site.reads!r})"  # as first indexes have it
        )
        digest.update(f"{dictionary.name} {place} {kind}".encode())
        # these decide which features are active, and how much
        gate_tensors = dictionary.gain, dictionary.gate_bias, dictionary.threshold
        for tensor in (dictionary.bias, dictionary.decoder_bias, dictionary.encoder[0], *gate_tensors):
            digest.update(b"" if tensor is None else tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:20]


def unpack_shipped_index(path: Path) -> None:
    """Write the index of an example to a path, where one of this name ships; its name tells what it is of."""
    shipped = resource_path("demo", "dictionaries", "index", f"{path.name}.xz")
    if shipped.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.part")
        temporary.write_bytes(lzma.decompress(shipped.read_bytes()))
        os.replace(temporary, path)


def _int32_array(blob: bytes) -> NDArray[np.int32]:
    return np.frombuffer(blob, dtype="<i4")
