"""Searches the labels of the shown site's features in the background, after a pause in typing."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QLineEdit

from circuitviz.features import explanations
from circuitviz.panels.features.feature_labels import FeatureLabels
from circuitviz.panels.features.feature_table import FeatureListProxy
from circuitviz.workspace.workspace import Workspace

SEARCH_DELAY_MS = 200
LANE = "search of labels"


class LabelSearch(QObject):
    """Filters the feature list by the text of a field.

    Args:
        workspace: Its pool runs the search; the window would stand still for it.
        field: The text that is searched for; none: all features are shown.
        list_proxy: The list.
        labels: Knows the store of explanations, which need not exist.
    """

    def __init__(
        self, workspace: Workspace, field: QLineEdit, list_proxy: FeatureListProxy, labels: FeatureLabels
    ) -> None:
        super().__init__(field)
        self._workspace, self._field, self._list_proxy = workspace, field, list_proxy
        self._labels, self._model = labels, ""
        self._timer = QTimer(self, singleShot=True, interval=SEARCH_DELAY_MS)
        self._timer.timeout.connect(self._submit)
        field.textChanged.connect(self._on_text_changed)

    def search_model(self, model: str) -> None:
        """Search the explanations of a model, by its name, again: the site or its labels have changed."""
        self._model = model
        if self._field.text().strip():
            self._submit()

    def _on_text_changed(self, text: str) -> None:
        if text.strip():
            self._timer.start()
        else:
            self._timer.stop()
            self._list_proxy.set_search_text("")

    def _submit(self) -> None:
        self._timer.stop()
        key = self._model, self._list_proxy.features_model.site, self._field.text()
        work = partial(find_features, self._labels.store_path, *key)
        handle = self._workspace.task_pool.submit(
            work, lane=LANE, title="Could not search the labels", key=LANE
        )
        handle.finished.connect(partial(self._show_found, key))
        handle.failed.connect(self._workspace.report_failure)

    def _show_found(self, key: tuple[str, str, str], found: list[int]) -> None:
        if key == (self._model, self._list_proxy.features_model.site, self._field.text()):
            self._list_proxy.set_search_text(key[2], found)


def find_features(store_path: Path, model: str, site: str, text: str) -> list[int]:
    """Numbers of a site's features that any explanation in a store matches."""
    if not store_path.exists():
        return []
    with closing(explanations.ExplanationStore(store_path)) as store:
        return store.find_features(model, text, site)
