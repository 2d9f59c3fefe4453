"""Models whose layers are spread over devices: two stand-ins for GPUs, and the host's memory.

Everything gives the numbers that it gives where the model is in one place, no tensor of one device meets one
of another, and copies grow with the layers alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import dispatch_model
from device_standin import (
    DEVICE,
    FREE_BYTES,
    HOST,
    SECOND_DEVICE,
    TRANSFER,
    UPLOAD,
    StandinDevice,
    device,
)
from device_works import WORKS, DeviceCase, Size, make_case
from families import random_model, tokenizer
from slow_path import DEMO
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, modeling_utils

from circuitviz import lens
from circuitviz.discovery import device_results, discover
from circuitviz.errors import InputError
from circuitviz.evaluation import evaluate
from circuitviz.graph import Circuit
from circuitviz.models import MemoryShortError, dispatch, from_hugging_face, load_model
from circuitviz.tasks import PromptPair, Task

SIZE = Size(layers=3, heads=2, prompts=4, time=6)


@pytest.fixture(autouse=True)
def rare_partial_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partial results depend on the time: only the first one is due."""
    monkeypatch.setattr(device_results, "FETCH_INTERVAL_S", 1e9)


@pytest.fixture
def standin() -> Iterator[StandinDevice]:
    with device:
        yield device


def random_gpt2(n_layers: int) -> Any:
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(
            n_layer=n_layers,
            n_head=2,
            n_embd=32,
            vocab_size=1300,
            n_positions=64,
            bos_token_id=None,
            eos_token_id=None,
            attn_implementation="eager",
            initializer_range=0.25,
        )
    )


KINDS = {"a1": "jumprelu", "m0": "transcoder", "m1": "transcoder", "a2": "jumprelu"}


@contextmanager
def free_memory_for(hf: Any, layers: tuple[int, int]) -> Iterator[None]:
    """Free memory of the two devices for so many layers, within a ``with`` block."""
    blocks = dispatch.find_blocks(hf)
    of_block = sum(p.numel() * p.element_size() for p in blocks[0].parameters())
    of_all = sum(p.numel() * p.element_size() for p in hf.parameters())
    outside = of_all - len(blocks) * of_block
    # on the first device, room for one block is left to copy those that are in the host's memory to
    needed = {DEVICE: outside + (layers[0] + 1.5) * of_block, SECOND_DEVICE: (layers[1] + 0.5) * of_block}
    device.free_bytes = {at: int(n / dispatch.WEIGHTS_SHARE) for at, n in needed.items()}
    try:
        yield
    finally:
        device.free_bytes = dict.fromkeys(device.free_bytes, FREE_BYTES)


def spread_case(hf: Any, layers: tuple[int, int], size: Size = SIZE) -> DeviceCase:
    """A model with so many layers on each device, and the rest in the host's memory."""
    with free_memory_for(hf, layers):
        return make_case(size, hf, "auto", KINDS)


@cache
def spread_gpt2() -> DeviceCase:
    return spread_case(random_gpt2(SIZE.layers), (1, 1))


@cache
def gpt2_on_host() -> DeviceCase:
    return make_case(SIZE, random_gpt2(SIZE.layers), "cpu", KINDS)


def numbers_of(result: Any) -> list[Any]:
    """All numbers and texts of a result, in order."""
    if isinstance(result, torch.Tensor):
        return [result.detach().cpu().double().numpy()]
    if isinstance(result, np.ndarray) and result.dtype != object:
        return [result]
    if isinstance(result, str | int | float | bool):
        return [result]
    if isinstance(result, dict):
        return [number for key in result for number in (*numbers_of(key), *numbers_of(result[key]))]
    if isinstance(result, list | tuple | np.ndarray):
        return [number for part in result for number in numbers_of(part)]
    if is_dataclass(result):
        hidden = ("graph", "table", "model", "run", "task", "origin", "seconds")
        names = [field.name for field in fields(result) if field.name not in hidden]
        return [number for name in names for number in numbers_of(getattr(result, name))]
    return []


def assert_same_numbers(given: Any, expected: Any) -> None:
    """Compare two results; only the order of sums may differ."""
    mine, theirs = numbers_of(given), numbers_of(expected)
    assert len(mine) == len(theirs)
    for one, other in zip(mine, theirs, strict=True):
        if isinstance(one, str):
            assert one == other
        else:
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("name", WORKS)
def test_numbers_are_those_of_one_device(name: str) -> None:
    """Methods, evaluations, readings, operations on features and training loops."""
    expected = WORKS[name](gpt2_on_host())
    with device:
        case = spread_gpt2()
        assert case.model.placement.stored == (DEVICE, SECOND_DEVICE, HOST)
        given = WORKS[name](case)
        assert_same_numbers(given, expected)
    assert any(True for _ in numbers_of(expected)) or name == "dashboards"


@pytest.mark.parametrize("name", ["eap", "exact", "faithfulness", "path-patching"])
def test_copies_of_a_pass_grow_with_layers_alone(standin: StandinDevice, name: str) -> None:
    """Twice as many for twice the layers, and not four times, as edges are."""
    copies = []
    for n_layers in (3, 6):
        third = n_layers // 3
        case = spread_case(random_gpt2(n_layers), (third, third), replace(SIZE, layers=n_layers))
        assert Counter(case.model.placement.stored) == dict.fromkeys((DEVICE, SECOND_DEVICE, HOST), third)
        WORKS[name](case)  # what blocks are called with is recorded once for each length
        count_passes(case)
        with device.counting() as counts:
            WORKS[name](case)
        of_kind = [n for (kind, _, _), n in counts.items() if kind in (TRANSFER, UPLOAD)]
        copies.append(sum(of_kind) / case.passes)
    assert copies[0] < copies[1] <= 2 * copies[0]


def count_passes(case: DeviceCase) -> None:
    def count(*_: Any) -> None:
        case.passes += 1

    case.model.bridge.unembed.register_forward_pre_hook(count)


FAMILIES_WITH_OTHER_PARTS = (
    "gpt-neox",
    "gemma2",
    "olmo2",
    "llama-grouped",
    "mixtral",
    "bloom",
    "opt",
    "phi3",
)


@pytest.mark.parametrize("name", FAMILIES_WITH_OTHER_PARTS)
def test_families_are_spread(name: str) -> None:
    """With blocks, normalisations, masks and experts of other kinds; the second block is in either place."""
    expected = family_numbers(from_hugging_face(random_model(name), tokenizer(), name))
    with device:
        for place, stored in ((1, SECOND_DEVICE), ("cpu", HOST)):
            model = from_hugging_face(dispatched(random_model(name), place), tokenizer(), name, "auto")
            assert model.placement.stored == (DEVICE, stored)
            assert_same_numbers(family_numbers(model), expected)


def dispatched(hf: Any, place: int | str) -> Any:
    """A model whose second block is to be in another place than all else."""
    blocks = dispatch.find_blocks(hf)
    path = next(name for name, module in hf.named_modules() if module is blocks)
    hf.hf_device_map = {"": 0, f"{path}.1": place}
    if hasattr(hf, "set_experts_implementation"):
        hf.set_experts_implementation("eager")  # others need a GPU's own kernels
    return hf


def family_numbers(model: Any) -> Any:
    pairs = [PromptPair("w3 w17 w40 w5 w62", "w3 w17 w71 w5 w62", ("w11",), ("w70",))]
    task = Task.from_pairs("words", pairs, model.tokens)
    scores = discover(model, task, "eap-ig", metric="logit-diff", steps=2)
    circuit = Circuit(model.graph, np.abs(scores.values) > np.median(np.abs(scores.values)))
    return (
        scores,
        evaluate(model, task, circuit, "logit-diff", "zero"),
        lens.read_lens_grid(model, task, "", 0),
    )


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_half_precision_is_spread(kind: str) -> None:
    def half_model() -> Any:
        return random_model("llama-grouped").to(getattr(torch, kind))

    expected = family_numbers(from_hugging_face(half_model(), tokenizer(), "llama-grouped"))
    with device:
        model = from_hugging_face(dispatched(half_model(), "cpu"), tokenizer(), "llama-grouped", "auto")
        assert model.dtype == kind and model.placement.stored == (DEVICE, HOST)
        assert_same_numbers(family_numbers(model), expected)
        assert model.bridge.blocks[1].mlp.original_component.down_proj.weight.device == DEVICE  # a copy
        stored = dict(model.parameters)["model.layers.1.mlp.down_proj.weight"]
        assert stored.dtype == getattr(torch, kind) and not stored.is_cuda


def test_a_long_prompt_is_differentiated_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also at what senders write, past skip connections that stay on the layer's own device."""
    monkeypatch.setattr("circuitviz.discovery.gradients.batch_budget_bytes", lambda *devices: 0)
    for name in ("eap", "attribution-patching", "relp"):
        expected = WORKS[name](gpt2_on_host())
        with device:
            assert_same_numbers(WORKS[name](spread_gpt2()), expected)


# Dispatched by accelerate


def test_what_accelerate_has_dispatched_is_taken_over(standin: StandinDevice) -> None:
    """Its hooks are taken off, and offloaded weights come back to their modules."""
    hf = random_gpt2(3)
    device_map = {
        "transformer.wte": 0, "transformer.wpe": 0, "transformer.ln_f": 1, "lm_head": 0, "transformer.h.0": 0,
        "transformer.h.1": 1, "transformer.h.2": "cpu",
    }  # fmt: skip
    hf = dispatch_model(hf, device_map, main_device=0)
    assert hf.transformer.h[2].mlp.c_fc.weight.is_meta
    case = make_case(SIZE, hf, "auto", KINDS)
    assert case.model.placement.text == "cuda:0 (1 layer), cuda:1 (1 layer), host memory (1 layer)"
    given = WORKS["eap-ig"](case)
    assert_same_numbers(given, WORKS["eap-ig"](gpt2_on_host()))


def test_a_model_with_layers_on_the_disk_is_refused(tmp_path: Path) -> None:
    hf = random_gpt2(3)
    device_map = {"transformer.h.2": "disk", "transformer.h.1": "cpu", "transformer.h.0": "cpu"}
    device_map |= dict.fromkeys(("transformer.wte", "transformer.wpe", "transformer.ln_f", "lm_head"), "cpu")
    hf = dispatch_model(hf, device_map, offload_dir=str(tmp_path))
    with pytest.raises(InputError, match=r"layers on the disk.*GPUs and the host's memory \(cpu\) would be"):
        make_case(SIZE, hf, "auto")


def test_accelerate_on_a_cpu_alone() -> None:
    """A map with the host's memory alone is the model on the CPU."""
    hf = dispatch_model(random_gpt2(3), {"": "cpu"})
    case = make_case(SIZE, hf, "auto", KINDS)
    assert case.model.placement.text == "cpu" and not case.model.placement.is_spread
    assert_same_numbers(WORKS["eap"](case), WORKS["eap"](gpt2_on_host()))


def test_a_folder_is_loaded_where_it_is_to_compute(
    standin: StandinDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By transformers and accelerate, tensor by tensor; a device mode does not reach threads."""
    monkeypatch.setenv("HF_DEACTIVATE_ASYNC_LOAD", "1")
    monkeypatch.setattr(modeling_utils, "caching_allocator_warmup", lambda *_: None)  # asks the driver
    random_gpt2(3).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(tmp_path)
    with free_memory_for(random_gpt2(3), (1, 1)):
        model = load_model(str(tmp_path), "auto")
    assert model.placement.stored == (DEVICE, SECOND_DEVICE, HOST)
    assert model.name == str(tmp_path) and model.dtype == "float32"
    assert model.weight_hash == gpt2_on_host().model.weight_hash


# Where a model goes


def test_a_model_that_fits_on_one_gpu_is_on_one(standin: StandinDevice) -> None:
    model = from_hugging_face(random_gpt2(2), AutoTokenizer.from_pretrained(DEMO), "gpt2", "auto")
    assert model.placement.stored == (DEVICE, DEVICE) and model.placement.text == "cuda:0"
    standin.free_bytes[DEVICE] = 1
    try:
        model = from_hugging_face(random_gpt2(2), AutoTokenizer.from_pretrained(DEMO), "gpt2", "auto")
    finally:
        standin.free_bytes[DEVICE] = FREE_BYTES
    assert model.placement.text == "cuda:1"


def test_auto_is_the_cpu_where_there_is_no_gpu() -> None:
    assert load_model("demo", "auto").placement.text == "cpu"


def test_a_model_for_which_no_device_has_room_is_refused(
    standin: StandinDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the arithmetic, and before anything is moved."""
    monkeypatch.setattr(dispatch, "free_bytes", {DEVICE: 400_000, SECOND_DEVICE: 80_000, HOST: 10**5}.get)
    hf = random_gpt2(9)
    with pytest.raises(
        MemoryShortError, match="needs 0.0 GB in float32.*0.0 GB on cuda:0, 0.0 GB on cuda:1"
    ) as e:
        from_hugging_face(hf, AutoTokenizer.from_pretrained(DEMO), "gpt2", "auto")
    assert "0.0 GB on host memory" in str(e.value) and "--dtype bfloat16" in str(e.value)
    assert not any(parameter.is_cuda for parameter in hf.parameters())
