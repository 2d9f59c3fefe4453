"""Store of explanations in one SQLite file, with a person's own in a separate table."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path

from circuitviz.cancellation import check_cancelled
from circuitviz.errors import InputError
from circuitviz.features.explanations.explanation_files import Explanation

OWN_SOURCE = "you"
MAX_RESULTS = 200  # of a search
STORE_FILE_NAME = "explanations.sqlite"  # in the folder of the user's data
STORE_SCHEMA = """
CREATE TABLE IF NOT EXISTS imported (model TEXT, site TEXT, feature INTEGER, text TEXT, source TEXT,
    link TEXT, UNIQUE (model, site, feature, text, source));
CREATE TABLE IF NOT EXISTS own (model TEXT, site TEXT, feature INTEGER, text TEXT,
    PRIMARY KEY (model, site, feature)) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (text, content = imported, tokenize = 'porter unicode61');
CREATE TRIGGER IF NOT EXISTS imported_words AFTER INSERT ON imported BEGIN
    INSERT INTO words (rowid, text) VALUES (new.rowid, new.text);
END;
CREATE TRIGGER IF NOT EXISTS removed_words AFTER DELETE ON imported BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.rowid, old.text);
END;
"""
HAS_WORDS_QUERY = "SELECT count(*) FROM sqlite_master WHERE name = 'words'"
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
            (has_words,) = self._file.execute(HAS_WORDS_QUERY).fetchone()
            self._file.executescript(STORE_SCHEMA)
            if not has_words:  # a store of an earlier version, or a new one
                with self._file:
                    self._file.execute("INSERT INTO words (words) VALUES ('rebuild')")
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"'{path}' cannot be used for explanations ({error}).") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add_imported(self, model: str, explanations: Iterable[Explanation]) -> int:
        """Store imported explanations and return how many were new."""
        n_before = self._n_imported  # changes are also counted of the index

        def rows() -> Iterator[tuple[object, ...]]:
            for explanation in explanations:
                check_cancelled()  # if cancelled here, none is stored
                yield model, *astuple(explanation)

        with self._file:
            self._file.executemany("INSERT OR IGNORE INTO imported VALUES (?, ?, ?, ?, ?, ?)", rows())
        return self._n_imported - n_before

    @property
    def _n_imported(self) -> int:
        (n_rows,) = self._file.execute("SELECT count(*) FROM imported").fetchone()
        return int(n_rows)

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

    def find(
        self, model: str, query: str, site: str | None = None, n_results: int = MAX_RESULTS
    ) -> list[Explanation]:
        """Return explanations of any feature whose words have the stems of a query's, the best match first.

        An index of full text finds them, with words reduced to their stems (Porter) and ranked by BM25; the
        last word may be the beginning of one. A person's own labels come first.

        Args:
            model: Name of the model.
            query: Words; signs between them are ignored.
            site: Only features of this site.
            n_results: At most so many.
        """
        words = _query_words(query)
        if not words:
            return []
        where = _match_expression(words)
        place, values = ("", ()) if site is None else (" AND site = ?", (site,))
        own = self._file.execute(
            f"SELECT site, feature, text, '{OWN_SOURCE}', '' FROM own WHERE model = ?{place}",
            (model, *values),
        )
        mine = [one for one in own if all(word in one[2].casefold() for word in words)]
        imported = self._file.execute(
            "SELECT site, feature, imported.text, source, link FROM words JOIN imported ON imported.rowid = "
            f"words.rowid WHERE words MATCH ? AND model = ?{place} ORDER BY rank LIMIT ?",
            (where, model, *values, n_results),
        )
        return [Explanation(*row) for row in (*mine, *imported)][:n_results]

    def find_features(self, model: str, query: str, site: str) -> list[int]:
        """Return the numbers of all features of a site whose imported explanations ``find`` matches."""
        words = _query_words(query)
        if not words:
            return []
        rows = self._file.execute(
            "SELECT DISTINCT feature FROM words JOIN imported ON imported.rowid = words.rowid "
            "WHERE words MATCH ? AND model = ? AND site = ?",
            (_match_expression(words), model, site),
        )
        return [feature for (feature,) in rows]

    def _all_of_site(self, model: str, site: str) -> list[Explanation]:
        rows = self._file.execute(_CAPTIONS_QUERY, {"model": model, "site": site})
        return [Explanation(*row) for row in rows]


def _query_words(query: str) -> list[str]:
    return re.findall(r"\w+", query.casefold())


def _match_expression(words: list[str]) -> str:
    """All of the words; the last one may be the beginning of one."""
    return " AND ".join(f'"{word}"' for word in words) + "*"
