"""``circuitviz train-dictionary``: folders that open again, figures, interruption, wrong input."""

from __future__ import annotations

import json
import signal
from itertools import islice
from pathlib import Path

import pytest

from circuitviz import models
from circuitviz.__main__ import main
from circuitviz.cli.cmd_train_dictionary import interruptible_steps
from circuitviz.features import load_dictionaries
from circuitviz.models import load_model
from circuitviz.progress import Progress, ProgressSteps
from circuitviz.training.demo.corpus import DemoCorpus

SMALL = ("--features", "32", "--sparsity", "4", "--steps", "30", "--batch", "64")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(islice(DemoCorpus(9).passages(), 60)))
    return path


def test_dictionaries_are_written_and_measured(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["train-dictionary", str(text), "-o", str(out), "--sites", "a1,m1", *SMALL]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["dictionaries"]
    assert list(told) == ["a1", "m1"]
    assert sorted(p.name for p in out.iterdir()) == ["a1", "m1"]
    with pytest.warns(UserWarning, match="of the variance at"):  # so short a training fits badly
        found = load_dictionaries([out], load_model("demo"))
    for one in found:
        figures = told[one.name]
        assert figures["features"] == one.features == 32
        assert 0 < figures["unexplained"] < 1 and 0 < figures["l0"] < 32
        assert one.about["training"]["steps"] == 30
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == [
        "site",
        "unexplained",
        "L0",
        "dead",
        "recovered",
    ]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--sites", "m9"), "layers 0 to 3"),
        (("--sparsity", "none"), "--sparsity was given 'none'"),
        (("--batch", "2"), "at least 16"),
        (("-m", "nowhere/here/at/all"), "no folder"),
    ],
)
def test_wrong_input_is_one_line(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], message: str
) -> None:
    assert main(["train-dictionary", str(text), "-o", str(tmp_path / "out"), *more]) == 2
    told = capsys.readouterr().err.strip()
    assert message in told and "\n" not in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("more", [(), ("--cross-layer",)])
@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_in_the_place_of_the_folder_is_said_before_the_model_opens(
    text: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    below: str,
    more: tuple[str, ...],
) -> None:
    monkeypatch.setattr(models, "load_model", lambda *_: pytest.fail("the model was opened"))
    assert main(["train-dictionary", str(text), "-o", str(text / below), *more]) == 2
    told = capsys.readouterr().err.strip()
    assert f"'{text}' is no folder" in told and "\n" not in told


def test_interruption_waits_for_the_step_to_end() -> None:
    done = []

    def steps() -> ProgressSteps[str]:
        try:
            for at in range(5):
                if at == 2:
                    signal.raise_signal(signal.SIGINT)
                done.append(at)
                yield Progress(at, 5)
        except GeneratorExit:
            done.append("closed")
            raise
        return "end"

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        list(interruptible_steps(steps()))
    assert done == [0, 1, 2, "closed"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_cross_layer_transcoder_is_written_and_measured(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "transcoder"
    command = ["train-dictionary", str(text), "-o", str(out), "--cross-layer", *SMALL]
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(p.name for p in out.iterdir()) == sorted(
        ["config.yaml", *(f"W_{part}_{layer}.safetensors" for part in ("enc", "dec") for layer in range(4))]
    )
    assert len(told["unexplained"]) == 4 and all(0 < one < 1 for one in told["unexplained"])
    assert all(0 < one < 32 for one in told["l0"]) and told["recovered"] < 1
    assert main([*command, "--sites", "m1"]) == 2
    assert "one of both would be right" in capsys.readouterr().err
