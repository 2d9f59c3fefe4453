"""Where models and dictionaries lie on this machine, so that files need not tell; for this user alone."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.disk import parse_json, write_whole
from circuitviz.graph.names import last_part
from circuitviz.resources import data_folder
from circuitviz.session.provenance import Provenance

MOST = 500  # places, the latest
LARGEST = 2**20


def known_place(name: str, weights: str) -> str | None:
    """The place of a model or a dictionary by its last part and the weights' hash; None where it is gone."""
    place = _all().get(_key(name, weights))
    return place if isinstance(place, str) and Path(place).exists() else None


def remember_places(where: Provenance) -> None:
    """Write down the local places of a provenance whose file will name their last parts alone."""
    given = [where.model, *where.dictionaries]
    now = {
        _key(last_part(text), where.weight_hash): os.path.abspath(os.path.expanduser(text))
        for text in given
        if last_part(text) != text
    }
    before = _all()
    if all(before.get(key) == place for key, place in now.items()):
        return
    kept = {**{key: place for key, place in before.items() if key not in now}, **now}
    latest = dict(list(kept.items())[-MOST:])
    with contextlib.suppress(InputError, OSError):  # the place is then to be given again
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_file(), json.dumps(latest, indent=1).encode())


def _all() -> dict[str, Any]:
    try:
        data = _file().read_bytes() if _file().stat().st_size <= LARGEST else b"{}"
        given = parse_json("places.json", data)
    except (OSError, InputError):
        return {}
    return given if isinstance(given, dict) else {}


def _file() -> Path:
    return data_folder() / "places.json"


def _key(name: str, weights: str) -> str:
    return f"{name} {weights}"
