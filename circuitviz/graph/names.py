"""How names of sites, features and folders are read, which are typed, clicked and kept in files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_FEATURE = re.compile(r"([am]\d+)\.f(\d+)(?:@(\d+))?")


class FeatureName(NamedTuple):
    """What a feature's name says: site, index in its dictionary, and the position where its node stands."""

    site: str
    feature: int
    position: int | None = None


def feature_name(text: str) -> FeatureName | None:
    """Read a feature's name, with its position or without; None where the text is none.

    >>> feature_name("m3.f12@7"), feature_name("a1.h2@7")
    (FeatureName(site='m3', feature=12, position=7), None)
    """
    found = _FEATURE.fullmatch(text)
    if found is None:
        return None
    return FeatureName(found[1], int(found[2]), None if found[3] is None else int(found[3]))


def by_layer(site: str) -> tuple[int, str]:
    """What sites are sorted by, from the first layer on, in a layer attention first.

    >>> sorted(["m10", "m2", "a2"], key=by_layer)
    ['a2', 'm2', 'm10']
    """
    return int(site[1:]), site[0]


def parse_folders(text: str) -> tuple[str, ...]:
    """Folders as one text names them, ``first; second``; a folder that has such a name itself is one."""
    if Path(text).expanduser().exists():
        return (text,) if text else ()
    return tuple(part.strip() for part in text.split(";") if part.strip())
