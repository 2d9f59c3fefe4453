"""Local paths of models and dictionaries, recorded per user, so that documents need not contain them."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from circuitviz.document.origin import Origin
from circuitviz.errors import InputError
from circuitviz.formats.file_io import parse_json, write_atomically
from circuitviz.graph.names import display_name, expand_home
from circuitviz.resources import user_data_folder

MAX_PATHS = 500  # the latest are kept
MAX_FILE_BYTES = 2**20


def find_local_path(name: str, weight_hash: str) -> str | None:
    """The recorded path of a model or a dictionary; None where there is none or it no longer exists.

    Args:
        name: Last part of the path.
        weight_hash: Hash of the model's weights.
    """
    path = _read_paths().get(_path_key(name, weight_hash))
    return path if isinstance(path, str) and Path(path).exists() else None


def remember_local_paths(origin: Origin) -> None:
    """Record the local paths of an origin, of which its file will hold the last parts only."""
    texts = [origin.model, *origin.dictionaries]
    paths = {
        _path_key(display_name(text), origin.weight_hash): os.path.abspath(expand_home(text))
        for text in texts
        if display_name(text) != text
    }
    stored = _read_paths()
    if all(stored.get(key) == path for key, path in paths.items()):
        return
    merged = {**{key: path for key, path in stored.items() if key not in paths}, **paths}
    latest = dict(list(merged.items())[-MAX_PATHS:])
    with contextlib.suppress(InputError, OSError):  # then a person has to name the path again
        _paths_file().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_paths_file(), json.dumps(latest, indent=1).encode())


def _read_paths() -> dict[str, Any]:
    try:
        data = _paths_file().read_bytes() if _paths_file().stat().st_size <= MAX_FILE_BYTES else b"{}"
        paths = parse_json("places.json", data)
    except (OSError, InputError):
        return {}
    return paths if isinstance(paths, dict) else {}


def _paths_file() -> Path:
    return user_data_folder() / "places.json"


def _path_key(name: str, weights: str) -> str:
    return f"{name} {weights}"
