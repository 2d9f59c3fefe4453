"""A value of a file is refused when it is read, or nothing fails later: CIRCUITVIZ_FUZZ=30000 tries all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SHARE = int(os.environ.get("CIRCUITVIZ_FUZZ", "250"))


def test_a_changed_value_is_refused_when_it_is_read_or_can_be_drawn_exported_and_saved() -> None:
    program = Path(__file__).parent / "value_mutations.py"
    done = subprocess.run(
        [sys.executable, str(program), str(SHARE), "0"],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["faults"] == 0, done.stderr[-3000:]
    assert told["opened"] > SHARE / 10 and told["refused"] > SHARE / 3
