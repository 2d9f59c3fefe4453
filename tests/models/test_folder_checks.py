"""Folders of strangers: nothing in them is run, asked, downloaded or believed without its weights."""

from __future__ import annotations

import builtins
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from gemma3 import gemma3
from mutations import heads
from safetensors.torch import load_file, save_file
from tiny_tokenizers import WORDS, qwen2, word_level

from circuitviz.cli import run
from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.formats import save_document
from circuitviz.models import from_hugging_face, load_model
from circuitviz.models.folder_checks import check_counts
from circuitviz.models.subprocess_guard import forbid_subprocesses

SHARE = int(os.environ.get("CIRCUITVIZ_FUZZ", "100"))


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Programs, the network and standard input raise; what was tried is listed."""
    tried: list[str] = []

    def refuse(name: str) -> Callable[..., Any]:
        def refused(*arguments: Any, **_: Any) -> Any:
            tried.append(f"{name} {str(arguments)[:100]}")
            raise AssertionError(name)

        return refused

    for owner, name in (
        (subprocess, "Popen"), (os, "system"), (os, "posix_spawn"), (os, "execv"), (os, "execve"), (os, "fork"),
        (socket.socket, "connect"), (socket, "getaddrinfo"), (builtins, "input"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, refuse(name))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # as for most people
    yield tried


def change(path: Path, **values: Any) -> None:
    """Set keys of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small model's folder."""
    tokenizer = word_level("<s>")
    qwen2(len(tokenizer)).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_checkpoint_with_images_opens_as_its_language_model(tmp_path: Path, sealed: list[str]) -> None:
    """The logits are Hugging Face's own of the whole model for text, and no installer is started."""
    hf, tokenizer = gemma3()
    hf.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    row = torch.tensor([[tokenizer.convert_tokens_to_ids(piece) for piece in ("<bos>", *WORDS[:8])]])
    with torch.no_grad():
        expected = hf(input_ids=row).logits[0, -1]
    model = load_model(str(tmp_path))
    assert not sealed
    assert model.tokens.encode(" ".join(WORDS[:8])) == row[0].tolist()
    assert model.shape.n_layers == 2 and "vision" not in " ".join(model.parameters)
    with torch.no_grad():
        ours = model.logits(row, torch.tensor([8]))[0]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_programs_are_refused_while_a_model_is_opened_and_only_then() -> None:
    """An installer that a library would start, by whatever function, fails."""
    starts: list[Callable[[], Any]] = [
        lambda: subprocess.run([sys.executable, "-c", "pass"], check=True),
        lambda: os.system("true"),
        lambda: os.posix_spawn(sys.executable, [sys.executable, "-c", "pass"], {}),
    ]
    for start in starts:
        with (
            forbid_subprocesses(),
            forbid_subprocesses(),
            pytest.raises(PermissionError, match="while a model is opened"),
        ):
            start()
    subprocess.run([sys.executable, "-c", "pass"], check=True)


CODE = "import pathlib\npathlib.Path({canary!r}).write_text('run')\n"
TRAPS: dict[str, Callable[[Path], None]] = {
    "a type of its own": lambda path: change(
        path / "config.json", model_type="own", auto_map={"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}
    ),
    "code for a known type": lambda path: change(
        path / "config.json", auto_map={"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}
    ),
    "code elsewhere": lambda path: change(
        path / "config.json", model_type="own", auto_map={"AutoConfig": "someone/repository--code.C"}
    ),
    "a tokenizer of its own": lambda path: change(
        path / "tokenizer_config.json", tokenizer_class="Own", auto_map={"AutoTokenizer": ["code.T", "code.T"]}
    ),
    "a tokenizer's old form": lambda path: change(path / "tokenizer_config.json", auto_map=["code.T", "code.T"]),
    "an architecture whose adapter imports": lambda path: change(path / "config.json", architectures=["BD3LM"]),
    "generation": lambda path: change(path / "generation_config.json", custom_generate="code"),
    "an adapter's base model": lambda path: (path / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "someone/repository", "peft_type": "LORA"})
    )
    and None,
}  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS)
def test_no_code_of_a_folder_is_run_and_nothing_is_asked(
    folder: Path, sealed: list[str], trap: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It opens without that code, or is refused in one sentence; also where a document names the folder."""
    canary = folder.parent / "canary"
    for name in ("code", "modeling_bd3lm", "tokenization_own", "custom_generate/generate"):
        (folder / f"{name}.py").parent.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(CODE.format(canary=str(canary)))
    TRAPS[trap](folder)
    try:
        load_model(str(folder))
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 500
        if "own" in trap and "tokenizer" not in trap:
            assert "never run" in str(error)
    path, state = folder.parent / "named.circuit", heads().state
    assert state.origin is not None
    save_document(Document(replace(state, origin=replace(state.origin, model=str(folder)))), path)
    assert run(["evaluate", str(path)]) == 2  # the folder, or a circuit of another shape
    assert "Traceback" not in capsys.readouterr().err
    assert not canary.exists() and not sealed


def test_an_adapter_that_imports_a_files_class_is_never_asked(folder: Path, sealed: list[str]) -> None:
    """TransformerLens imports ``modeling_*.py`` of the folder for these architectures, whatever is trusted."""
    canary = folder.parent / "canary"
    for architecture, file in {"BD3LM": "modeling_bd3lm", "DreamModel": "generation_utils", "RavenForCausalLM": "raven_modeling_minimal",
                               "OuroForCausalLM": "modeling_ouro", "InternLM2ForCausalLM": "modeling_internlm2"}.items():  # fmt: skip
        (folder / f"{file}.py").write_text(CODE.format(canary=str(canary)))
        change(folder / "config.json", architectures=[architecture])
        load_model(str(folder))  # it is a Qwen2, whatever it says
        assert not canary.exists()


def test_a_model_without_architectures_in_its_configuration_opens() -> None:
    """As one made in memory; a class that TransformerLens does not know is named as what it is."""
    from transformers import ArceeConfig, ArceeForCausalLM, BioGptConfig, BioGptForCausalLM

    sizes = {
        "vocab_size": 64,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    arcee = ArceeConfig(**sizes, attn_implementation="eager", bos_token_id=None, eos_token_id=None)
    for hf in (
        qwen2(64),
        ArceeForCausalLM(arcee).eval(),
    ):  # TransformerLens has no table of types for the second
        assert hf.config.architectures is None
        row = torch.tensor([[1, 2, 3]])
        with torch.no_grad():
            expected = hf(row).logits[0, -1]
            ours = from_hugging_face(hf, word_level(), "made here").logits(row, torch.tensor([2]))[0]
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="a BioGptForCausalLM, which TransformerLens does not know"):
        from_hugging_face(BioGptForCausalLM(BioGptConfig(**sizes)), word_level(), "bio")


MISFITS: dict[str, tuple[dict[str, Any], str]] = {
    "endless layers": ({"num_hidden_layers": 10**9}, "num_hidden_layers as 1,000,000,000, but there are .* tensors at most"),
    "negative layers": ({"num_hidden_layers": -(10**9)}, "num_hidden_layers as -1,000,000,000"),
    "a number of 400 digits": ({"num_hidden_layers": 10**400}, "a number of 401 digits"),
    "one layer more": ({"num_hidden_layers": 3}, "lack parameters of the model"),
    "one layer less": ({"num_hidden_layers": 1}, "hold parameters that the model has no place for"),
    "heads": ({"num_attention_heads": 10**8}, "num_attention_heads as 100,000,000"),
    "vocabulary": ({"vocab_size": 10**9}, "vocab_size as 1,000,000,000"),
    "width": ({"hidden_size": 10**9}, "hidden_size as 1,000,000,000"),
    "layers' kinds": ({"attention_types": [[["global"], 10**9]]}, "attention_types as 1,000,000,000"),
    "another width": ({"hidden_size": 16}, "have other sizes than config.json gives .*the first: 'lm_head"),
    "context": ({"max_position_embeddings": 10**17}, "max_position_embeddings as a number of 18 digits"),
    "no object": ({}, "holds no JSON object"),
}  # fmt: skip


@pytest.mark.parametrize("misfit", MISFITS)
def test_a_configuration_that_does_not_fit_its_weights_is_refused(folder: Path, misfit: str) -> None:
    values, said = MISFITS[misfit]
    change(folder / "config.json", **values, layer_types=None)
    if not values:
        (folder / "config.json").write_text("[]")
    with pytest.raises(InputError, match=said):
        load_model(str(folder))


def test_a_missing_or_superfluous_tensor_is_named(folder: Path) -> None:
    """Missing parameters would be random numbers, and a block that is passed over is another model."""
    tensors = load_file(folder / "model.safetensors")
    key = "model.layers.1.mlp.up_proj.weight"
    save_file(
        {name: value for name, value in tensors.items() if name != key},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(InputError, match=rf"lack parameters.*1, the first: '{key}'"):
        load_model(str(folder))
    save_file(
        {**tensors, "model.layers.1.mlp.other.weight": tensors[key].clone()},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(InputError, match=r"no place for \(1, the first: 'model.layers.1.mlp.other.weight'"):
        load_model(str(folder))


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such files")
def test_a_pipe_in_a_folder_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "special_tokens_map.json")
    with pytest.raises(InputError, match="is not a regular file"):
        load_model(str(folder))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by resource and counted by /proc")
@pytest.mark.long
def test_a_changed_folder_opens_or_gives_one_clear_sentence() -> None:
    """In a process of its own, whose memory is bounded; one that does not end is a fault too.

    CIRCUITVIZ_FUZZ=3000 tries three thousand.
    """
    here = Path(__file__).parent
    paths = [str(here.parents[1]), str(here), str(here.parent / "formats")]
    done = subprocess.run(
        [sys.executable, str(here / "model_mutations.py"), str(SHARE), "0"], capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["faults"] == 0, done.stderr[-3000:]
    assert outcome["models"] + outcome["errors"] == SHARE
    assert outcome["models"] > SHARE / 10 and outcome["errors"] > SHARE / 3


def test_counts_are_bounded_before_weights_are_downloaded(tmp_path: Path) -> None:
    """A name on the hub gives config.json first; what no known model has is not waited for."""
    path = tmp_path / "config.json"
    for values in (
        {"n_layer": 10**9},
        {"text_config": {"num_hidden_layers": 10**6}},
        {"layer_types": [10**12]},
    ):
        path.write_text(json.dumps(values))
        with pytest.raises(InputError, match=r"config.json gives"):
            check_counts(path)
    largest = {"num_hidden_layers": 160, "hidden_size": 16384, "vocab_size": 262_208, "rope_theta": 2_804_339_835,
               "max_position_embeddings": 10_485_760, "max_window_layers": 64, "attention_chunk_size": 8192}  # fmt: skip
    path.write_text(json.dumps(largest))
    check_counts(path)
