"""Notes in files: kept as they are, and absent from files without any."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from example_documents import labelled_document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuitviz.document import Document
from circuitviz.document.note_commands import set_notes
from circuitviz.errors import InputError
from circuitviz.formats import open_document, save_document


def _manifest(path: Path) -> dict[str, object]:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("document.json"))


def _write(source: Path, target: Path, manifest: dict[str, object]) -> None:
    """A file with another manifest."""
    with zipfile.ZipFile(source) as archive:
        tensors = archive.read("tensors.safetensors")
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("document.json", json.dumps(manifest))
        archive.writestr("tensors.safetensors", tensors)


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=200))
def test_any_text_comes_back(tmp_path: Path, text: str) -> None:
    document = labelled_document()
    document.apply_command(set_notes(text))
    path = tmp_path / "noted.circuit"
    save_document(document, path)
    again = open_document(path)
    assert again.state.notes == text and again.state.hash == document.state.hash
    assert _manifest(path).get("notes", "") == text


def test_an_older_file_has_empty_notes(tmp_path: Path) -> None:
    document = labelled_document()
    hash_before = document.state.hash
    save_document(document, tmp_path / "old.circuit")
    manifest = _manifest(tmp_path / "old.circuit")
    assert manifest.pop("notes") == ""
    _write(tmp_path / "old.circuit", tmp_path / "older.circuit", manifest)
    assert open_document(tmp_path / "older.circuit").state.notes == ""
    assert open_document(tmp_path / "older.circuit").state.hash == hash_before
    assert replace(document.state, notes="x").hash != hash_before == replace(document.state, notes="").hash


def test_notes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    save_document(Document(), tmp_path / "a.circuit")
    manifest = {**_manifest(tmp_path / "a.circuit"), "notes": ["x"]}
    _write(tmp_path / "a.circuit", tmp_path / "b.circuit", manifest)
    with pytest.raises(InputError, match="notes"):
        open_document(tmp_path / "b.circuit")
