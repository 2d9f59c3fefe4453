"""The label search: of the site that is shown, after its labels have changed, and outside the window's thread."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import pytest
from panel_host import LONG, PanelHost
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from circuitviz.features.explanations import Explanation
from circuitviz.panels.features import label_search
from circuitviz.panels.features.explanation_store import open_explanations
from circuitviz.panels.features.feature_labels import FeatureLabels
from circuitviz.panels.features.feature_table import FeatureListProxy, FeatureTableModel

N_FEATURES = 600


class SearchedList:
    """A list of a site's features with a search field, without a panel."""

    def __init__(self, host: PanelHost, qtbot: QtBot) -> None:
        self._qtbot, self.field, self.table = qtbot, QLineEdit(), FeatureTableModel()
        qtbot.addWidget(self.field)
        self.proxy = FeatureListProxy(self.table)
        labels = FeatureLabels(host.workspace)
        self.search = label_search.LabelSearch(host.workspace, self.field, self.proxy, labels)

    def show_site(self, site: str) -> None:
        self.table.show_site(site, N_FEATURES, (), {})
        self.search.search_model("demo")

    def wait_for(self, features: list[int]) -> None:
        proxy = self.proxy
        self._qtbot.waitUntil(
            lambda: (
                [proxy.mapToSource(proxy.index(row, 0)).row() for row in range(proxy.rowCount())] == features
            ),
            timeout=LONG,
        )


@pytest.fixture
def searched(idle_host: PanelHost, qtbot: QtBot) -> SearchedList:
    with closing(open_explanations()) as store:
        rows = [Explanation("m1", number, "names of people", "x") for number in range(500)]
        store.add_imported("demo", [*rows, Explanation("m2", 7, "a person is named", "x")])
    searched = SearchedList(idle_host, qtbot)
    searched.show_site("m1")
    return searched


def test_every_hit_is_listed_and_another_site_is_searched_again(searched: SearchedList, qtbot: QtBot) -> None:
    qtbot.keyClicks(searched.field, "name")
    searched.wait_for(list(range(500)))
    searched.show_site("m2")
    searched.wait_for([7])
    with closing(open_explanations()) as store:
        store.add_imported("demo", [Explanation("m2", 9, "naming", "x")])
    searched.show_site("m2")  # as after an import or a label
    searched.wait_for([7, 9])
    searched.field.clear()
    assert searched.proxy.rowCount() == N_FEATURES  # at once: a link clears the field and selects a row


def test_one_search_follows_several_keys_in_another_thread(
    searched: SearchedList, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, threading.Thread]] = []
    find = label_search.find_features

    def record(*arguments: Any) -> list[int]:
        calls.append((arguments[-1], threading.current_thread()))
        return find(*arguments)

    monkeypatch.setattr(label_search, "find_features", record)
    searched.search._timer.setInterval(500)
    qtbot.keyClicks(searched.field, "names")
    searched.wait_for(list(range(500)))
    assert [text for text, _ in calls] == ["names"]
    assert calls[0][1] is not threading.main_thread()


def test_hits_of_another_site_are_not_shown(
    searched: SearchedList, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_released = threading.Event()
    find = label_search.find_features

    def wait(store_path: Any, model: str, site: str, text: str) -> list[int]:
        if site == "m1":
            assert is_released.wait(LONG / 1000)
        return find(store_path, model, site, text)

    monkeypatch.setattr(label_search, "find_features", wait)
    searched.field.setText("name")
    searched.search.search_model("demo")
    searched.show_site("m2")
    is_released.set()
    searched.wait_for([7])
