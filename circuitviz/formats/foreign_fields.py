"""Preservation of fields of other tools' files that a document does not represent.

The differences between a file and what this application would write for it are stored with the document and
applied again on writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JsonEntries = Mapping[str, Any]


def foreign_differences(own: JsonEntries, foreign: JsonEntries) -> dict[str, dict[str, Any]]:
    """Where a file differs from what this application would write for the same document.

    >>> foreign_differences({"a": 1, "b": 2, "d": 5}, {"a": 1, "b": 3, "c": None})
    {'b': {'was': 2, 'is': 3}, 'c': {'is': None}, 'd': {'was': 5}}

    Args:
        own: What would be written.
        foreign: What the file holds.

    Returns:
        By key, the own value (``was``) and the file's (``is``), each where there is one.
    """
    differences: dict[str, dict[str, Any]] = {}
    for key in [*foreign, *(key for key in own if key not in foreign)]:
        if key not in own or key not in foreign or own[key] != foreign[key]:
            was = {"was": own[key]} if key in own else {}
            differences[key] = {**was, **({"is": foreign[key]} if key in foreign else {})}
    return differences


def apply_differences(own: JsonEntries, differences: JsonEntries) -> dict[str, Any]:
    """Apply the differences of a file to what would be written now; values changed since are kept.

    >>> differences = foreign_differences({"a": {"x": 1, "o": 5}}, {"a": {"x": 1, "y": 2}, "z": 3})
    >>> apply_differences({"a": {"x": 1, "o": 5}}, differences)
    {'a': {'x': 1, 'y': 2}, 'z': 3}
    >>> apply_differences({"a": {"x": 9, "o": 5}}, differences)
    {'a': {'x': 9, 'y': 2}, 'z': 3}
    """
    merged = dict(own)
    for key, difference in differences.items():
        same = ("was" in difference) == (key in merged) and difference.get("was") == merged.get(key)
        if same and "is" in difference:
            merged[key] = difference["is"]
        elif same:
            merged.pop(key, None)
        elif isinstance(merged.get(key), dict) and isinstance(difference.get("is"), dict):
            old_own = difference.get("was") or {}
            changed = {k: v for k, v in merged[key].items() if k not in old_own or old_own[k] != v}
            merged[key] = {**difference["is"], **changed}
    return merged
