"""Files of every earlier version stay readable: each step from one version to the next is a file.

A step is a module ``from_N.py`` with one function ``step(manifest) -> manifest`` that turns a
manifest of version N into one of version N + 1. The present version follows from the steps there
are. A new key needs no step (missing means default); a key that changes its meaning does.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from circuitviz.errors import InputError

Step = Callable[[dict[str, Any]], dict[str, Any]]
FIRST = 1


def _found() -> dict[int, Step]:
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    made = {int(n[5:]): importlib.import_module(f"{__name__}.{n}").step for n in names if n[:5] == "from_"}
    assert sorted(made) == list(range(FIRST, FIRST + len(made))), "a step is missing"
    return made


STEPS: Mapping[int, Step] = _found()
VERSION = FIRST + len(STEPS)


def migrated(manifest: dict[str, Any], steps: Mapping[int, Step] = STEPS) -> dict[str, Any]:
    """Bring a manifest to the present version; the one given stays as it is.

    >>> migrated({"version": 1, "a": 2}, {1: lambda m: {**m, "b": m["a"]}})
    {'version': 2, 'a': 2, 'b': 2}
    """
    version = manifest["version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < FIRST:
        raise InputError(f"its version is {version!r}; versions begin at {FIRST}")
    for at in range(version, FIRST + len(steps)):
        manifest = {**steps[at](dict(manifest)), "version": at + 1}
    return manifest
