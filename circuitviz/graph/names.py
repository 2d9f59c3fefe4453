"""How names of sites, features, folders and models are read, which are typed, clicked and kept in files."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath
from typing import NamedTuple

DOCUMENT_FOLDER_PREFIX = "./"  # what lies with a document: no name of a hub begins so
_FEATURE_PATTERN = re.compile(r"([am]\d+)\.f(\d+)(?:@(\d+))?")


class FeatureName(NamedTuple):
    """What a feature's name says: site, index in its dictionary, and the position where its node stands."""

    site: str
    feature: int
    position: int | None = None


def parse_feature_name(text: str) -> FeatureName | None:
    """Read a feature's name, with its position or without; None where the text is none.

    >>> parse_feature_name("m3.f12@7"), parse_feature_name("a1.h2@7")
    (FeatureName(site='m3', feature=12, position=7), None)
    """
    found = _FEATURE_PATTERN.fullmatch(text)
    if found is None:
        return None
    return FeatureName(found[1], int(found[2]), None if found[3] is None else int(found[3]))


def site_sort_key(site: str) -> tuple[int, str]:
    """What sites are sorted by, from the first layer on, in a layer attention first.

    >>> sorted(["m10", "m2", "a2"], key=site_sort_key)
    ['a2', 'm2', 'm10']
    """
    return int(site[1:]), site[0]


def parse_folders(text: str) -> tuple[str, ...]:
    """Folders as one text names them, ``first; second``; a folder that has such a name itself is one."""
    if os.path.exists(os.path.expanduser(text)):  # which no text makes raise
        return (text,)
    return tuple(part.strip() for part in text.split(";") if part.strip())


def portable_path(text: str, folder: Path | None) -> str:
    """A name as files hold it: a local place relative to ``folder`` where it lies below, else its last part.

    Names that are no places (``demo``, ``gpt2``, a task's name) stay as they are.

    >>> portable_path("demo", None), portable_path("/models/llama", None)
    ('demo', 'llama')
    >>> portable_path("/data/models/llama", Path("/data"))
    './models/llama'
    """
    if not is_local_path(text):
        return text
    place = Path(os.path.abspath(os.path.expanduser(text)))
    if folder is not None:
        home = Path(os.path.abspath(folder))
        if place.is_relative_to(home) and place != home:
            return DOCUMENT_FOLDER_PREFIX + place.relative_to(home).as_posix()
    return place.name or text


def is_local_path(text: str) -> bool:
    """Whether a name is a path: absolute, of this folder or the user's, or there with a folder before it."""
    if text.startswith((DOCUMENT_FOLDER_PREFIX, "../", "~")) or PurePath(text).is_absolute():
        return True
    if not set(text) & {"/", os.sep}:
        return False  # nothing is told by it
    return os.path.exists(text)


def display_name(text: str) -> str:
    """A name as sentences say it: of a local place the last part alone."""
    return portable_path(text, None)
