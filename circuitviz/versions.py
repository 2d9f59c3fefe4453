"""Versions of packages and the machine, which records of computations name."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version


def describe_machine(device: str) -> str:
    """What numbers may depend on besides packages: system, processors, device, Python."""
    cores = f"{os.cpu_count()} cores" if os.cpu_count() else "cores unknown"
    parts = (f"{platform.system()} {platform.release()} {platform.machine()}", cores, f"on {device}")
    return ", ".join((*parts, f"Python {platform.python_version()}"))


@cache
def package_version(name: str) -> str:
    """An installed package's version, or ``not installed``."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
