"""The list of features: sorted and searched as a plain sort and a plain look at every row would do it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot

from circuitviz.panels.features.feature_table import (
    FeatureListProxy,
    FeatureTableModel,
    make_feature_list_view,
)

DRAWN = np.random.default_rng(0)
ROWS: list[Any] = [
    SimpleNamespace(density=float(d), greatest=float(g))
    for d, g in zip(DRAWN.integers(0, 9, 200) / 90, DRAWN.integers(0, 40, 200), strict=True)  # with ties
]
LABELS: dict[int, Any] = {
    at: SimpleNamespace(text=text)
    for at, text in {12: "Names of people", 3: "ends a name", 120: "Years"}.items()
}
KEYS = (
    lambda at: at,
    lambda at: LABELS[at].text.lower() if at in LABELS else "\uffff",
    lambda at: ROWS[at].density,
    lambda at: ROWS[at].greatest,
)


@pytest.fixture
def shown(qtbot: QtBot) -> FeatureListProxy:
    made = FeatureListProxy(FeatureTableModel())
    made.features_model.show_site("m0", len(ROWS), ROWS, LABELS)
    return made


def numbers(shown: FeatureListProxy) -> list[int]:
    return [shown.mapToSource(shown.index(row, 0)).row() for row in range(shown.rowCount())]


def slow(column: int, descending: bool, words: list[str]) -> list[int]:
    def holds(at: int) -> bool:
        label = LABELS[at].text.casefold() if at in LABELS else ""
        return all(word in label or word in (f"f{at}", str(at)) for word in words)

    kept = [at for at in range(len(ROWS)) if holds(at)]
    keys = sorted({KEYS[column](at) for at in kept}, reverse=descending)
    return [at for key in keys for at in kept if KEYS[column](at) == key]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", range(4))
def test_it_is_sorted_and_searched(shown: FeatureListProxy, column: int, descending: bool) -> None:
    order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
    shown.sort(column, order)
    assert numbers(shown) == slow(column, descending, [])
    for words in ("name", "NAME people", "12", "f12", "f12 names", "f012", "nothing", ""):
        shown.set_search_text(words)
        assert numbers(shown) == slow(column, descending, words.casefold().split()), words
        places = [shown.mapFromSource(shown.features_model.index(at, 0)).row() for at in numbers(shown)]
        assert places == list(range(shown.rowCount()))


def test_what_is_selected_stays_selected_while_it_is_there(qtbot: QtBot, shown: FeatureListProxy) -> None:
    table = make_feature_list_view(shown)
    qtbot.addWidget(table)
    table.show()
    chosen: list[int] = []
    table.selectionModel().currentRowChanged.connect(
        lambda now, _before: chosen.append(shown.mapToSource(now).row())
    )
    table.setCurrentIndex(shown.mapFromSource(shown.features_model.index(12, 0)))
    table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    shown.set_search_text("name")
    assert numbers(shown) == slow(3, True, ["name"]) and table.verticalHeader().count() == 2
    assert shown.mapToSource(table.currentIndex()).row() == 12 and chosen == [12]  # nothing was asked anew
    shown.set_search_text("years")
    assert not table.currentIndex().isValid() and table.verticalHeader().count() == 1
    shown.set_search_text("")
    assert table.verticalHeader().count() == len(ROWS) and chosen == [12]
    shown.features_model.show_site("", 0, (), {})
    assert (
        shown.rowCount() == 0
        and shown.headerData(3, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole) == "Max"
    )
    assert shown.mapFromSource(QModelIndex()) == QModelIndex()


def test_features_without_an_index_are_listed_by_number(shown: FeatureListProxy) -> None:
    shown.features_model.show_site("a1", 30, (), {})
    shown.sort(2, Qt.SortOrder.AscendingOrder)
    assert numbers(shown) == list(range(30))
