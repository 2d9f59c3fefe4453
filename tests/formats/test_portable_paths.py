"""No file tells the folders of the machine that it was made on; the same circuit gives the same bytes in each."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pdf_structure import picture_content
from slow_path import STORIES

from circuitviz.__main__ import main
from circuitviz.document import Document, State
from circuitviz.document.origin import TaskOrigin
from circuitviz.document.portable_paths import with_local_paths, with_portable_paths
from circuitviz.draw.registry import figure_formats
from circuitviz.formats import export_document, formats, open_document, save_document
from circuitviz.graph import Circuit, Graph, ModelShape, Scores
from circuitviz.graph.names import display_name, parse_folders, portable_path
from circuitviz.paint import save_figure
from circuitviz.shapes.figure_options import FigureOptions
from circuitviz.shapes.text_metrics import load_shipped_fonts
from circuitviz.workbench.methods_text import methods_paragraph

SECRET = "secret-folder"


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine knows of places is this test's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def everything(data: bytes) -> Iterator[bytes]:
    """A file's bytes, and what is compressed in them: entries of a zip, streams of a PDF, chunks of a PNG."""
    yield data
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield archive.read(name)
    for start in [match.end() for match in re.finditer(rb"stream\r?\n|zTXt[^\0]*\0\0|IDAT", data)]:
        try:
            yield zlib.decompressobj().decompress(data[start:])
        except zlib.error:
            continue
    yield data.replace(b"\0", b"")  # texts of two bytes a letter, as PDF has them


def document(folder: Path, method: str = "eap", **more: Any) -> Document:
    """A circuit found with a model, a task and dictionaries of local folders."""
    graph = Graph.transformer(ModelShape(2, 2, 8))
    edges = graph.mask.copy()
    pairs = (("a b", "a c", ("x",), ("y",)),)
    options = {
        "dictionaries": f"{folder / 'dicts' / 'one'}; {folder / 'two'}",
        "file": str(folder / "from.json"),
    }
    where = TaskOrigin(
        str(folder / "models" / "llama"), "sha256:12", str(folder / "tasks" / "mine.csv"), "sha256:34", pairs, "logit-diff",
        "zero", method, options, **more,
    )  # fmt: skip
    values = np.linspace(-1, 1, edges.size).reshape(edges.shape) * edges
    return Document(State(where, Scores(graph, values, method), Circuit(graph, edges, int(edges.sum()))))


def every_suffix() -> list[str]:
    return [
        *(e.value.suffix for e in formats.entries() if e.value.writes),
        *(e.value.suffix for e in figure_formats.entries()),
    ]


@pytest.mark.parametrize("suffix", every_suffix())
@pytest.mark.parametrize("near", [True, False], ids=["model below", "model elsewhere"])
def test_no_format_tells_a_folder_and_bytes_are_the_same_in_two(
    qapp: object, tmp_path: Path, suffix: str, near: bool
) -> None:
    load_shipped_fonts()
    made = []
    for name in ("first", "other"):
        home = tmp_path / f"{SECRET}-{name}"
        home.mkdir()
        one = document(home if near else tmp_path / f"{SECRET}-models-{name}")
        save_document(one, home / "mine.circuit")
        path = home / f"{'mine' if suffix == '.circuit' else f'of-{name}'}{suffix}"  # whatever it is called
        if suffix in [e.value.suffix for e in figure_formats.entries()]:
            save_figure(one, path, FigureOptions(caption=True))
        else:
            export_document(one, path)
        made.append(path.read_bytes())
    for data in made:
        assert not [
            piece for piece in everything(data) if SECRET.encode() in piece or str(tmp_path).encode() in piece
        ]
    assert picture_content(made[0]) == picture_content(made[1])


def test_the_search_finds_what_is_hidden_in_files(qapp: object, tmp_path: Path) -> None:
    """The control: a label that is written is found in every format that draws or lists it."""
    load_shipped_fonts()
    where = replace(document(tmp_path).state.origin, created=SECRET, method=SECRET, model=SECRET)
    one = Document(replace(document(tmp_path).state, origin=where))
    for suffix in (".circuit", ".svg", ".pdf", ".png", ".tex"):
        path = tmp_path / f"a{suffix}"
        save_document(one, path) if suffix == ".circuit" else save_figure(
            one, path, FigureOptions(caption=True)
        )
        assert any(SECRET.encode() in piece for piece in everything(path.read_bytes())), suffix


def test_commands_in_figures_work_from_the_documents_folder(qapp: object, tmp_path: Path) -> None:
    one = document(tmp_path)
    save_document(one, tmp_path / "mine.circuit")
    save_figure(one, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "-m ./models/llama -t ./tasks/mine.csv" in text and "export mine.circuit -o mine.svg" in text
    assert "--dictionaries './dicts/one; ./two'" in html.unescape(text)
    assert "of llama" in methods_paragraph(one) and SECRET not in methods_paragraph(one)


def test_places_come_back_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the document in whatever folder both lie now; elsewhere on this machine as it was written down."""
    home = tmp_path / "home"
    (home / "models" / "llama").mkdir(parents=True)
    one = document(home)
    save_document(one, home / "mine.circuit")
    assert open_document(home / "mine.circuit").state.origin.model == str(home / "models" / "llama")
    moved = tmp_path / "moved"
    shutil.copytree(home, moved)
    again = open_document(moved / "mine.circuit")
    assert again.state.origin.model == str(moved / "models" / "llama") and not again.is_dirty
    away = tmp_path / "away"
    away.mkdir()
    save_document(one, away / "mine.circuit")
    with zipfile.ZipFile(away / "mine.circuit") as archive:
        told = json.loads(archive.read("document.json"))["provenance"]
    assert (told["model"], told["task"]) == ("llama", "mine.csv")
    assert told["options"]["dictionaries"] == "one; two" and told["options"]["file"] == "from.json"
    found = open_document(away / "mine.circuit").state
    assert found.origin.model == str(home / "models" / "llama")
    assert found.origin.options["dictionaries"] == "one; two"  # which are not there
    shutil.rmtree(home)
    assert open_document(away / "mine.circuit").state.origin.model == "llama"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another machine"))
    assert open_document(away / "mine.circuit").state.origin.model == "llama"


def test_names_that_are_no_places_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "here" / "llama").mkdir(parents=True)
    for name in ("demo", "gpt2", "google/gemma-2-2b", "ioi", "", "a b", "x" * 5000, "saelens:release/id"):
        assert portable_path(name, tmp_path) == display_name(name) == name
    assert portable_path("here/llama", tmp_path) == "./here/llama" and display_name("here/llama") == "llama"
    assert portable_path("~nobody/x", None) == "x" and portable_path("./gone/llama", None) == "llama"
    where = document(tmp_path).state.origin
    assert with_portable_paths(with_portable_paths(where, tmp_path), None).model == "llama"
    assert (
        with_local_paths(with_portable_paths(where, tmp_path), tmp_path, lambda name, digest: None).model
        == "./models/llama"
    )  # not there
    assert parse_folders(str(with_portable_paths(where, tmp_path).options["dictionaries"])) == (
        "./dicts/one",
        "./two",
    )


@given(
    st.text()
    | st.sampled_from(
        [
            "~nobody",
            "~",
            "~\0",
            "~\ud800",
            "\0",
            "\ud800/x",
            "x" * 5000,
            "/" * 300,
            "./" + "y" * 5000,
            "; ;",
            "./",
            "../..",
        ]
    )
)
@settings(max_examples=200)
def test_no_name_in_a_file_makes_reading_fail(text: str) -> None:
    """A file may name anything as its model: it is text until somebody opens it."""
    where = TaskOrigin(text, text, text, text, (), text, text, text, {"dictionaries": text, "file": text})
    listed = replace(where, options={"dictionaries": [text, 3]})
    for one in (where, listed):
        found = with_local_paths(one, Path("/nowhere"), lambda name, digest: None)
        assert with_portable_paths(with_portable_paths(found, None), None) == with_portable_paths(found, None)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_exports_have_the_permissions_of_the_umask(qapp: object, tmp_path: Path, mask: int) -> None:
    load_shipped_fonts()
    before = os.umask(mask)
    try:
        for suffix in every_suffix():
            path = tmp_path / f"a{suffix}"
            one = document(tmp_path)
            save_figure(one, path) if suffix in (".svg", ".pdf", ".png", ".tex") else export_document(
                one, path
            )
            assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask, suffix
    finally:
        os.umask(before)


@pytest.mark.skipif(not STORIES.is_dir(), reason="stories260K is not beside this checkout")
def test_a_local_models_circuit_is_evaluated_where_its_file_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line finds the model beside the file from any folder, and elsewhere on this machine."""
    home = tmp_path / f"{SECRET}-home"
    shutil.copytree(STORIES, home / "model")
    task = home / "task.csv"
    with task.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["clean", "corrupted", "correct", "incorrect"], ["Once upon a", "Once there a", " time", " day"]]
        )
    monkeypatch.chdir(tmp_path)
    out = home / "a.circuit"
    assert (
        main(
            [
                "discover",
                "-m",
                str(home / "model"),
                "-t",
                str(task),
                "--method",
                "eap",
                "--edges",
                "30",
                "-o",
                str(out),
            ]
        )
        == 0
    )
    assert not [piece for piece in everything(out.read_bytes()) if SECRET.encode() in piece]
    moved = tmp_path / "moved"
    shutil.move(home, moved)
    assert main(["evaluate", str(moved / "a.circuit"), "--json", "--no-random"]) == 0
    capsys.readouterr()
