"""Labels of features for scripts and other tools: search, and suggestions that a person sees in the window.

A suggestion is shown as such, with its source; it becomes a label where a person takes it, and claims decide
whether a label holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from circuitviz.errors import InputError
from circuitviz.features import explanations
from circuitviz.graph.names import parse_feature_name
from circuitviz.resources import user_data_folder


def suggest_labels(model: str, labels: Mapping[str, str], source: str, path: Path | None = None) -> int:
    """Suggest labels for features, beside imported explanations.

    Args:
        model: Name of the model, as it is opened.
        labels: Texts by feature, such as ``{"m3.f12": "years of a war"}``.
        source: Who suggests them: the name of a tool, a model or a person.
        path: Another store than the user's own.

    Returns:
        How many of them are new.

    Raises:
        InputError: A name is no feature's, or a text or the source is empty.
    """
    if not source.strip() or source.strip() == explanations.OWN_SOURCE:
        raise InputError(
            f"Suggestions came from {source!r}; the name of the tool that makes them would be right."
        )
    rows = []
    for name, text in labels.items():
        feature = parse_feature_name(name)
        if feature is None or not text.strip():
            raise InputError(
                f"{text!r} was suggested for '{name}'; a text for a feature such as m3.f12 would be right."
            )
        rows.append(explanations.Explanation(feature.site, feature.feature, text.strip(), source.strip()))
    with closing(_open_store(path)) as store:
        return store.add_imported(model, rows)


def search_labels(
    model: str, query: str, site: str | None = None, path: Path | None = None
) -> list[explanations.Explanation]:
    """Search labels, imported explanations and suggestions by the stems of words, the best match first.

    Args:
        model: Name of the model, as it is opened.
        query: Words.
        site: Only features of this site, such as ``m3``.
        path: Another store than the user's own.
    """
    with closing(_open_store(path)) as store:
        return store.find(model, query, site)


def _open_store(path: Path | None) -> explanations.ExplanationStore:
    return explanations.ExplanationStore(path or user_data_folder() / explanations.STORE_FILE_NAME)
