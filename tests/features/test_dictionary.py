"""Dictionaries of every architecture encode and decode as SAELens does, or are refused in a sentence."""

from __future__ import annotations

import json
import os
import sys
import types
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from circuitviz.errors import InputError, InputWarning
from circuitviz.features import (
    Dictionary,
    DictionarySite,
    WeightProcessing,
    dictionary_loading,
    load_dictionaries,
    load_dictionary,
    write_saelens_folder,
)
from circuitviz.resources import resource_path

HEADS, D_HEAD, FEATURES = 8, 16, 40
WIDTH = HEADS * D_HEAD  # the demo's
ARCHITECTURES = [
    "standard",
    "standard-with-b_dec",
    "gated",
    "topk",
    "topk-rescaled",
    "jumprelu",
    "transcoder",
    "skip_transcoder",
    "jumprelu_transcoder",
    "jumprelu_skip_transcoder",
]


def saelens(architecture: str, layer: int = 1) -> Any:
    """A SAELens dictionary with random weights, biases and thresholds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sae_lens = pytest.importorskip("sae_lens", exc_type=ImportError)
        name = architecture.partition("-")[0]
        transcoder = "transcoder" in name
        config: dict[str, Any] = {
            "architecture": name,
            "d_in": WIDTH,
            "d_sae": FEATURES,
            "apply_b_dec_to_input": architecture.endswith("b_dec") or name == "gated",
            "reshape_activations": "none" if transcoder else "hook_z",
            "metadata": {
                "sae_lens_version": "6.54.0",
                "model_name": "demo",
                "hook_name": f"blocks.{layer}." + ("mlp.hook_in" if transcoder else "attn.hook_z"),
                "hook_name_out": f"blocks.{layer}.hook_mlp_out" if transcoder else None,
            },
        }
        if transcoder:
            config["d_out"] = WIDTH
        if name == "topk":
            config |= {"k": 6, "rescale_acts_by_decoder_norm": architecture.endswith("rescaled")}
        made = sae_lens.SAE.from_dict(config)
    draw = torch.Generator().manual_seed(len(architecture))
    for key, parameter in made.named_parameters():
        parameter.data.normal_(0, 0.3, generator=draw)
        if key == "threshold":
            parameter.data.abs_()
    return made


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_encode_and_decode_agree_with_saelens(architecture: str, tmp_path: Path) -> None:
    theirs = saelens(architecture)
    theirs.save_model(tmp_path / "one")
    ours = load_dictionary(tmp_path / "one")
    x = torch.randn(5, 7, WIDTH, generator=torch.Generator().manual_seed(1))
    shaped = x if ours.site.is_transcoder else x.view(5, 7, HEADS, D_HEAD)
    with torch.no_grad():
        activations = theirs.encode(shaped)
        out = theirs(shaped).reshape(5, 7, WIDTH)
    assert 0.02 < (activations > 0).float().mean() < 0.9
    assert ((activations > 0) == (ours.encode(x) > 0)).all()
    # a rescaled top-k writes its activations in the decoder's norm, as SAELens does
    torch.testing.assert_close(ours.encode(x), activations, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.reconstruct(x), out, rtol=1e-5, atol=1e-5)
    assert ours.site == DictionarySite(1, "m" if ours.site.is_transcoder else "a", ours.site.reads)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_active_features_are_a_linear_map(architecture: str, tmp_path: Path) -> None:
    saelens(architecture).save_model(tmp_path / "one")
    ours = load_dictionary(tmp_path / "one")
    x = torch.randn(11, WIDTH, generator=torch.Generator().manual_seed(2))
    index = torch.arange(FEATURES)
    linear = x @ ours.encoder_rows(index).T + ours.bias
    values = ours.encode(x)
    torch.testing.assert_close(values, torch.where(values > 0, linear, 0.0), rtol=1e-5, atol=1e-5)
    decoded = values @ ours.decoder_rows(index) + ours.decoder_bias
    torch.testing.assert_close(ours.decode(values), decoded, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_written_is_read_by_saelens_and_by_us(architecture: str, tmp_path: Path) -> None:
    theirs = saelens(architecture)
    theirs.save_model(tmp_path / "one")
    ours = load_dictionary(tmp_path / "one")
    write_saelens_folder(ours, tmp_path / "two")
    again = load_dictionary(tmp_path / "two")
    x = torch.randn(9, WIDTH, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(again.encode(x), ours.encode(x) * 1.0, rtol=1e-5, atol=1e-6)
    assert (again.site, again.processing, again.model) == (ours.site, ours.processing, ours.model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reread = pytest.importorskip("sae_lens", exc_type=ImportError).SAE.load_from_disk(tmp_path / "two")
    shaped = x if ours.site.is_transcoder else x.view(9, HEADS, D_HEAD)
    with torch.no_grad():
        torch.testing.assert_close(reread(shaped), theirs(shaped), rtol=1e-5, atol=1e-5)


def test_writing_what_was_read_again_is_exact(tmp_path: Path) -> None:
    saelens("jumprelu_skip_transcoder").save_model(tmp_path / "one")
    ours = load_dictionary(tmp_path / "one")
    write_saelens_folder(ours, tmp_path / "two")
    again = load_dictionary(tmp_path / "two")
    for name, tensor in vars(ours).items():
        if isinstance(tensor, torch.Tensor):
            assert torch.equal(tensor, getattr(again, name)), name


def test_batch_topk_of_an_unfinished_training_is_its_threshold(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    saelens("standard").save_model(tmp_path / "one")
    config = json.loads((tmp_path / "one" / "cfg.json").read_text())
    (tmp_path / "one" / "cfg.json").write_text(json.dumps({**config, "architecture": "batchtopk", "k": 5}))
    state = load_file(tmp_path / "one" / "sae_weights.safetensors")
    state["topk_threshold"] = torch.tensor(1.5, dtype=torch.double)
    save_file({k: v.clone() for k, v in state.items()}, tmp_path / "one" / "sae_weights.safetensors")
    ours = load_dictionary(tmp_path / "one")
    x = torch.randn(5, WIDTH)
    value = x @ state["W_enc"] + state["b_enc"]
    torch.testing.assert_close(ours.encode(x), value * (value > 1.5))
    assert ours.architecture == "batchtopk"


def test_decoder_rows_stay_in_the_file(tmp_path: Path) -> None:
    """The decoder's memory is a map of the file: what changes there changes here."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the kernel's table of maps is Linux'")
    saelens("transcoder").save_model(tmp_path / "one")
    ours = load_dictionary(tmp_path / "one")
    address = ours.decoder.data_ptr()
    for line in Path(f"/proc/{os.getpid()}/maps").read_text().splitlines():
        low, high = (int(x, 16) for x in line.split()[0].split("-"))
        if low <= address < high:
            assert line.endswith("sae_weights.safetensors")
            return
    raise AssertionError("the decoder lies in no map")


def _legacy(path: Path, config: object) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    sizes = {
        "W_enc": (WIDTH, FEATURES),
        "b_enc": (FEATURES,),
        "W_dec": (FEATURES, WIDTH),
        "b_dec": (WIDTH,),
        "b_dec_out": (WIDTH,),
    }
    state = {name: torch.randn(size, generator=draw) for name, size in sizes.items()}
    torch.save({"cfg": config, "state_dict": state}, path)
    return state


def _config_class(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A class that goes by the name in the files."""
    module = types.ModuleType("sae_training.config")
    made = type("LanguageModelSAERunnerConfig", (), {"__module__": "sae_training.config"})
    module.LanguageModelSAERunnerConfig = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sae_training", types.ModuleType("sae_training"))
    monkeypatch.setitem(sys.modules, "sae_training.config", module)
    return made


def test_old_transcoder_files_are_read_as_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = _config_class(monkeypatch)()
    config.hook_point, config.out_hook_point = "blocks.2.ln2.hook_normalized", "blocks.2.hook_mlp_out"
    config.model_name, config.device, config.dtype = "gpt2", torch.device("cpu"), torch.float32
    state = _legacy(tmp_path / "t.pt", config)
    monkeypatch.delitem(sys.modules, "sae_training.config")
    ours = load_dictionary(tmp_path / "t.pt")
    x = torch.randn(6, WIDTH)
    values = torch.relu((x - state["b_dec"]) @ state["W_enc"] + state["b_enc"])
    torch.testing.assert_close(ours.encode(x), values, rtol=1e-5, atol=1e-4)
    out = values @ state["W_dec"] + state["b_dec_out"]
    torch.testing.assert_close(ours.reconstruct(x), out, rtol=1e-4, atol=1e-3)
    assert (ours.site, ours.processing) == (
        DictionarySite(2, "m", "normalised"),
        WeightProcessing(True, True, True),
    )


class _Harmful:
    def __reduce__(self) -> Any:
        return (os.putenv, ("CIRCUITVIZ_HARMED", "1"))


def test_a_file_that_asks_for_code_is_refused(tmp_path: Path) -> None:
    _legacy(tmp_path / "t.pt", _Harmful())
    with pytest.raises(InputError, match="could not be read as a transcoder"):
        load_dictionary(tmp_path / "t.pt")


def _plain(name: str = "one", layer: int = 1, width: int = WIDTH, **changes: Any) -> Dictionary:
    draw = torch.Generator().manual_seed(0)
    given: dict[str, Any] = {
        "name": name,
        "architecture": "standard",
        "site": DictionarySite(layer, "a", "z"),
        "encoder": torch.randn(width, FEATURES, generator=draw),
        "bias": torch.zeros(FEATURES),
        "decoder": torch.randn(FEATURES, width, generator=draw),
        "decoder_bias": torch.zeros(width),
    }
    return Dictionary(**(given | changes))


def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path, demo: Any) -> None:
    cases: list[tuple[Dictionary, str]] = [
        (_plain(layer=9), "belongs to a9; 'demo' has layers 0 to 3"),
        (_plain(width=64), "width 64; at a1 'demo' has width 128"),
    ]
    for number, (dictionary, message) in enumerate(cases):
        write_saelens_folder(dictionary, tmp_path / str(number))
        with pytest.raises(InputError, match=message):
            load_dictionary(tmp_path / str(number), demo.model)


def test_broken_dictionaries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not numbers"):
        _plain(encoder=torch.full((WIDTH, FEATURES), torch.nan))
    broken = _plain(decoder=torch.full((FEATURES, WIDTH), torch.nan))
    with pytest.raises(InputError, match="decoder rows that are not numbers"):
        broken.decoder_rows(torch.tensor([3]))
    with pytest.raises(InputError, match="40 features in its encoder, 12 in its decoder"):
        _plain(decoder=torch.zeros(12, WIDTH))
    with pytest.raises(InputError, match="is no dictionary"):
        load_dictionary(tmp_path)
    saelens("standard").save_model(tmp_path / "one")
    text = (tmp_path / "one" / "cfg.json").read_text()
    for old, new, message in (
        ('"normalize_activations": "none"', '"normalize_activations": "layer_norm"', "standard deviation"),
        ('"standard"', '"temporal"', "predicts a part of each activation from the tokens before it"),
        ("blocks.1.attn.hook_z", "blocks.1.hook_resid_mid", "hook_resid_mid"),
        ('"d_in"', '"d_in', "could not be read"),
    ):
        assert old in text
        changed = text.replace(old, new).replace('"hook_z"', '"none"')
        (tmp_path / "one" / "cfg.json").write_text(changed)
        with pytest.raises(InputError, match=message):
            load_dictionary(tmp_path / "one")


def test_sets_are_found_in_folders_and_refused_twice_on_a_site(tmp_path: Path, demo: Any) -> None:
    for layer in (2, 0):
        write_saelens_folder(_plain(layer=layer), tmp_path / "set" / f"layer{layer}")
    with pytest.warns(UserWarning, match="of the variance at a"):
        found = load_dictionaries([tmp_path], demo.model)
    assert [one.site.name for one in found] == ["a0", "a2"]
    assert all(one.unexplained is not None and one.unexplained > 1 for one in found)
    write_saelens_folder(_plain(layer=2), tmp_path / "set" / "again")
    with pytest.raises(InputError, match="'again' and 'layer2' both belong to a2"):
        load_dictionaries([tmp_path], demo.model)
    with pytest.raises(InputError, match="holds no dictionary"):
        load_dictionaries([tmp_path / "nothing"], demo.model)


def test_more_than_memory_is_refused_before_it_starts(
    tmp_path: Path, demo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    write_saelens_folder(_plain(), tmp_path / "one")
    free = types.SimpleNamespace(available=1000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with pytest.raises(InputError, match="of memory are free"):
        load_dictionaries([tmp_path], demo.model)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_memory_is_counted_as_what_is_held(
    dtype: torch.dtype, tmp_path: Path, demo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder as its file has it, and the vectors in float32; the decoder stays on disk."""
    one = _plain()
    write_saelens_folder(one, tmp_path / "one")
    file = tmp_path / "one" / "sae_weights.safetensors"
    save_file({name: tensor.to(dtype) for name, tensor in load_file(file).items()}, file)
    opened = load_dictionary(tmp_path / "one")
    assert opened.encoder.dtype == opened.decoder.dtype == dtype and opened.bias.dtype == torch.float32
    held = WIDTH * FEATURES * dtype.itemsize + 4 * (FEATURES + WIDTH)
    for available, is_refused in ((held - 1, True), (held, False)):
        free = types.SimpleNamespace(available=available)
        memory = types.SimpleNamespace(virtual_memory=lambda free=free: free)
        monkeypatch.setattr(dictionary_loading, "psutil", memory)
        if is_refused:
            with pytest.raises(InputError, match="of memory are free"):
                load_dictionaries([tmp_path], demo.model)
        else:
            with pytest.warns(InputWarning, match="unexplained"):
                load_dictionaries([tmp_path], demo.model)


def test_releases_are_asked_for_by_name_alone(monkeypatch: pytest.MonkeyPatch, demo: Any) -> None:
    one = saelens("gated")
    asked: list[Any] = []

    def give(release: str, identity: str, device: str) -> Any:
        asked.append((release, identity))
        if release == "none":
            raise ValueError("no such thing")
        return one

    sae_lens = pytest.importorskip("sae_lens", exc_type=ImportError)
    monkeypatch.setattr(sae_lens.SAE, "from_pretrained", give)
    with pytest.warns(UserWarning, match="of the variance at a1"):
        (ours,) = load_dictionaries(["saelens:gpt2-small-hook-z-kk/blocks.1.hook_z"], demo.model)
    assert asked == [("gpt2-small-hook-z-kk", "blocks.1.hook_z")]
    x = torch.randn(4, WIDTH)
    with torch.no_grad():
        torch.testing.assert_close(ours.encode(x), one.encode(x.view(4, HEADS, D_HEAD)), rtol=1e-5, atol=1e-5)
    with pytest.raises(InputError, match="release 'none' .no such thing.; check both names"):
        load_dictionary("saelens:none/a")


def test_a_dictionarys_file_names_its_model_without_a_folder(tmp_path: Path) -> None:
    one = load_dictionary(resource_path("demo", "dictionaries", "m3"))
    for model, said in (
        ("/data/secret/llama", "llama"),
        ("demo", "demo"),
        ("google/gemma-2-2b", "google/gemma-2-2b"),
        (None, None),
    ):
        write_saelens_folder(replace(one, model=model), tmp_path / "d")
        assert json.loads((tmp_path / "d" / "cfg.json").read_text())["metadata"]["model_name"] == said
        assert load_dictionary(tmp_path / "d").model == said
