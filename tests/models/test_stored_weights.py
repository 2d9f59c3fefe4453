"""Weights in half precision: computed with in float32, checked as tightly, and not kept twice."""

from __future__ import annotations

import gc
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
import torch
from families import FAMILIES, random_model, tokenizer
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from circuitviz.discovery import discover
from circuitviz.discovery.gradients import run_backward
from circuitviz.errors import InputError
from circuitviz.models import Model, bridge_corrections, from_hugging_face, hugging_face, stored_weights
from circuitviz.tasks import PromptPair, Task

HALF = ("bfloat16", "float16")
TOKENS, LAST = torch.tensor([[3, 17, 40, 5, 62], [20, 55, 2, 33, 80]]), torch.tensor([4, 4])
PAIR = PromptPair("w3 w17 w40 w5 w62", "w3 w17 w71 w5 w62", ("w11",), ("w70",))


def _open(name: str, kind: str) -> Model:
    return from_hugging_face(random_model(name).to(getattr(torch, kind)), tokenizer(), name)


def _rounded(name: str, kind: str) -> Any:
    """The plain model in float32 whose weights are those that half precision can hold."""
    return random_model(name).to(getattr(torch, kind)).float()


OPENED = [name for name, family in FAMILIES.items() if family.layout is not None]


@pytest.mark.parametrize("name", [name for name in OPENED if not name.startswith("gemma")])
def test_logits_are_those_of_the_float32_model_with_rounded_weights(name: str) -> None:
    """To rounding of float32 sums: 24 bits, where a pass in bfloat16 has 8."""
    model = _open(name, "bfloat16")
    with torch.no_grad():
        right = _rounded(name, "bfloat16")(TOKENS).logits[:, -1]
        given = model.logits(TOKENS, LAST)
    assert given.dtype is torch.float32 and model.dtype == "bfloat16"
    assert float((given - right).abs().max()) <= 1e-5 * float(right.abs().max())


@pytest.mark.parametrize("kind", HALF)
def test_matrices_stay_in_half_precision_and_the_rest_is_float32(kind: str) -> None:
    for name in ("gpt2", "llama-grouped", "mixtral"):
        model = _open(name, kind)
        for path, parameter in model.parameters.items():
            kept = getattr(torch, kind) if parameter.dim() > 1 else torch.float32
            assert parameter.dtype is kept, path
        assert model.unembedding.dtype is model.layers[0].q.dtype is torch.float32
        assert model.layers[0].q is not model.layers[0].q  # made anew, not kept


def test_a_gradient_keeps_no_float32_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of one matrix, between forward and backward pass."""
    model, copies, alive = _open("llama-grouped", "bfloat16"), [], []
    to_computed = stored_weights.to_computed

    def watched(stored: Tensor, device: torch.device | None = None) -> Tensor:
        copy = to_computed(stored, device)
        copies.append(StorageWeakRef(copy.untyped_storage()))
        return copy

    monkeypatch.setattr(stored_weights, "to_computed", watched)

    def loss(logits: Tensor) -> Tensor:
        gc.collect()
        alive.extend(copy for copy in copies if not copy.expired())
        return logits[:, 7].sum()

    _, gradients = run_backward(model, TOKENS, LAST, loss)
    assert len(copies) > 14 and not alive
    full = from_hugging_face(_rounded("llama-grouped", "bfloat16"), tokenizer(), "llama-grouped")
    _, right = run_backward(full, TOKENS, LAST, lambda logits: logits[:, 7].sum())
    for given, expected in zip(gradients.q + gradients.mlp, right.q + right.mlp, strict=True):
        assert torch.allclose(given, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_a_large_linear_map_is_copied_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _open("llama", "bfloat16")
    whole = model.logits(TOKENS, LAST)
    monkeypatch.setattr(stored_weights, "MAX_COPIED_VALUES", 7 * 32)
    # sums of another order: to rounding of float32
    assert float((model.logits(TOKENS, LAST) - whole).abs().max()) <= 1e-6 * float(whole.abs().max())


@pytest.mark.parametrize("kind", HALF)
@pytest.mark.parametrize(
    ("name", "correction", "why"),
    [
        ("phi3", "_call_fused_mlp", "the MLP of layer 0 is not reached"),
        ("gpt2-unscaled", "_leave_scores_unscaled", "beginning with what layer 0 writes"),
        pytest.param(
            "hunyuan",
            "_normalise_after_rotation",
            "beginning with what layer 0 writes",
            marks=pytest.mark.skipif(
                version("transformer-lens").startswith("4"), reason="TransformerLens 4 needs no correction"
            ),
        ),
    ],
)
def test_models_that_the_bridge_computes_otherwise_are_refused(
    name: str, correction: str, why: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _open(name, kind)
    monkeypatch.setattr(bridge_corrections, correction, lambda part: None)
    with pytest.raises(InputError, match=why):
        _open(name, kind)


@pytest.mark.parametrize("kind", HALF)
def test_a_matrix_that_is_one_percent_off_is_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check has float32's tolerance: the noise of half precision, about as large, would hide it."""
    build_bridge = hugging_face.build_bridge

    def damaged(hf: Any, name: str) -> Any:
        bridge = build_bridge(hf, name)
        bridge.blocks[1].mlp.original_component.down_proj.original_component.weight.data.mul_(1.01)
        return bridge

    monkeypatch.setattr(hugging_face, "build_bridge", damaged)
    with pytest.raises(InputError, match="beginning with what layer 1 writes"):
        _open("llama", kind)


@pytest.mark.parametrize("place", ["model.embed_tokens", "model.layers.1.mlp.up_proj", "lm_head"])
def test_weights_that_overflow_are_refused(place: str) -> None:
    hf = random_model("llama")
    hf.get_submodule(place).weight.data[0, 0] = 1e6
    with pytest.raises(InputError, match="logits that are not numbers"):
        from_hugging_face(hf.half(), tokenizer(), "llama")


@pytest.mark.parametrize("kind", HALF)
@pytest.mark.parametrize(
    "method", ["eap", "eap-ig", "exact", "information-flow-routes", "attribution-patching"]
)
@pytest.mark.parametrize("name", ["gpt2", "llama-grouped", "gemma2", "mixtral"])
def test_scores_are_those_of_the_float32_model_with_rounded_weights(
    name: str, method: str, kind: str
) -> None:
    models: tuple[Callable[[], Model], ...] = (
        lambda: _open(name, kind),
        lambda: from_hugging_face(_rounded(name, kind), tokenizer(), name),
    )
    half, full = (
        discover(model, Task.from_pairs("pair", [PAIR], model.tokens), method)
        for model in (make() for make in models)
    )
    # Gemma's factor of embeddings is rounded like a weight: 1 / 2,048 and 1 / 256 of it at most
    bound = (2e-2 if kind == "bfloat16" else 2e-3) if name.startswith("gemma") else 1e-4
    size = abs(full.values).max()
    assert abs(half.values - full.values).max() <= bound * size
