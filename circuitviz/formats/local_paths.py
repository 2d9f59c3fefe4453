"""Where models and dictionaries lie on this machine, so that files need not tell; for this user alone."""

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

MAX_PATHS = 500  # places, the latest
MAX_FILE_BYTES = 2**20


def find_local_path(name: str, weight_hash: str) -> str | None:
    """The place of a model or a dictionary by its last part and the weights' hash; None where it is gone."""
    place = _read_paths().get(_path_key(name, weight_hash))
    return place if isinstance(place, str) and Path(place).exists() else None


def remember_local_paths(origin: Origin) -> None:
    """Write down the local places of an origin whose file will name their last parts alone."""
    given = [origin.model, *origin.dictionaries]
    now = {
        _path_key(display_name(text), origin.weight_hash): os.path.abspath(expand_home(text))
        for text in given
        if display_name(text) != text
    }
    before = _read_paths()
    if all(before.get(key) == place for key, place in now.items()):
        return
    kept = {**{key: place for key, place in before.items() if key not in now}, **now}
    latest = dict(list(kept.items())[-MAX_PATHS:])
    with contextlib.suppress(InputError, OSError):  # the place is then to be given again
        _paths_file().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_paths_file(), json.dumps(latest, indent=1).encode())


def _read_paths() -> dict[str, Any]:
    try:
        data = _paths_file().read_bytes() if _paths_file().stat().st_size <= MAX_FILE_BYTES else b"{}"
        given = parse_json("places.json", data)
    except (OSError, InputError):
        return {}
    return given if isinstance(given, dict) else {}


def _paths_file() -> Path:
    return user_data_folder() / "places.json"


def _path_key(name: str, weights: str) -> str:
    return f"{name} {weights}"
