"""Parsing and writing of the names of sites, features, folders and models that people type and files hold."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath
from typing import NamedTuple

CHANNEL_SUFFIXES = ("<q>", "<k>", "<v>")
DOCUMENT_FOLDER_PREFIX = "./"  # paths relative to the document; no Hugging Face name begins so
_NEURON_PATTERN = re.compile(r"m(\d+)\.n(\d+)@(\d+)")
_DIRECTION_TARGET_PATTERN = re.compile(r"(resid\d+)@(\d+):([^|]+)\|([^|]+)")
_NEURON_OF_LAYER_PATTERN = re.compile(r"m(\d+)\.n(\d+)")
_FEATURE_PATTERN = re.compile(r"([amr]\d+)\.f(\d+)(?:@(\d+))?")


class FeatureName(NamedTuple):
    """The parts of a feature's name.

    Attributes:
        site: ``a5``, ``m5`` or ``r5``: attention or MLP of layer 5, or the residual stream before it.
        feature: Index in the site's dictionary.
        position: Token position of the node, or None.
    """

    site: str
    feature: int
    position: int | None = None


def parse_feature_name(text: str) -> FeatureName | None:
    """Read a feature's name, with or without a position; None where the text is none.

    >>> parse_feature_name("m3.f12@7"), parse_feature_name("a1.h2@7")
    (FeatureName(site='m3', feature=12, position=7), None)
    """
    match = _FEATURE_PATTERN.fullmatch(text)
    if match is None:
        return None
    return FeatureName(match[1], int(match[2]), None if match[3] is None else int(match[3]))


def split_span(name: str) -> tuple[str, str]:
    """The component and the span of a node's name; an empty span where it has none.

    >>> split_span("a5.h3@S1+1"), split_span("a5.h3"), split_span("m5.f12@7")
    (('a5.h3', 'S1+1'), ('a5.h3', ''), ('m5.f12@7', ''))
    """
    component, _, span = name.partition("@")
    return (component, span) if span and not span.isdecimal() else (name, "")


def parse_neuron_name(text: str) -> tuple[int, int, int] | None:
    """Read the layer, index and position of a neuron's name; None where the text is none.

    >>> parse_neuron_name("m3.n45@7")
    (3, 45, 7)
    """
    match = _NEURON_PATTERN.fullmatch(text)
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))


def parse_direction_target(text: str) -> tuple[str, int, str, str] | None:
    """Read a direction between two texts as a target; None where the text is none.

    >>> parse_direction_target("resid2@7:Mary|John")
    ('resid2', 7, 'Mary', 'John')
    """
    match = _DIRECTION_TARGET_PATTERN.fullmatch(text)
    return None if match is None else (match[1], int(match[2]), match[3], match[4])


def parse_neuron_of_layer(text: str) -> tuple[int, int] | None:
    """Read the layer and index of a neuron's name without a position; None where the text is none.

    >>> parse_neuron_of_layer("m3.n45"), parse_neuron_of_layer("m3.n45@7")
    ((3, 45), None)
    """
    match = _NEURON_OF_LAYER_PATTERN.fullmatch(text)
    return None if match is None else (int(match[1]), int(match[2]))


def split_edge_span(name: str) -> tuple[str, str]:
    """The edge between components and the span of an edge's name; an empty span where it has none.

    >>> split_edge_span("m0@S1->a5.h3@S1<k>"), split_edge_span("a5.h3@END->logits"), split_edge_span("m0->m1")
    (('m0->a5.h3<k>', 'S1'), ('a5.h3->logits', 'END'), ('m0->m1', ''))
    """
    sender, arrow, receiver = name.partition("->")
    component, span = split_span(sender)
    return (f"{component}{arrow}{receiver.replace(f'@{span}', '', 1)}", span) if span else (name, "")


def channel_of(receiver: str) -> str:
    """``q``, ``k`` or ``v`` from a receiver's name; an empty string for any other name.

    >>> channel_of("a9.h9<q>"), channel_of("m9"), channel_of("<b>")
    ('q', '', '')
    """
    return receiver[-2] if receiver.endswith(CHANNEL_SUFFIXES) and len(receiver) > 3 else ""


def site_sort_key(site: str) -> tuple[int, str]:
    """Sort key of sites: by layer, its residual stream before attention, and that before the MLP.

    >>> sorted(["m10", "m2", "a2", "r2"], key=site_sort_key)
    ['r2', 'a2', 'm2', 'm10']
    """
    return int(site[1:]), "" if site[0] == "r" else site[0]


def expand_home(text: str) -> str:
    """A path with `~` or `~user` replaced; the text itself where that cannot be a user's name."""
    try:
        return os.path.expanduser(text)
    except ValueError:  # NUL, or what has no encoding, after `~`
        return text


def parse_folders(text: str) -> tuple[str, ...]:
    """Folders named in one text, ``first; second``; a folder whose own name is that text is one folder."""
    if os.path.exists(expand_home(text)):
        return (text,)
    return tuple(part.strip() for part in text.split(";") if part.strip())


def portable_path(text: str, folder: Path | None) -> str:
    """A name as files store it: a local path relative to a folder, or its last part.

    Names that are not paths (``demo``, ``gpt2``, a task's name) stay as they are.

    >>> portable_path("demo", None), portable_path("/models/llama", None)
    ('demo', 'llama')
    >>> portable_path("/data/models/llama", Path("/data"))
    './models/llama'

    Args:
        text: A path or a name.
        folder: The folder of the document; a path below it is stored relative to it.
    """
    if not is_local_path(text):
        return text
    path = Path(os.path.abspath(expand_home(text)))
    if folder is not None:
        root = Path(os.path.abspath(folder))
        if path.is_relative_to(root) and path != root:
            return DOCUMENT_FOLDER_PREFIX + path.relative_to(root).as_posix()
    return path.name or text


def is_local_path(text: str) -> bool:
    """Whether a name is a path.

    It is where it is absolute, begins with ``./``, ``../`` or ``~``, or contains a separator and exists.
    """
    if text.startswith((DOCUMENT_FOLDER_PREFIX, "../", "~")) or PurePath(text).is_absolute():
        return True
    if not set(text) & {"/", os.sep}:
        return False  # one word: a name
    return os.path.exists(text)


def display_name(text: str) -> str:
    """A name as messages show it: of a local path the last part alone."""
    return portable_path(text, None)
