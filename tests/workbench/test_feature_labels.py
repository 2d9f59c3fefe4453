"""Suggestions that tools write, and search over them with an index of full text."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import circuitviz as cv
from circuitviz.errors import InputError
from circuitviz.features.explanations import Explanation, ExplanationStore


def test_tools_suggest_and_search_finds_by_stems(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite"
    labels = {
        "m3.f12": "governments that were elected",
        "m3.f4": "election years",
        "a1.f7": "names of cities",
    }
    assert cv.suggest_labels("demo", labels, "my tool", path) == 3
    assert cv.suggest_labels("demo", labels, "my tool", path) == 0  # known already
    cv.suggest_labels("other", {"m3.f1": "an election"}, "my tool", path)

    def found(query: str, site: str | None = None) -> list[tuple[str, int]]:
        return [(one.site, one.feature) for one in cv.search_labels("demo", query, site, path)]

    assert found("elect") == [("m3", 4), ("m3", 12)] or found("elect") == [("m3", 12), ("m3", 4)]
    assert set(found("governing")) == {("m3", 12)}  # a stem in common
    assert found("city NAME") == [("a1", 7)] and found("city", "m3") == []
    assert found('") OR * --') == [] == found("") and found("zebra") == []
    assert cv.search_labels("demo", "cities", path=path) == [
        Explanation("a1", 7, "names of cities", "my tool")
    ]


def test_own_labels_come_first_and_removed_words_are_gone(tmp_path: Path) -> None:
    with closing(ExplanationStore(tmp_path / "labels.sqlite")) as store:
        store.add_imported("demo", [Explanation("m1", n, f"war number {n}", "file") for n in range(300)])
        store.set_own_label("demo", "m1", 5, "the war years")
        found = store.find("demo", "wars", n_results=10)
        assert len(found) == 10
        assert store.find("demo", "war")[0] == Explanation("m1", 5, "the war years", "you")
        assert [one.feature for one in store.find("demo", "number 299")] == [299]


def test_a_store_of_an_earlier_version_is_indexed_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as old, old:
        old.execute(
            "CREATE TABLE imported (model TEXT, site TEXT, feature INTEGER, text TEXT, source TEXT, link TEXT, "
            "UNIQUE (model, site, feature, text, source))"
        )
        old.execute("INSERT INTO imported VALUES ('demo', 'm1', 3, 'rivers of France', 'file', '')")
    for _ in range(2):
        assert [one.feature for one in cv.search_labels("demo", "river", path=path)] == [3]


@pytest.mark.parametrize(
    ("labels", "source"),
    [({"m3": "x"}, "tool"), ({"m3.f1": " "}, "tool"), ({"m3.f1": "x"}, " "), ({"m3.f1": "x"}, "you")],
)
def test_what_is_no_suggestion_is_refused(tmp_path: Path, labels: dict[str, str], source: str) -> None:
    with pytest.raises(InputError, match="would be right"):
        cv.suggest_labels("demo", labels, source, tmp_path / "labels.sqlite")
