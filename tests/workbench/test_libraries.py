"""Loading the libraries holds no other thread: nothing is collected meanwhile, nor gone through later."""

from __future__ import annotations

import subprocess
import sys

LOAD = """
import gc, sys
from circuitviz.workbench.libraries import load_torch, load_transformer_lens
assert "torch" not in sys.modules
whole = []
gc.callbacks.append(lambda phase, info: whole.append(phase) if info["generation"] == 2 else None)
load_torch()
assert "torch" in sys.modules and gc.isenabled()
load_transformer_lens()
assert "transformer_lens.model_bridge" in sys.modules
assert gc.isenabled() and not whole, whole
kept = gc.get_freeze_count()
assert kept > 100_000, kept
load_torch(), load_transformer_lens()
assert gc.get_freeze_count() == kept  # what is there is not set aside twice: a model may have come since
import torch
assert float(torch.ones(3) @ torch.ones(3)) == 3.0
"""


def test_libraries_come_without_a_sweep() -> None:
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
