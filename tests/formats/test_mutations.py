"""No file can crash, hang or fill the memory: CIRCUITVIZ_FUZZ=10000 tries ten thousand changed ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from circuitviz.errors import InputError
from circuitviz.formats import import_document

SHARE = int(os.environ.get("CIRCUITVIZ_FUZZ", "1000"))


@pytest.mark.skipif(sys.platform == "win32", reason="memory is limited by resource")
def test_a_changed_file_is_a_document_or_one_clear_sentence() -> None:
    """In a process of its own, whose memory is bounded; a file that never ends is a fault too."""
    program = Path(__file__).parent / "mutations.py"
    done = subprocess.run(
        [sys.executable, str(program), str(SHARE), "0"],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["faults"] == 0, done.stderr[-3000:]
    assert told["documents"] + told["errors"] == SHARE
    assert told["documents"] > SHARE / 10 and told["errors"] > SHARE / 3


def zip_of_many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(3000):
            archive.writestr(f"e{i}", b"")


BOMBS = {
    "many.circuit": (zip_of_many, "thousands of entries"),
    "values.json": (lambda p: p.write_bytes(b"[" + b"0," * 10_500_000 + b"0]"), "values, more than"),
    "deep.json": (lambda p: p.write_bytes(b'{"a":' * 3_000_000), "nested too deeply"),
    "tags.graphml": (lambda p: p.write_bytes(b"<g>" + b"<a/>" * 5_000_001), "more elements"),
    "columns.csv": (lambda p: p.write_text("a," * 100_000), "columns"),
    "big.reference.json": (lambda p: p.write_text('{"shape": {"n_layers": 1000000000, "n_heads": 1, "d_model": 1}}'), "layers"),
    "big.csv": (lambda p: p.write_text("sender,receiver\ninput,a999999999.h0<q>\n"), "layers"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_grow_without_bound_is_refused_before_it_does(tmp_path: Path, name: str) -> None:
    make, says = BOMBS[name]
    make(tmp_path / name)
    with pytest.raises(InputError, match=says):
        import_document(tmp_path / name)


def test_an_endless_name_is_quoted_in_part(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"sender,receiver\ninput,{'x' * 5000}\n")
    with pytest.raises(InputError, match="no edge.* … .*") as told:
        import_document(path)
    assert len(str(told.value)) <= 400
