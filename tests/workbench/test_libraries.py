"""One process as on a machine without Qt: how it loads the libraries, and that all below ``jobs`` can be imported.

Loading holds no other thread: nothing is collected meanwhile, nor gone through later.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[2] / "circuitviz"
pytestmark = pytest.mark.long
QT_FREE = (
    "graph document formats models tasks metrics lens features training discovery evaluation layout scene draw workbench notebook notebook_methods cancellation dtypes errors options plots progress registry regular_files resources versions"
).split()
LOAD = """
import gc, importlib, json, sys, traceback
for name in ("PySide6", "shiboken6", "pyqtgraph"):
    sys.modules[name] = None
from circuitviz.workbench.libraries import load_torch, load_transformer_lens
assert "torch" not in sys.modules
sweeps = []
gc.callbacks.append(lambda phase, info: sweeps.append(phase) if info["generation"] == 2 else None)
load_torch()
assert "torch" in sys.modules and gc.isenabled()
load_transformer_lens()
assert "transformer_lens.model_bridge" in sys.modules and gc.isenabled()
n_sweeps, n_frozen = len(sweeps), gc.get_freeze_count()
load_torch(), load_transformer_lens()
n_frozen_again = gc.get_freeze_count()
import torch
assert float(torch.ones(3) @ torch.ones(3)) == 3.0
failures = {}
for name in json.load(sys.stdin):
    try:
        importlib.import_module(name)
    except Exception:
        failures[name] = traceback.format_exc()[-500:]
print(json.dumps([n_sweeps, n_frozen, n_frozen_again, failures]))
"""


def qt_free_modules() -> list[str]:
    """Every module of every layer below ``jobs``."""
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if len(parts) > 1 and parts[1] in QT_FREE and parts[-1] != "__main__":
            names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


@pytest.fixture(scope="module")
def outcome() -> list[Any]:
    """Full collections while the libraries were loaded, objects set aside after the first and the second time, and
    the modules that could not be imported."""
    names = json.dumps(qt_free_modules())
    command = [sys.executable, "-c", LOAD]
    done = subprocess.run(
        command, input=names, capture_output=True, text=True, timeout=300, cwd=PACKAGE.parent
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_libraries_come_without_a_sweep(outcome: list[Any]) -> None:
    n_sweeps, n_frozen, n_frozen_again, _ = outcome
    assert n_sweeps == 0 and n_frozen > 100_000
    assert n_frozen_again == n_frozen, "what is there is not set aside twice: a model may have come since"


def test_layers_below_jobs_import_without_pyside(outcome: list[Any]) -> None:
    assert outcome[3] == {} and len(qt_free_modules()) > 40
