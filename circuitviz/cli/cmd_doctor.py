"""``circuitviz doctor``: does this installation work, and if not, what to do.

Qt and torch are tried in processes of their own: where they cannot be loaded they may end the process, and
the command line is free of both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from circuitviz import __version__
from circuitviz.cli.output import print_result
from circuitviz.cli.qt_libraries import missing_libraries
from circuitviz.resources import user_cache_folder, user_data_folder

SUMMARY = "check Qt, display, torch, packages and folders of this installation, and say what to do"
OK, WARNING, FAILED = "ok", "warning", "failed"
PROBE_TIMEOUT_S = 120
OLDEST_PYTHON = (3, 11)
EXTRAS_OF_DEVELOPERS = {"test"}
QT_PROBE = """
import json
from PySide6.QtCore import QSettings, qVersion
from PySide6.QtGui import QGuiApplication
app = QGuiApplication(["circuitviz"])
print(json.dumps({"version": qVersion(), "platform": app.platformName(),
                  "settings": QSettings("circuitviz", "circuitviz").fileName()}))
"""
TORCH_PROBE = """
import json, torch
devices = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
devices += ["mps"] if torch.backends.mps.is_available() else []
print(json.dumps({"version": torch.__version__, "devices": ["cpu", *devices]}))
"""


@dataclass(frozen=True)
class InstallationCheck:
    """What was looked at, how it is (``ok``, ``warning`` or ``failed``), what was found, and what to do."""

    name: str
    status: str
    found: str
    advice: str = ""


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add no flags: ``--json`` is a flag of every command."""


def run(args: argparse.Namespace) -> int:
    """Print all checks; returns 1 if one failed that circuitviz needs, else 0."""
    checks = [_check_python(), *_check_packages(), *_check_qt(), _check_torch(), *_check_user_folders()]
    failed = [check.name for check in checks if check.status == FAILED]

    def text() -> str:
        width = max(len(check.name) for check in checks)
        lines = [f"circuitviz {__version__}"]
        for check in checks:
            lines.append(f"{check.status:<7}  {check.name:<{width}}  {check.found}")
            lines += [f"{'':<{width + 9}}  → {check.advice}"] if check.advice else []
        end = f"Needed, and failed: {', '.join(failed)}." if failed else "All that circuitviz needs works."
        return "\n".join([*lines, end])

    data = {"version": __version__, "works": not failed, "checks": [asdict(check) for check in checks]}
    print_result(args, data, text)
    return 1 if failed else 0


def _check_python() -> InstallationCheck:
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < OLDEST_PYTHON:
        return InstallationCheck("Python", FAILED, found, "Install Python 3.11 or later.")
    return InstallationCheck("Python", OK, found)


def _check_packages() -> Iterator[InstallationCheck]:
    """Compare what is installed with what the package's metadata asks for, extras last."""
    try:
        wanted = [Requirement(line) for line in requires("circuitviz") or ()]
        extras = set(metadata("circuitviz").get_all("Provides-Extra") or ()) - EXTRAS_OF_DEVELOPERS
    except PackageNotFoundError:
        advice = "Install it, e.g. with: pip install circuitviz"
        yield InstallationCheck(
            "packages", WARNING, "circuitviz runs from a folder and is not installed", advice
        )
        return
    for need in wanted:
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            yield _check_package(need)
    for extra in sorted(extras):
        needs = [n for n in wanted if n.marker and n.marker.evaluate({"extra": extra})]
        needs = [n for n in needs if n.marker and not n.marker.evaluate({"extra": ""})]
        absent = [check.name for check in map(_check_package, needs) if check.status != OK]
        advice = f'To use it: pip install "circuitviz[{extra}]"' if absent else ""
        found = f"not installed, or too old: {', '.join(absent)} (optional)" if absent else "installed"
        yield InstallationCheck(f"extra {extra}", OK, found, advice)


def _check_package(need: Requirement) -> InstallationCheck:
    advice = f'Install one that fits: pip install "{need.name}{need.specifier}"'
    try:
        found = version(need.name)
    except PackageNotFoundError:
        return InstallationCheck(need.name, FAILED, "not installed", advice)
    if not need.specifier.contains(found, prereleases=True):
        return InstallationCheck(need.name, FAILED, f"{found}; {need.specifier} is needed", advice)
    return InstallationCheck(need.name, OK, found)


def _check_qt() -> Iterator[InstallationCheck]:
    """Start Qt as the window would, and name the system libraries that it lacks."""
    is_linux = sys.platform.startswith("linux")
    display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    is_headless = is_linux and not display
    platform_name = os.environ.get("QT_QPA_PLATFORM", "offscreen")
    environment = {"QT_QPA_PLATFORM": platform_name} if is_headless else {}
    qt, error = _run_probe(QT_PROBE, environment)
    missing = missing_libraries() if is_linux else {}
    if missing:
        status = FAILED if qt is None else WARNING
        found = f"missing: {', '.join(missing)}"
        yield InstallationCheck(
            "Qt libraries", status, found, f"On Debian: apt install {' '.join(missing.values())}"
        )
    elif is_linux:
        yield InstallationCheck("Qt libraries", OK, "all found")
    if qt is None:
        advice = (
            "Install the missing libraries." if missing else "Check DISPLAY, or reinstall PySide6-Essentials."
        )
        yield InstallationCheck("Qt", FAILED, f"does not start: {error}", advice)
        return
    yield InstallationCheck("Qt", OK, f"{qt['version']}, platform {qt['platform']}")
    if is_headless:
        advice = "Commands and pictures work; for the window set DISPLAY or WAYLAND_DISPLAY."
        yield InstallationCheck("display", WARNING, "none (DISPLAY and WAYLAND_DISPLAY are not set)", advice)
    elif is_linux:
        yield InstallationCheck("display", OK, str(display))
    if sys.platform != "win32":  # there settings are in the registry
        yield _check_folder("folder of settings", Path(qt["settings"]).parent)


def _check_torch() -> InstallationCheck:
    torch, error = _run_probe(TORCH_PROBE, {})
    if torch is None:
        return InstallationCheck(
            "devices", FAILED, f"torch cannot be loaded: {error}", "Reinstall it: pip install torch"
        )
    return InstallationCheck("devices", OK, f"{', '.join(torch['devices'])}; torch {torch['version']}")


def _check_user_folders() -> list[InstallationCheck]:
    folders = {"folder of data": user_data_folder(), "folder of cache": user_cache_folder()}
    return [_check_folder(name, path) for name, path in folders.items()]


def _check_folder(name: str, path: Path) -> InstallationCheck:
    """Write a file in the folder, or in the nearest folder above it that exists, and remove it."""
    existing = next(folder for folder in (path, *path.parents) if os.path.lexists(folder))
    try:
        with tempfile.TemporaryFile(dir=existing):
            return InstallationCheck(name, OK, str(path))
    except OSError as error:
        found = f"{path}: nothing can be written in {existing} ({error.strerror})"
        return InstallationCheck(name, FAILED, found, f"Make {existing} a folder that you may write in.")


def _run_probe(code: str, environment: dict[str, str]) -> tuple[dict[str, Any] | None, str]:
    """Run a probe in a process of its own; returns the JSON that it prints, or None and its last words."""
    command = [sys.executable, "-c", code]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer in {PROBE_TIMEOUT_S} s"
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        return json.loads(lines[-1]), ""
    words = done.stderr.strip().splitlines()
    return None, words[-1] if words else f"the process ended with status {done.returncode}"
