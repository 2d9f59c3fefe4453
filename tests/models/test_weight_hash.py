"""A model's hash is that of its parameters, whoever wraps them; files with the hash of before still fit."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from circuitviz.__main__ import main
from circuitviz.formats import open_document, save_document
from circuitviz.models import Model, load_model
from circuitviz.models.weight_hash import legacy_weight_hash
from circuitviz.resources import resource_path
from circuitviz.workbench.record_origin import describe_mismatch


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("demo")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small circuit of the demo."""
    path = tmp_path_factory.mktemp("weights") / "a.circuit"
    search = ["discover", "-m", "demo", "-t", "ioi", "--prompts", "4", "--method", "eap", "--edges", "30"]
    assert main([*search, "-o", str(path)]) == 0
    return path


def test_the_hash_is_over_the_file_each_parameter_once(model: Model) -> None:
    (file,) = Path(str(resource_path("demo", "model"))).glob("*.safetensors")
    weights = {k: v.float() for k, v in load_file(file).items()}
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(f"{name} torch.float32 {tuple(weights[name].shape)}\n".encode())
        digest.update(weights[name].numpy().tobytes())
    assert model.parameter_hash == f"sha256:{digest.hexdigest()}"


def test_tied_and_wrapped_tensors_are_not_counted_again(model: Model) -> None:
    plain = AutoModelForCausalLM.from_pretrained(str(resource_path("demo", "model")), dtype=torch.float32)
    total = sum(p.numel() for p in plain.parameters())
    assert sum(p.numel() for p in model.parameters.values()) == total
    assert sum(t.numel() for t in model.hf.state_dict().values()) > 2 * total, "so this is worth a test"


@pytest.mark.usefixtures("own_models")
def test_the_model_that_runs_is_the_one_that_is_hashed() -> None:
    one, tokens, at = load_model("demo"), torch.tensor([[1, 2, 3]]), torch.tensor([2])
    before = one.logits(tokens, at)
    for name in ("transformer.h.2.attn.c_attn.weight", "transformer.h.1.mlp.c_proj.weight"):
        with torch.no_grad():
            one.parameters[name][0] += 0.1
    assert not torch.allclose(one.logits(tokens, at), before)
    assert one.weight_hash != load_model("demo").weight_hash


def test_a_file_of_before_fits_and_its_tests_are_not_stale(
    found: Path, tmp_path: Path, model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    path, document = tmp_path / "a.circuit", open_document(found)
    where, circuit = document.state.origin, document.state.circuit
    assert where is not None and circuit is not None and where.weight_hash.startswith("sha256:")
    old = replace(where, weight_hash=legacy_weight_hash(model.hf))
    assert describe_mismatch(old, model, circuit) == ""
    assert model.weight_hash == old.weight_hash, "what was measured under this name stays comparable"
    document.set_state(replace(document.state, origin=old))
    save_document(document, path)
    assert main(["label", "set", str(path), "m0", "Duplicate Token"]) == 0
    capsys.readouterr()
    assert main(["label", "test", str(path), "--target", "m0", "--test", "answer"]) == 0
    assert "weights" not in capsys.readouterr().err
    state = open_document(path).state
    (evidence,) = state.labels["m0"].evidence
    assert evidence.outcome is not None and evidence.stale_parts(state.evidence_context_of("m0")) == ()
    assert describe_mismatch(where, model, circuit) == "" and model.weight_hash == where.weight_hash


def test_what_cannot_be_told_is_not_claimed(found: Path, model: Model) -> None:
    state = open_document(found).state
    assert state.origin is not None and state.circuit is not None
    old = replace(state.origin, weight_hash="0" * 64)
    assert "other weights" in describe_mismatch(old, model, state.circuit)
    elsewhere = replace(old, versions={**old.versions, "transformer-lens": "3.4.0"})
    said = describe_mismatch(elsewhere, model, state.circuit)
    assert "TransformerLens 3.4.0" in said and "does not tell" in said and "other weights" not in said
    new = replace(elsewhere, weight_hash="sha256:" + "0" * 64)
    assert "other weights" in describe_mismatch(new, model, state.circuit)
