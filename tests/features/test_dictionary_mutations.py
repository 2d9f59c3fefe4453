"""Folders of dictionaries that somebody or something changed are opened, or refused in one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "dictionary_mutations.py"
TESTS = PROGRAM.parents[1]


@pytest.mark.long
def test_changed_folders_end_in_a_dictionary_or_in_a_sentence() -> None:
    """In a process of its own, whose memory is limited: a size that a header claims is never allocated."""
    paths = [str(TESTS.parent), str(TESTS), str(TESTS / "formats")]
    code = f"import sys; sys.path[:0] = {paths!r}; sys.argv[0] = {str(PROGRAM)!r}; exec(open(sys.argv[0]).read())"
    done = subprocess.run([sys.executable, "-c", code, "150", "11"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["faults"] == 0, done.stderr
    assert told["opened"] > 15 and told["refused"] > 75
    assert told["slowest_seconds"] < 10 and told["peak_mb"] < 1500
