"""No reader waits for a pipe or reads a device without end, and nothing is written in their place."""

from __future__ import annotations

import gzip
import os
import stat
from pathlib import Path

import pytest

from circuitviz.errors import InputError
from circuitviz.features.explanations import explanation_files
from circuitviz.features.passages import read_passage_file
from circuitviz.formats import export_document, formats, import_document
from circuitviz.formats.file_io import check_writable, read_bytes, read_text
from circuitviz.formats.label_files import read_labels
from circuitviz.formats.reference_circuit import list_references
from circuitviz.regular_files import read_regular_file

SUFFIXES = sorted({entry.value.suffix for entry in formats.entries()} - {".nodes.csv"})  # read beside ".csv"
pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")


def _special(folder: Path, name: str, kind: str) -> Path:
    path = folder / name
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.symlink_to(path.name)
    return path


@pytest.mark.parametrize("kind", ["pipe", "device", "loop"])
def test_nothing_but_regular_files_is_read(tmp_path, demo, kind):
    for suffix in SUFFIXES:
        with pytest.raises(InputError, match="cannot be read"):
            import_document(_special(tmp_path, f"one{suffix}", kind))
    other = _special(tmp_path, "labels.jsonl", kind)
    for read in (
        read_bytes,
        read_text,
        lambda path: read_labels(path, demo.model.graph),
        explanation_files.read_explanations,
    ):
        with pytest.raises(InputError, match="(cannot|could not) be read"):
            read(other)
    with pytest.raises(InputError, match="cannot be read"):
        read_passage_file(demo.model, other)


@pytest.mark.parametrize("kind", ["pipe", "loop"])
def test_nothing_but_regular_files_is_replaced(tmp_path, kind):
    document = import_document(list_references()["ioi-gpt2"])
    for suffix in sorted(e.value.suffix for e in formats.entries() if e.value.writes):
        path = _special(tmp_path, f"one{suffix}", kind)
        before = path.lstat()
        for write in (check_writable, lambda where: export_document(document, where)):
            with pytest.raises(InputError, match="was not saved"):
                write(path)
        assert (path.lstat().st_ino, stat.S_IFMT(path.lstat().st_mode)) == (
            before.st_ino,
            stat.S_IFMT(before.st_mode),
        )


def test_no_more_is_read_than_was_asked_for(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular_file(path, 3) == b"1234"
    assert read_regular_file(path) == b"12345"


def test_packed_explanations_are_bounded_and_their_lines_end_at_line_feeds(tmp_path, monkeypatch):
    path = tmp_path / "one.jsonl.gz"
    lines = [f'{{"layer": "5-att", "index": {i}, "description": "a\u2028b"}}' for i in (1, 2)]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert [one.text for one in explanation_files.read_explanations(path).explanations] == ["a\u2028b"] * 2
    monkeypatch.setattr(explanation_files, "MAX_UNPACKED_BYTES", 100)
    with pytest.raises(InputError, match="more than"):
        explanation_files.read_explanations(path)
