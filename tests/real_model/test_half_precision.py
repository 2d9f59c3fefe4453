"""A real checkpoint with weights in half precision: its scores, and the memory that loading takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from circuitviz.discovery import discover
from circuitviz.models import Model, load_model
from circuitviz.tasks import load_task

LIBRARIES_BYTES = 0.25e9  # what passes and the allocator keep beside weights
LOADING = """
import json, re, sys
from pathlib import Path
from circuitviz.models import hugging_face, load_model

def peak():  # of this program; getrusage's is also of the one that started it
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

before = peak()
model = load_model(sys.argv[1], dtype=sys.argv[2])
weights = sum(value.numel() * value.element_size() for value in model.parameters.values())
maps = 0 if sys.argv[2] != "float32" else sum(m.numel() * 4 for w in model.layers for m in (w.q, w.k, w.v))
print(json.dumps({"peak": peak() - before, "weights": weights, "maps": maps}))
"""


@pytest.mark.parametrize(("kind", "least"), [("bfloat16", 0.9999), ("float16", 0.999999)])
def test_scores_are_nearly_those_of_float32(folder: Path, model: Model, kind: str, least: float) -> None:
    full, half = (
        discover(opened, load_task("ioi", opened, prompts=4), "eap", metric="logit-diff").values
        for opened in (model, load_model(str(folder), dtype=kind))
    )
    assert np.corrcoef(full[model.graph.mask], half[model.graph.mask])[0, 1] > least


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_loading_takes_the_weights_and_the_file_at_most(folder: Path, kind: str) -> None:
    """The file is mapped, tensor by tensor; in its own precision its pages are the weights."""
    command = [sys.executable, "-c", LOADING, str(folder), kind]
    told = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=600).stdout)
    file = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    assert told["weights"] == pytest.approx(file if kind == "float32" else file / 2, rel=1e-2)
    held = told["weights"] + told["maps"] + (0 if kind == "float32" else file)
    assert told["peak"] < held + LIBRARIES_BYTES
