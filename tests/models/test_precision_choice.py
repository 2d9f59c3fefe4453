"""The precision of weights: what is chosen, what does not fit, and what a file remembers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from families import random_model, tokenizer
from safetensors import safe_open

import circuitviz as cv
from circuitviz import dtypes
from circuitviz.__main__ import main
from circuitviz.errors import InputError
from circuitviz.formats import open_document
from circuitviz.formats.parts.origin import origin_to_json
from circuitviz.models import load_model, memory_needs
from circuitviz.workbench.methods_text import methods_paragraph

ROWS = [
    {"clean": "w3 w17 w40 w5", "corrupted": "w3 w17 w71 w5", "correct": ["w11"], "incorrect": ["w70"]},
    {"clean": "w20 w55 w2 w33", "corrupted": "w20 w6 w2 w33", "correct": ["w31"], "incorrect": ["w8"]},
]


def _save(path: Path, kind: str = "float32", name: str = "llama-grouped") -> Path:
    """A folder with a checkpoint in a precision."""
    random_model(name).to(getattr(torch, kind)).save_pretrained(path)
    tokenizer().save_pretrained(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small checkpoint in float32."""
    return _save(tmp_path / "model")


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """Two pairs of prompts."""
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.mark.parametrize("own", ["float32", "bfloat16", "float16"])
def test_auto_is_float32_for_small_models_and_the_checkpoints_own_for_large_ones(
    own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(_save(tmp_path / "model", own))
    small = load_model(path)
    assert (small.dtype, small.auto_dtype) == ("float32", "float32")
    monkeypatch.setattr(dtypes, "MAX_AUTO_FULL_VALUES", 1000)
    large = load_model(path)
    assert (large.dtype, large.auto_dtype) == (own, own)
    chosen = load_model(path, dtype="float16")
    assert (chosen.dtype, chosen.auto_dtype) == ("float16", own)


def test_auto_on_a_gpu_is_the_checkpoints_own() -> None:
    limit = dtypes.MAX_AUTO_FULL_VALUES
    assert dtypes.auto_dtype(10, "bfloat16", "cuda") == "bfloat16"
    assert dtypes.auto_dtype(10, "F8_E4M3", "cuda") == "float32"
    assert dtypes.auto_dtype(limit, "bfloat16", "cpu") == "float32"
    assert dtypes.auto_dtype(limit + 1, "bfloat16", "cpu") == "bfloat16"


def test_a_precision_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        InputError, match="There is no precision 'bfloat61'; there is auto, float32, bfloat16"
    ):
        load_model("demo", dtype="bfloat61")
    assert main(["discover", "--dtype", "float8"]) == 2
    assert "There is no precision 'float8'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["llama-grouped", "gpt2", "gemma2", "mixtral"])
def test_what_a_model_takes_is_what_its_tensors_have(name: str) -> None:
    """All parameters, and in float32 the folded maps beside them, by counting the bytes of an opened model."""
    for kind in ("float32", "bfloat16"):
        needs = memory_needs.MemoryNeeds.of_model(random_model(name))
        model = cv.models.from_hugging_face(random_model(name).to(getattr(torch, kind)), tokenizer(), name)
        held = {p.untyped_storage().data_ptr(): p.untyped_storage().nbytes() for p in model.hf.parameters()}
        maps = 0
        if kind == "float32":
            maps = sum(m.numel() * 4 for layer in model.layers for m in (layer.q, layer.k, layer.v))
        copied = 0 if kind == "float32" else needs.max_copied_values * 4
        assert needs.n_bytes(kind) == pytest.approx(sum(held.values()) + maps + copied, rel=0.02)


def test_a_model_that_does_not_fit_is_refused_before_its_weights_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the numbers, and what would be right: a precision that fits, or another model."""
    needs = memory_needs.MemoryNeeds.of_model(random_model("llama-grouped"))
    full, half = needs.n_bytes("float32"), needs.n_bytes("bfloat16")
    assert half < full * 0.55
    monkeypatch.setattr(memory_needs, "BYTES_PER_GB", 1000)
    monkeypatch.setattr("transformers.LlamaForCausalLM.from_pretrained", lambda *_, **__: pytest.fail())
    monkeypatch.setattr(memory_needs, "free_bytes", lambda _device: half + 1)
    with pytest.raises(InputError) as refused:
        load_model(str(folder))
    said = str(refused.value)
    assert f"needs {full / 1000:.1f} GB in float32 ({needs.n_values:,} parameters), " in said
    assert (
        f"{(half + 1) / 1000:.1f} GB are free on cpu; bfloat16, in which it needs {half / 1000:.1f}" in said
    )
    monkeypatch.setattr(memory_needs, "free_bytes", lambda _device: half - 1)
    assert main(["discover", "-m", str(folder), "--dtype", "bfloat16"]) == 2
    assert "a smaller model, or a machine with more memory" in capsys.readouterr().err


def test_numbers_are_those_of_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight billion parameters, 32 layers of width 4,096: the sentence of a machine with 11.8 GB free."""
    needs = memory_needs.MemoryNeeds(8_030_261_248, 8_029_995_008, 32 * 4096 * 6144, 0)
    monkeypatch.setattr(memory_needs, "free_bytes", lambda _device: 11_800_000_000)
    with pytest.raises(
        InputError, match=r"needs 16\.1 GB in bfloat16 \(8,030,261,248 parameters\), 11\.8 GB are"
    ):
        memory_needs.check_memory(needs, "llama", torch.device("cpu"), "bfloat16")


def test_a_file_remembers_its_precision_and_is_opened_in_it(
    folder: Path, task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "half.circuit"
    words = ["discover", "-m", str(folder), "-t", str(task), "--method", "eap", "--edges", "20"]
    assert main([*words, "--dtype", "bfloat16", "-o", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dtype"] == "bfloat16"
    document = open_document(out)
    origin = document.state.origin
    assert origin is not None and origin.dtype == "bfloat16"
    assert "--dtype bfloat16" in origin.command_line()
    assert "weights kept in bfloat16, SHA-256" in methods_paragraph(document)
    opened = cv.open(out)
    assert opened.experiment.model.dtype == "bfloat16" and not opened.experiment.warnings
    half = opened.evaluate().circuit
    assert main(["evaluate", str(out), "--json", "--no-random"]) == 0
    reply = capsys.readouterr()
    assert json.loads(reply.out)["metric"]["circuit"] == pytest.approx(half) and "differ" not in reply.err
    assert main(["evaluate", str(out), "--json", "--no-random", "--dtype", "float32"]) == 0
    reply = capsys.readouterr()
    assert re.search(r"found with weights in bfloat16, and those of '.*' are open in float32", reply.err)
    full = json.loads(reply.out)["metric"]["circuit"]
    assert full != half and full == pytest.approx(half, rel=0.05)


def test_files_without_a_precision_are_in_float32(
    folder: Path, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As files of before are, whatever ``auto`` would be of their model now."""
    out = tmp_path / "old.circuit"
    words = ["discover", "-m", str(folder), "-t", str(task), "--method", "eap", "--edges", "20"]
    assert main([*words, "-o", str(out)]) == 0
    origin = open_document(out).state.origin
    assert origin is not None and origin.dtype == "float32"
    assert "dtype" not in origin_to_json(origin)
    monkeypatch.setattr(dtypes, "MAX_AUTO_FULL_VALUES", 1000)
    assert cv.open(out).experiment.model.dtype == "float32"


def test_loading_gives_the_rounded_checkpoint(folder: Path) -> None:
    model: Any = load_model(str(folder), dtype="bfloat16")
    with safe_open(folder / "model.safetensors", "pt") as weights:
        for name, value in model.parameters.items():
            assert torch.equal(value.float(), weights.get_tensor(name).bfloat16().float()), name


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("mps", "which Apple's GPUs do not have"),
        ("tpu", "There is no device 'tpu'; there is cpu, cuda, auto"),
    ],
)
def test_a_device_that_cannot_be_used_is_refused_before_anything_is_read(device: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load_model("demo", device)
