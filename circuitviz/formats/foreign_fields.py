"""What another tool's file says beyond a document is kept beside it, and written back while it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JsonEntries = Mapping[str, Any]


def foreign_differences(ours: JsonEntries, theirs: JsonEntries) -> dict[str, dict[str, Any]]:
    """By key, what we would have written (``was``) and what stood there (``is``), where there was any.

    >>> foreign_differences({"a": 1, "b": 2, "d": 5}, {"a": 1, "b": 3, "c": None})
    {'b': {'was': 2, 'is': 3}, 'c': {'is': None}, 'd': {'was': 5}}
    """
    found: dict[str, dict[str, Any]] = {}
    for key in [*theirs, *(key for key in ours if key not in theirs)]:
        there, own = key in theirs, key in ours
        if there and own and ours[key] == theirs[key]:
            continue
        found[key] = {**({"was": ours[key]} if own else {}), **({"is": theirs[key]} if there else {})}
    return found


def apply_differences(ours: JsonEntries, differences: JsonEntries) -> dict[str, Any]:
    """What we would write now, with what was kept: only what has changed since is ours.

    >>> differences = foreign_differences({"a": {"x": 1, "o": 5}}, {"a": {"x": 1, "y": 2}, "z": 3})
    >>> apply_differences({"a": {"x": 1, "o": 5}}, differences)
    {'a': {'x': 1, 'y': 2}, 'z': 3}
    >>> apply_differences({"a": {"x": 9, "o": 5}}, differences)
    {'a': {'x': 9, 'y': 2}, 'z': 3}
    """
    made = dict(ours)
    for key, said in differences.items():
        same = ("was" in said) == (key in made) and said.get("was") == made.get(key)
        if same and "is" in said:
            made[key] = said["is"]
        elif same:
            made.pop(key, None)
        elif isinstance(made.get(key), dict) and isinstance(said.get("is"), dict):
            before = said.get("was") or {}
            changed = {k: v for k, v in made[key].items() if k not in before or before[k] != v}
            made[key] = {**said["is"], **changed}
    return made
