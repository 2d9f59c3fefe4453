"""A command line is packed with the files that it reads, under paths that a worker can use."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuitviz.__main__ import main
from circuitviz.cli.command_elsewhere import pack_command
from circuitviz.cli.parser import parse_arguments
from circuitviz.errors import InputError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    (here / "model").mkdir()
    (here / "sub" / "own.csv").write_text("rows")
    (tmp_path / "far.circuit").write_bytes(b"far")
    monkeypatch.chdir(here)
    return tmp_path


def test_files_are_sent_under_relative_paths_and_outputs_named(folder: Path) -> None:
    pytest.importorskip("distributed")
    words = [
        "discover",
        "-m",
        "model",
        "-t",
        "sub/own.csv",
        "--on",
        "local:2",
        "-o",
        str(folder / "out.circuit"),
    ]
    command, targets = pack_command(parse_arguments(words), words)
    (output,) = command.outputs
    assert list(command.words) == ["discover", "-m", "model", "-t", "sub/own.csv", "-o", output]
    assert dict(command.files) == {"sub/own.csv": b"rows"}  # a folder has to be there
    assert targets == {output: folder / "out.circuit"} and not Path(output).is_absolute()


def test_files_elsewhere_keep_their_names_in_folders_of_their_own(folder: Path) -> None:
    pytest.importorskip("distributed")
    far = str(folder / "far.circuit")
    words = ["evaluate", far, "--on=local:2", "--task=sub/own.csv", "--json"]
    command, targets = pack_command(parse_arguments(words), words)
    (sent,) = set(command.files) - {"sub/own.csv"}
    assert Path(sent).name == "far.circuit" and command.files[sent] == b"far" and not targets
    assert list(command.words) == ["evaluate", sent, "--task=sub/own.csv", "--json"]
    up = ["evaluate", "../far.circuit", "--on", "local:2"]
    command, _ = pack_command(parse_arguments(up), up)
    assert ".." not in next(iter(command.files))


def test_what_cannot_be_written_is_said_before_anything_runs(folder: Path) -> None:
    pytest.importorskip("distributed")
    words = ["discover", "--on", "local:2", "-o", str(folder / "nowhere" / "out.circuit")]
    with pytest.raises(InputError, match="out.circuit"):
        pack_command(parse_arguments(words), words)


def test_a_place_that_is_wrong_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["discover", "--on", "tcp://10.1.2.3:8786"], "SSH tunnel"),
        (["evaluate", "x.circuit", "--on", "moon"], "--on was given 'moon'"),
    ):
        assert main(words) == 2
        assert said in capsys.readouterr().err


def test_without_dask_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("circuitviz.cluster.connection.import_module", missing)
    assert main(["discover", "--on", "local:1"]) == 2
    assert "pip install" in (said := capsys.readouterr().err) and "circuitviz[cluster]" in said
