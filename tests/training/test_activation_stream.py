"""Streams of activations: of random models of several families, against Hugging Face's own modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from families import FAMILIES, random_model, tokenizer
from torch import Tensor

from circuitviz.features import Passages, load_dictionary
from circuitviz.models import from_hugging_face
from circuitviz.progress import run_to_completion
from circuitviz.training import (
    CROSS_LAYER,
    DictionaryRecipe,
    parse_site,
    parse_sites,
    train_into_folder_steps,
)
from circuitviz.training import activation_stream as streams
from circuitviz.training.activation_stream import ActivationStream
from circuitviz.training.site_activations import iterate_activations

NAMES = ("gpt2", "llama", "gpt-neox", "phi", "gpt-neo", "qwen2")


def make_text(n_rows: int = 12, longest: int = 20) -> Passages:
    draw = torch.Generator().manual_seed(4)
    lengths = torch.randint(3, longest, (n_rows,), generator=draw).tolist()
    rows = [tuple(torch.randint(3, 90, (n,), generator=draw).tolist()) for n in lengths]
    return Passages(tuple(rows), bos=False)


def open_family(name: str) -> Any:
    return from_hugging_face(random_model(name), tokenizer(), name)


def find_module(root: Any, path: str) -> Any:
    for part in path.split("."):
        root = root[int(part)] if part.isdigit() else getattr(root, part)
    return root


@pytest.mark.parametrize("name", NAMES)
def test_activations_are_those_of_each_row_alone_and_later_layers_do_not_run(name: str) -> None:
    model, plain, layout = open_family(name), random_model(name), FAMILIES[name].layout
    sites = [parse_site("m0", model), parse_site("a0", model)]
    text, ran = make_text(), list[str]()
    handle = model.bridge.blocks[-1].register_forward_pre_hook(lambda *_: ran.append("last"))
    parts = list(iterate_activations(model, sites, text))
    handle.remove()
    assert model.shape.n_layers > 1 and not ran
    block = find_module(plain, layout.blocks)[0]
    seen: dict[str, Tensor] = {}

    def keep(key: str) -> Callable[..., None]:
        return lambda _module, args, out: seen.update({key: args[0], key + "_out": out})

    find_module(block, f"{layout.attention}.{layout.out}").register_forward_hook(keep("z"))
    find_module(block, layout.mlp).register_forward_hook(keep("mlp"))
    wanted: dict[str, list[Tensor]] = {"z": [], "mlp": [], "mlp_out": []}
    order = [number for batch in text.batches(max_tokens=2048) for number in batch.row_numbers]
    for number in order:
        with torch.no_grad():
            plain(torch.tensor([text.rows[number]]))
        for key, rows in wanted.items():
            rows.append(seen[key].flatten(0, 1)[1:])  # the first token is left out
    (x, y), (z, again) = (
        tuple(map(torch.cat, zip(*(part[i] for part in parts), strict=True))) for i in (0, 1)
    )
    torch.testing.assert_close(z, torch.cat(wanted["z"]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(x, torch.cat(wanted["mlp"]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(y, torch.cat(wanted["mlp_out"]), rtol=1e-4, atol=1e-5)
    assert torch.equal(z, again)


@pytest.mark.parametrize("is_small", [True, False])
def test_every_token_comes_in_turn_and_another_stream_goes_on(
    monkeypatch: pytest.MonkeyPatch, is_small: bool
) -> None:
    """The whole text fits into memory, or a small part of it."""
    model, text, batch = open_family("gpt2"), make_text(60), 16
    sites = parse_sites("a0,m1", model)
    monkeypatch.setattr(streams, "FIRST_BLOCK_BATCHES", 2)
    if not is_small:
        monkeypatch.setattr(streams, "MAX_STREAM_BYTES", 2 * 4 * (32 + 64) * 100)
    stream = ActivationStream(model, sites, text, batch, seed=5)
    steps = list(stream.start_steps())
    assert len(steps) > 1 and "Running the model" in steps[-1].message
    (every,) = (torch.cat([part[0][0] for part in iterate_activations(model, sites, text)]),)
    n_batches = 4 * len(every) // batch
    given = [stream.next_batch() for _ in range(n_batches)]
    times = torch.zeros(len(every))
    for (x, same), (_, y) in given:
        assert same is x and x.shape == (batch, 32) and len(y) == batch
        distances = (x[:, None] - every).abs().amax(2)  # other rows in a pass change the last digits
        assert float(distances.min(1).values.max()) < 1e-4
        times += (distances < 1e-4).sum(0)
    assert float((times > 0).float().mean()) > 0.9 and float(times.max()) <= 8
    for taken in (3, n_batches - 2):
        other = ActivationStream(model, sites, text, batch, seed=5)
        list(other.start_steps(taken))
        for wanted in given[taken : taken + 2]:
            for (x, y), (x_wanted, y_wanted) in zip(other.next_batch(), wanted, strict=True):
                assert torch.equal(x, x_wanted) and torch.equal(y, y_wanted)


KINDS = (("relu", False), ("top-k", False), ("top-k", True), ("jump-relu", True), ("batch-top-k", False))


@pytest.mark.parametrize(("activation", "skip"), KINDS)
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_every_kind_is_trained_written_and_opened(
    tmp_path: Path, name: str, activation: str, skip: bool
) -> None:
    model, text = open_family(name), make_text(80)
    recipe = DictionaryRecipe(24, 4, steps=60, batch=64, activation=activation, skip=skip)
    trained = run_to_completion(train_into_folder_steps(model, "a0,m1", text, recipe, tmp_path))
    assert list(trained.folders) == ["a0", "m1"] and not list(tmp_path.glob("*.training"))
    (x, _), (u, v) = next(iter(iterate_activations(model, parse_sites("a0,m1", model), text)))
    for site, given, wanted in (("a0", x, x), ("m1", u, v)):
        opened = load_dictionary(trained.folders[site])
        assert (opened.skip is not None) == (skip and site == "m1")
        before = given @ opened.encoder + opened.bias
        if activation == "top-k":
            least = before.sort(dim=1, descending=True).values[:, 3:4]
            active = (before >= least) & (before > 0)
        else:
            active = before > (0 if opened.threshold is None else opened.threshold)
        rebuilt = (before * active) @ opened.decoder + opened.decoder_bias
        if opened.skip is not None:
            rebuilt = rebuilt + given @ opened.skip.T
        torch.testing.assert_close(opened.reconstruct(given), rebuilt, rtol=1e-4, atol=1e-5)
        left = float((wanted - rebuilt).square().sum() / (wanted - wanted.mean(0)).square().sum())
        assert left < 1  # better than the mean; the text is short and the model random
        first, *_, last = trained.history[site]
        assert last.loss < first.loss or activation == "relu"  # whose penalty still rises
    assert {site: one.tokens for site, one in trained.quality.items()}.keys() == {"a0", "m1"}


def test_a_cross_layer_transcoder_is_trained_on_another_family(tmp_path: Path) -> None:
    model, text = open_family("llama"), make_text(80)
    recipe = DictionaryRecipe(16, 4, steps=50, batch=64)
    trained = run_to_completion(train_into_folder_steps(model, CROSS_LAYER, text, recipe, tmp_path))
    quality = trained.cross_layer_quality
    assert quality is not None and len(quality.unexplained) == model.shape.n_layers
    assert (tmp_path / "config.yaml").is_file() and trained.folders == {CROSS_LAYER: tmp_path}


def test_stopped_and_diverged_trainings_leave_what_was_trained(tmp_path: Path) -> None:
    from circuitviz.errors import ComputationError

    model, text = open_family("gpt2"), make_text(80)
    recipe = DictionaryRecipe(16, 4, steps=400, batch=64)
    steps = train_into_folder_steps(model, CROSS_LAYER, text, recipe, tmp_path / "stopped")
    for step in steps:
        if step.done >= 50:
            break
    steps.close()
    assert (tmp_path / "stopped" / "config.yaml").is_file()
    assert (tmp_path / "stopped" / "cross-layer.training").is_file()
    wild = DictionaryRecipe(16, 4, steps=400, batch=64, rate=1e30)
    with pytest.raises(ComputationError, match="diverged before step .* learning rate below"):
        run_to_completion(train_into_folder_steps(model, "m1", text, wild, tmp_path / "wild"))
