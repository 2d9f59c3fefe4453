"""Store of explanations in one SQLite file, with a person's own in a separate table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path

from circuitviz.cancellation import check_cancelled
from circuitviz.errors import InputError
from circuitviz.features.explanations.explanation_files import Explanation

OWN_SOURCE = "you"
STORE_SCHEMA = """
CREATE TABLE IF NOT EXISTS imported (model TEXT, site TEXT, feature INTEGER, text TEXT, source TEXT,
    link TEXT, UNIQUE (model, site, feature, text, source));
CREATE TABLE IF NOT EXISTS own (model TEXT, site TEXT, feature INTEGER, text TEXT,
    PRIMARY KEY (model, site, feature)) WITHOUT ROWID;
"""
# one's own comes first and hides what was imported of the same feature
_CAPTIONS_QUERY = """
SELECT site, feature, text, source, link FROM (
    SELECT site, feature, text, 'you' AS source, '' AS link, 0 AS later, 0 AS at FROM own WHERE model = :model
    UNION ALL
    SELECT site, feature, text, source, link, 1, rowid FROM imported WHERE model = :model
) WHERE site = :site ORDER BY feature, later, at
"""


class ExplanationStore:
    """A file of explanations for models by name; to be closed."""

    def __init__(self, path: Path | str) -> None:
        try:
            if isinstance(path, Path):
                path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path)
            self._file.executescript(STORE_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"'{path}' cannot be used for explanations ({error}).") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add_imported(self, model: str, explanations: Iterable[Explanation]) -> int:
        """Store imported explanations and return how many were new."""
        n_changes = self._file.total_changes

        def rows() -> Iterator[tuple[object, ...]]:
            for explanation in explanations:
                check_cancelled()  # if cancelled here, none is stored
                yield model, *astuple(explanation)

        with self._file:
            self._file.executemany("INSERT OR IGNORE INTO imported VALUES (?, ?, ?, ?, ?, ?)", rows())
        return self._file.total_changes - n_changes

    def set_own_label(self, model: str, site: str, feature: int, text: str) -> None:
        """Store the person's own explanation of a feature; an empty text removes it."""
        with self._file:
            self._file.execute(
                "DELETE FROM own WHERE model = ? AND site = ? AND feature = ?", (model, site, feature)
            )
            if text.strip():
                row = (model, site, feature, text.strip())
                self._file.execute("INSERT INTO own VALUES (?, ?, ?, ?)", row)

    def explanations_of(self, model: str, site: str, feature: int) -> list[Explanation]:
        """Return all explanations of a feature, the person's own first."""
        return [
            explanation for explanation in self._all_of_site(model, site) if explanation.feature == feature
        ]

    def captions(self, model: str, site: str) -> dict[int, Explanation]:
        """Return what to call each feature: the person's own label, else the first that was imported."""
        captions: dict[int, Explanation] = {}
        for explanation in self._all_of_site(model, site):
            captions.setdefault(explanation.feature, explanation)
        return captions

    def search(self, model: str, site: str, query: str) -> list[Explanation]:
        """Return explanations that contain every word of a query, in any case, the person's own first."""
        words = query.casefold().split()
        matches = [
            explanation
            for explanation in self._all_of_site(model, site)
            if all(word in explanation.text.casefold() for word in words)
        ]
        return sorted(matches, key=lambda explanation: explanation.source != OWN_SOURCE)

    def _all_of_site(self, model: str, site: str) -> list[Explanation]:
        rows = self._file.execute(_CAPTIONS_QUERY, {"model": model, "site": site})
        return [Explanation(*row) for row in rows]
