"""Migration of manifests of earlier file versions, one file for each step.

A step is a module ``from_N.py`` with a function ``step(manifest) -> manifest`` that turns a manifest of
version N into one of version N + 1. The current version follows from the number of steps. A new key needs no
step, since a missing key means its default; a key that changes its meaning does. So does a key or tensor that
changes how others are read: the step changes nothing then, and only files that hold it are of the new version
(``DocumentPart.file_version``), so that earlier programs read all others.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from circuitviz.errors import InputError

MigrationStep = Callable[[dict[str, Any]], dict[str, Any]]
FIRST_VERSION = 1


def _load_steps() -> dict[int, MigrationStep]:
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    steps = {int(n[5:]): importlib.import_module(f"{__name__}.{n}").step for n in names if n[:5] == "from_"}
    assert sorted(steps) == list(range(FIRST_VERSION, FIRST_VERSION + len(steps))), "a step is missing"
    return steps


STEPS: Mapping[int, MigrationStep] = _load_steps()
FILE_VERSION = FIRST_VERSION + len(STEPS)


def migrate_manifest(manifest: dict[str, Any], steps: Mapping[int, MigrationStep] = STEPS) -> dict[str, Any]:
    """Bring a manifest to the current version; the argument is not changed.

    >>> migrate_manifest({"version": 1, "a": 2}, {1: lambda m: {**m, "b": m["a"]}})
    {'version': 2, 'a': 2, 'b': 2}
    """
    version = manifest["version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < FIRST_VERSION:
        raise InputError(f"its version is {version!r}; versions begin at {FIRST_VERSION}")
    for step_version in range(version, FIRST_VERSION + len(steps)):
        manifest = {**steps[step_version](dict(manifest)), "version": step_version + 1}
    return manifest
