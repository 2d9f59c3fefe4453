"""A wrong input ends with exit code 2 and one line that says what would be right; no traceback."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # an unknown name is refused without asking the network

from circuitviz.__main__ import main
from circuitviz.resources import resource_path

Refused = Callable[..., str]

HEADER = "clean,corrupted,correct,incorrect\n"


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command that must be refused; returns its one line."""

    def run(*argv: object) -> str:
        capsys.readouterr()
        code = main([*map(str, argv)])
        out, err = capsys.readouterr()
        assert code == 2, (code, out, err)
        assert out == ""
        assert err.startswith("circuitviz: ") and err.endswith("\n") and err.count("\n") == 1, err
        assert "Traceback" not in err and 30 < len(err) < 700
        return err

    return run


pytestmark = pytest.mark.usefixtures("qapp")  # else export makes one without widgets, for good


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small circuit of the demo model."""
    path = tmp_path_factory.mktemp("bad") / "ioi.circuit"
    argv = ["discover", "--method", "eap", "--prompts", "4", "--edges", "30", "-o", str(path)]
    assert main(argv) == 0
    return path


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("-m", "no-such-model-anywhere"), ("no-such-model-anywhere", "demo")),
        (("-m", "./no/such/folder"), ("no/such/folder", "folder")),
        (("-t", "iio"), ("iio", "ioi", "Did you mean")),
        (("--method", "eap_ig"), ("eap_ig", "eap-ig", "Did you mean")),
        (("--metric", "logitdiff"), ("logitdiff", "logit-diff")),
        (("--ablation", "zeros"), ("zeros", "zero")),
        (("--device", "tpu"), ("tpu", "cpu")),
        (("--steps", "0"), ("--steps", "0", "from 1")),
        (("--steps", "many"), ("--steps", "many", "whole number")),
        (("--edges", "-5"), ("-5", "edges")),
        (("--edges", "99999999"), ("99,999,999", "edges")),
        (("--edges", "some"), ("--edges", "some")),
        (("--prompts", "0"), ("0", "prompt")),
        (("--select", "threshold"), ("--threshold",)),
        (("--select", "best"), ("best", "greedy")),
        (("-o", "circuit.txt"), ("circuit.txt", ".circuit")),
        (("--colour", "red"), ("--colour",)),
    ],
    ids=lambda value: " ".join(value) if value and value[0].startswith("-") else "",
)
def test_discover(refused: Refused, argv: tuple[str, ...], says: tuple[str, ...]) -> None:
    line = refused("discover", *argv)
    for part in says:
        assert part in line


def test_a_device_that_is_not_there(refused: Refused) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    assert "cpu" in refused("discover", "--device", "cuda")


def test_verbs(refused: Refused, found: Path, tmp_path: Path) -> None:
    assert "discover" in refused("discovr")
    assert "faithfulness" in refused("evaluate", found, "--measures", "faithfulnes")
    assert "kl" in refused("evaluate", found, "--metric", "klx")
    assert "zero" in refused("evaluate", found, "--ablation", "zeros")
    assert "a9.h9" in refused("inspect", found, "--node", "a9.h9")
    assert "99" in refused("inspect", found, "--node", "m1", "--prompt", 99)
    assert "-1" in refused("inspect", found, "--node", "m1", "--prompt", -1)
    assert "'x'" in refused("inspect", found, "--node", "m1", "--prompt", "x")
    assert "one prompt" in refused("inspect", found, "--node", "m1", "--prompt", "all")
    assert "--node a3.h1" in refused("inspect", found)
    assert "of a head" in refused("inspect", found, "--reading", "ov", "--node", "m1")
    assert "effects and patching" in refused("inspect", found, "--reading", "lens", "--prompt", "all")
    assert "99" in refused("inspect", found, "--reading", "effects", "--prompt", 99)
    assert "models" in refused("list", "everything")
    assert ".svg" in refused("export", found, "-o", tmp_path / "figure.bmp")
    assert ".circuit" in refused("import", found, "-o", tmp_path / "out.json")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_a_window_without_a_screen(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert "no screen" in refused("--demo")


def test_a_file_that_is_not_there(refused: Refused) -> None:
    assert "no-such.circuit" in refused("no-such.circuit")
    assert "Did you mean 'evaluate'" in refused("evalute", "x.circuit")


def test_a_folder_that_is_no_model(refused: Refused, tmp_path: Path) -> None:
    assert "config.json" in refused("discover", "-m", tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert "safetensors" in refused("discover", "-m", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no tensors")
    assert str(tmp_path) in refused("discover", "-m", tmp_path)


def test_pickled_weights_are_not_read(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    assert "safetensors" in refused("discover", "-m", tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (HEADER, "no prompts"),
        ("clean,correct,incorrect\nShe is, she, he\n", "corrupted"),
        (HEADER + "Then Ian and Betty,Then Ian, Ian, Betty\n", "line 2"),
        (HEADER + "Then Ian,Then Paul, Ian and Betty, Paul\n", "token"),
        (HEADER + "Then Ian,Then Paul, Ian, Ian\n", "line 2"),
        (HEADER + "Then Ian,Then Paul, Ian\n", "line 2"),
        (HEADER + "Then Ian,Then Paul,,\n", "line 2"),
        (HEADER + '"Then Ian,Then Paul, Ian, Paul\n', "CSV"),
    ],
    ids=["empty", "header only", "no column", "lengths", "several tokens", "same", "short", "none", "quote"],
)
def test_csv(refused: Refused, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    line = refused("discover", "-t", path)
    assert says in line and "pairs.csv" in line


def test_task_files_that_cannot_be_read(refused: Refused, tmp_path: Path) -> None:
    assert "no-such.csv" in refused("discover", "-t", tmp_path / "no-such.csv")
    path = tmp_path / "latin.csv"
    path.write_bytes(HEADER.encode() + b"caf\xe9,cafe, a, b\n")
    assert "UTF-8" in refused("discover", "-t", path)
    path = tmp_path / "lines.jsonl"
    path.write_text('{"clean": "x"\n')
    assert "line 1" in refused("discover", "-t", path)


def test_a_task_file_of_100_mb(refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)
    line = refused("discover", "-t", path)
    assert "100 MB" in line and "64 MB" in line


@pytest.mark.parametrize("verb", ["evaluate", "inspect", "export", "compare"])
def test_circuit_files(refused: Refused, found: Path, tmp_path: Path, verb: str) -> None:
    rest: dict[str, tuple[object, ...]] = {
        "evaluate": (),
        "inspect": ("--node", "m1"),
        "export": ("-o", tmp_path / "out.svg"),
        "compare": (found,),
    }

    def on(path: Path) -> str:
        return refused(verb, path, *rest[verb])

    whole = found.read_bytes()
    path = tmp_path / "file.circuit"
    assert "file.circuit" in on(path)
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:size])
        assert "file.circuit" in on(path)
    path.write_bytes(b"not a zip at all")
    assert "import" in on(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
    assert "circuitviz document" in on(path)
    _rewrite(found, path, version=99)
    assert "newer" in on(path)
    (tmp_path / "folder.circuit").mkdir()
    assert "is a folder" in on(tmp_path / "folder.circuit")
    assert not (tmp_path / "out.svg").exists()


def test_a_circuit_of_another_model(refused: Refused, found: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.circuit"
    _rewrite(found, path, model="no-such-model-anywhere")
    assert "no-such-model-anywhere" in refused("evaluate", path)


def test_an_imported_circuit_has_no_task(refused: Refused, found: Path, tmp_path: Path) -> None:
    assert main(["export", str(found), "-o", str(tmp_path / "a.json")]) == 0
    assert main(["import", str(tmp_path / "a.json"), "-o", str(tmp_path / "a.circuit")]) == 0
    assert "--task" in refused("evaluate", tmp_path / "a.circuit")
    assert "shape" in refused("compare", found, "ioi-gpt2")
    assert "reverse-zero" in refused("compare", found, "reverse-zera")
    told = refused("evaluate", tmp_path / "a.circuit", "-m", "reverse", "-t", "reverse")
    assert "4 layers" in told and "'reverse' has 2" in told


def test_places_that_cannot_be_written(refused: Refused, found: Path, tmp_path: Path) -> None:
    quick = ("discover", "--method", "eap", "--prompts", "4", "--edges", "20", "-o")
    assert "no folder" in refused(*quick, tmp_path / "nowhere" / "a.circuit")
    (tmp_path / "folder.circuit").mkdir()
    assert "folder.circuit" in refused(*quick, tmp_path / "folder.circuit")
    assert "no folder" in refused("export", found, "-o", tmp_path / "nowhere" / "a.csv")
    assert "nowhere" in refused("export", found, "-o", tmp_path / "nowhere" / "a.svg")
    assert [p.name for p in tmp_path.iterdir()] == ["folder.circuit"]


def test_a_full_disk_keeps_what_was_there(
    refused: Refused, found: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "kept.csv"
    path.write_text("kept")
    monkeypatch.setattr(os, "fsync", full)
    assert "disk is full" in refused("export", found, "-o", path)
    assert path.read_text() == "kept"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.csv"]


def test_a_failed_computation_is_not_a_wrong_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import circuitviz.models

    def broken(*_: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(circuitviz.models, "load_model", broken)
    assert main(["discover"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "two lines" in err and "CIRCUITVIZ_TRACEBACK" in err


def _rewrite(source: Path, target: Path, version: int | None = None, model: str = "") -> None:
    """Copy a document, with another version or model."""
    with zipfile.ZipFile(source) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts["document.json"])
    if version:
        manifest["version"] = version
    if model:
        manifest["provenance"]["model"] = model
    parts["document.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


PROMPT = "When Mary and John went to the store, John gave a drink to"
LOCAL = ("local-circuit", "-p", PROMPT, "--target")
DICTIONARIES = Path(str(resource_path("demo", "dictionaries")))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ((*LOCAL, "m3.f1@2"), "'m3.f1@2' is not active at position 2 (' Mary')"),
        ((*LOCAL, "m3.f9999@2"), "has 512 features"),
        ((*LOCAL, "m3.f14@99"), "0 to 14 would be right"),
        (("local-circuit", "-p", "When Mary " * 99, "--target", " John"), "reads at most 128"),
        (("local-circuit", "-p", "", "--target", " John"), "An empty prompt"),
        (("attribute", "-p", " "), "An empty prompt"),
        ((*LOCAL, " Mary", "--corrupted", "When Mary"), "has 3 tokens and the prompt has 15"),
        (
            (*LOCAL, " Mary", "--dictionaries", DICTIONARIES / "a2", "--dictionaries", DICTIONARIES / "a2"),
            "both belong to a2",
        ),
        (("discover", "--edges", "0"), "--edges 0 was asked for"),
    ],
    ids=["silent", "no such", "position", "long", "empty", "blank", "lengths", "two of a site", "no edges"],
)
def test_features_that_cannot_be(refused: Refused, argv: tuple[object, ...], says: str) -> None:
    assert says in refused(*argv)


def test_a_target_that_never_fires(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Then Ian and Betty went to the theater.\n" * 3)
    assert "never fires in the 3 prompts" in refused("trace", tmp_path / "a.txt", "--feature", "m3.f1")


def test_a_text_that_is_too_short_is_refused_before_training(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Then Ian and Betty went to the theater.\n")
    out = ("--site", "m3", "-o", tmp_path / "out")
    assert "tokens to learn from; at least 256" in refused("train-dictionary", tmp_path / "a.txt", *out)


def test_dictionaries_that_are_damaged(
    refused: Refused, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(DICTIONARIES / "m3", tmp_path / "m3")
    weights, broken = (
        tmp_path / "m3" / "sae_weights.safetensors",
        (*LOCAL, " Mary", "--dictionaries", tmp_path / "m3"),
    )
    tensors = load_file(weights)
    for name in ("W_enc", "b_dec"):
        save_file({**tensors, name: torch.full_like(tensors[name], float("nan"))}, weights)
        assert "not numbers" in refused(*broken), name
    save_file({**tensors, "W_dec": torch.full_like(tensors["W_dec"], float("nan"))}, weights)
    assert main([*map(str, broken)]) == 2  # rows of the decoder are read when they are needed
    assert "decoder rows that are not numbers" in capsys.readouterr().err.splitlines()[-1]
    weights.write_bytes(b"xx")
    assert "weights in sae_weights.safetensors that could not be read" in refused(*broken)
    (tmp_path / "m3" / "cfg.json").write_text("nope")
    assert "could not be read as a SAELens dictionary" in refused(*broken)


def test_sites_without_a_dictionary_are_leaves_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LOCAL, " Mary", "--dictionaries", str(DICTIONARIES / "a2"), "--nodes", "10"]) == 0
    out, err = capsys.readouterr()
    assert "leaves: the MLPs m0, m1, m2, m3" in err and "by edges: the attention a0, a1, a3" in err and out


def test_a_dot_file_is_only_written(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "a.dot").write_text('digraph { "input" -> "m0"; }')
    said = refused("import", tmp_path / "a.dot", "-o", tmp_path / "b.circuit")
    assert ".dot files are only written" in said and ".graphml" in said and ".csv" in said


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("-o", "measured.circuit"), "without --card"),
        (("--card", "--measures", "curve"), "--measures curve"),
        (("--card", "--no-random"), "--no-random"),
    ],
)
def test_flags_of_a_card_that_would_do_nothing(
    argv: tuple[str, ...], says: str, found: Path, refused: Refused
) -> None:
    assert says in refused("evaluate", found, *argv)
