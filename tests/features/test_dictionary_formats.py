"""Each published form of dictionaries, as a tiny file, encodes and decodes as its formula says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from device_standin import StandinDevice
from safetensors.torch import save_file
from torch import Tensor

from circuitviz.dtypes import OFFLOAD_CHOICES
from circuitviz.errors import InputError, InputWarning
from circuitviz.features import (
    Dictionary,
    DictionarySite,
    WeightProcessing,
    check_dictionary,
    load_dictionaries,
    load_dictionary,
    node_table,
    run_prompt,
    write_cross_layer_folder,
)
from circuitviz.features.dictionary_formats.registry import dictionary_formats, read_dictionaries
from circuitviz.features.weight_file import WeightFile

WIDTH, FEATURES, K = 24, 40, 5
Formula = Callable[[Tensor], tuple[Tensor, Tensor]]
"""x [n, d_in] → activations and reconstruction."""


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape))) * 0.4


def rounded(state: dict[str, Tensor], dtype: torch.dtype) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What a file of a precision holds, and its values in float32."""
    stored = {name: tensor.to(dtype).contiguous() for name, tensor in state.items()}
    return stored, {name: tensor.float() for name, tensor in stored.items()}


def top_k(values: Tensor, k: int = K) -> Tensor:
    kept = values.topk(k, dim=-1)
    return torch.zeros_like(values).scatter(-1, kept.indices, kept.values.clamp_min(0))


def circuit_tracer(
    folder: Path, config: dict[str, Any], extra: dict[str, Tensor], dtype: torch.dtype = torch.float32
) -> tuple[Path, Formula]:
    state = {"W_enc": draw(FEATURES, WIDTH), "W_dec": draw(FEATURES, WIDTH, seed=1)}
    state |= {"b_enc": draw(FEATURES), "b_dec": draw(WIDTH), **extra}
    k = state.pop("k", None)
    stored, w = rounded(state, dtype)
    folder.mkdir(parents=True)
    save_file(stored | ({} if k is None else {"k": k}), folder / "layer_3.safetensors")
    hooks = {"feature_input_hook": "mlp.hook_in", "feature_output_hook": "hook_mlp_out"}
    given = {"model_kind": "transcoder_set", "model_name": "some/model", **hooks, **config}
    (folder / "config.yaml").write_text(yaml.safe_dump(given))

    def formula(x: Tensor) -> tuple[Tensor, Tensor]:
        values = x @ w["W_enc"].T + w["b_enc"]
        if k is not None or config.get("activation") == "topk":
            values = top_k(values)
        elif "activation_function.threshold" in w:
            values = values * (values > w["activation_function.threshold"])
        else:
            values = values.clamp_min(0)
        out = values @ w["W_dec"] + w["b_dec"]
        return values, out + x @ w["W_skip"].T if "W_skip" in w else out

    return folder, formula


def gemma_scope(folder: Path, kind: str) -> tuple[Path, Formula]:
    place = folder / f"gemma-scope-2b-pt-{kind}" / "layer_5" / "width_16k" / "average_l0_68"
    place.mkdir(parents=True)
    w = {"W_enc": draw(WIDTH, FEATURES), "W_dec": draw(FEATURES, WIDTH, seed=1), "b_enc": draw(FEATURES)}
    w |= {"b_dec": draw(WIDTH), "threshold": draw(FEATURES, seed=2).abs()}
    np.savez(place / "params.npz", **{name: tensor.numpy() for name, tensor in w.items()})

    def formula(x: Tensor) -> tuple[Tensor, Tensor]:
        values = x @ w["W_enc"] + w["b_enc"]
        values = values * (values > w["threshold"])
        return values, values @ w["W_dec"] + w["b_dec"]

    return place, formula


def gemma_scope_2(folder: Path, point_in: str, point_out: str | None, has_skip: bool) -> tuple[Path, Formula]:
    folder.mkdir(parents=True)
    state = {"w_enc": draw(WIDTH, FEATURES), "w_dec": draw(FEATURES, WIDTH, seed=1), "b_enc": draw(FEATURES)}
    state |= {"b_dec": draw(WIDTH), "threshold": draw(FEATURES, seed=2).abs()}
    if has_skip:
        state["affine_skip_connection"] = draw(WIDTH, WIDTH)
    stored, w = rounded(state, torch.bfloat16)
    save_file(stored, folder / "params.safetensors")
    layer = "model.layers.3."
    config = {
        "architecture": "jump_relu",
        "model_name": "gemma-v3-1b-pt",
        "hf_hook_point_in": layer + point_in,
    }
    config |= {"hf_hook_point_out": layer + point_out} if point_out else {}
    (folder / "config.json").write_text(json.dumps(config))

    def formula(x: Tensor) -> tuple[Tensor, Tensor]:
        values = x @ w["w_enc"] + w["b_enc"]
        values = values * (values > w["threshold"])
        out = values @ w["w_dec"] + w["b_dec"]
        return values, out + x @ w["affine_skip_connection"] if has_skip else out

    return folder, formula


def sparsify(folder: Path, module: str, is_transcoder: bool, has_skip: bool) -> tuple[Path, Formula]:
    place = folder / "run" / module
    place.mkdir(parents=True)
    state = {"encoder.weight": draw(FEATURES, WIDTH), "encoder.bias": draw(FEATURES), "b_dec": draw(WIDTH)}
    state["W_dec"] = draw(FEATURES, WIDTH, seed=1)
    if has_skip:
        state["W_skip"] = draw(WIDTH, WIDTH)
    stored, w = rounded(state, torch.float16)
    save_file(stored, place / "sae.safetensors")
    config = {"d_in": WIDTH, "num_latents": FEATURES, "k": K, "expansion_factor": 32, "activation": "topk"}
    config |= {"transcode": is_transcoder, "skip_connection": has_skip, "normalize_decoder": True}
    (place / "cfg.json").write_text(json.dumps(config))
    (place.parent / "config.json").write_text(json.dumps({"model": "EleutherAI/pythia-160m"}))

    def formula(x: Tensor) -> tuple[Tensor, Tensor]:
        read = x if is_transcoder else x - w["b_dec"]
        values = top_k(torch.relu(read @ w["encoder.weight"].T + w["encoder.bias"]))
        out = values @ w["W_dec"] + w["b_dec"]
        return values, out + x @ w["W_skip"].T if has_skip else out

    return place, formula


def llama_scope(folder: Path, point_in: str, point_out: str) -> tuple[Path, Formula]:
    """As its authors' code computes: input brought to norm √d, values above the threshold in units of the stream."""
    place = folder / "Llama3_1-8B-Base-L3M-8x"
    (place / "checkpoints").mkdir(parents=True)
    state = {"encoder.weight": draw(FEATURES, WIDTH), "encoder.bias": draw(FEATURES)}
    state |= {"decoder.weight": draw(WIDTH, FEATURES, seed=1), "decoder.bias": draw(WIDTH)}
    stored, w = rounded(state, torch.bfloat16)
    save_file(stored, place / "checkpoints" / "final.safetensors")
    norms, threshold = {"in": 9.0, "out": 3.5}, 0.6
    config = {"hook_point_in": f"blocks.3.{point_in}", "hook_point_out": f"blocks.3.{point_out}"}
    config |= {"d_model": WIDTH, "d_sae": FEATURES, "act_fn": "jumprelu", "jump_relu_threshold": threshold}
    config |= {"norm_activation": "dataset-wise", "dataset_average_activation_norm": norms}
    config |= {"sparsity_include_decoder_norm": True, "use_decoder_bias": True, "top_k": 50}
    (place / "hyperparams.json").write_text(json.dumps(config))
    c_in, c_out = WIDTH**0.5 / norms["in"], WIDTH**0.5 / norms["out"]

    def formula(x: Tensor) -> tuple[Tensor, Tensor]:
        normalised = (c_in * x) @ w["encoder.weight"].T + w["encoder.bias"]
        decoder = w["decoder.weight"].T
        size = decoder.norm(dim=1)
        values = normalised / c_in * size * c_in / c_out  # in units of what is written
        active = values > threshold
        out = ((normalised * active) @ decoder + w["decoder.bias"]) / c_out
        return values * active, out

    return place, formula


THRESHOLDS = {"activation_function.threshold": draw(FEATURES, seed=2).abs()}
SKIP = {"W_skip": draw(WIDTH, WIDTH)}
MLP_IN, MLP_OUT = "pre_feedforward_layernorm.output", "post_feedforward_layernorm.output"
FORMS: dict[str, tuple[Callable[[Path], tuple[Path, Formula]], str, DictionarySite, WeightProcessing]] = {
    "circuit-tracer relu": (
        lambda p: circuit_tracer(p, {}, {}), "transcoder", DictionarySite(3, "m", "normalised"), WeightProcessing()),
    "circuit-tracer skip, bfloat16": (
        lambda p: circuit_tracer(p, {"activation": "relu"}, SKIP, torch.bfloat16), "skip_transcoder",
        DictionarySite(3, "m", "normalised"), WeightProcessing()),
    "circuit-tracer jump-relu": (
        lambda p: circuit_tracer(p, {"feature_input_hook": "ln2.hook_normalized"}, THRESHOLDS),
        "jumprelu_transcoder", DictionarySite(3, "m", "normalised"), WeightProcessing(fold_ln=True)),
    "circuit-tracer top-k of its configuration": (
        lambda p: circuit_tracer(p, {"activation": "topk", "k": K, "feature_input_hook": "hook_resid_mid"}, SKIP),
        "topk_skip_transcoder", DictionarySite(3, "m", "stream"), WeightProcessing()),
    "circuit-tracer top-k of its file": (
        lambda p: circuit_tracer(p, {}, {"k": torch.tensor(K)}), "topk_transcoder",
        DictionarySite(3, "m", "normalised"), WeightProcessing()),
    "gemma-scope mlp": (lambda p: gemma_scope(p, "mlp"), "jumprelu", DictionarySite(5, "m", "written"), WeightProcessing()),
    "gemma-scope att": (lambda p: gemma_scope(p, "att"), "jumprelu", DictionarySite(5, "a", "z"), WeightProcessing()),
    "gemma-scope transcoders": (
        lambda p: gemma_scope(p, "transcoders"), "jumprelu_transcoder", DictionarySite(5, "m", "normalised"),
        WeightProcessing(fold_ln=True)),
    "gemma-scope res": (lambda p: gemma_scope(p, "res"), "jumprelu", DictionarySite(6, "r", "written"), WeightProcessing()),
    "gemma-scope-2 res": (
        lambda p: gemma_scope_2(p / "a", "output", None, False), "jumprelu", DictionarySite(4, "r", "written"),
        WeightProcessing()),
    "sparsify block": (
        lambda p: sparsify(p, "layers.4", False, False), "topk", DictionarySite(5, "r", "written"), WeightProcessing()),
    "llama-scope res": (
        lambda p: llama_scope(p, "hook_resid_post", "hook_resid_post"), "jumprelu", DictionarySite(4, "r", "written"),
        WeightProcessing()),
    "gemma-scope-2 att": (
        lambda p: gemma_scope_2(p / "a", "self_attn.o_proj.input", None, False), "jumprelu", DictionarySite(3, "a", "z"),
        WeightProcessing()),
    "gemma-scope-2 mlp": (
        lambda p: gemma_scope_2(p / "a", MLP_OUT, MLP_OUT, False), "jumprelu", DictionarySite(3, "m", "written"),
        WeightProcessing()),
    "gemma-scope-2 affine transcoder": (
        lambda p: gemma_scope_2(p / "a", MLP_IN, MLP_OUT, True), "jumprelu_skip_transcoder",
        DictionarySite(3, "m", "normalised"), WeightProcessing()),
    "sparsify mlp": (
        lambda p: sparsify(p, "layers.4.mlp", False, False), "topk", DictionarySite(4, "m", "written"), WeightProcessing()),
    "sparsify attention": (
        lambda p: sparsify(p, "gpt_neox.layers.4.attention", False, False), "topk", DictionarySite(4, "a", "written"),
        WeightProcessing()),
    "sparsify skip transcoder": (
        lambda p: sparsify(p, "h.4.mlp", True, True), "topk_skip_transcoder", DictionarySite(4, "m", "normalised"),
        WeightProcessing()),
    "llama-scope mlp": (
        lambda p: llama_scope(p, "hook_mlp_out", "hook_mlp_out"), "jumprelu", DictionarySite(3, "m", "written"),
        WeightProcessing()),
    "llama-scope transcoder": (
        lambda p: llama_scope(p, "ln2.hook_normalized", "hook_mlp_out"), "jumprelu_transcoder",
        DictionarySite(3, "m", "normalised"), WeightProcessing(fold_ln=True)),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_each_form_computes_its_formula(form: str, tmp_path: Path) -> None:
    build, architecture, site, processing = FORMS[form]
    (tmp_path / "one").mkdir()
    path, formula = build(tmp_path / "one" / "set")
    one = load_dictionary(path)
    x = draw(7, WIDTH, seed=9) * 3
    values, out = formula(x)
    assert 0.02 < (values > 0).float().mean() < 0.9
    torch.testing.assert_close(one.encode(x), values, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(one.reconstruct(x), out, rtol=1e-4, atol=1e-5)
    index = torch.tensor([3, 0, 17])
    linear = x @ one.encoder_rows(index).T + one.bias[index]  # what attribution rests on
    is_active = values[:, index] > 0
    torch.testing.assert_close(linear[is_active], values[:, index][is_active], rtol=1e-4, atol=1e-5)
    assert (one.architecture, one.site, one.processing) == (architecture, site, processing)
    assert one.is_mapped and one.model


def test_every_registered_form_is_tested_here() -> None:
    """SAELens' and transcoder_circuits' have tests of their own."""
    tested = {form.partition(" ")[0] for form in FORMS} | {"saelens", "transcoder-circuits"}
    assert tested == set(dictionary_formats.names()) and not dictionary_formats.import_errors


def test_a_set_gives_each_of_its_layers_and_one_file_one(tmp_path: Path) -> None:
    folder, _ = circuit_tracer(tmp_path / "set", {}, {})
    (folder / "layer_0.safetensors").write_bytes((folder / "layer_3.safetensors").read_bytes())
    assert [one.site.name for one in read_dictionaries(folder)] == ["m0", "m3"]
    assert [one.site.name for one in read_dictionaries(folder / "layer_3.safetensors")] == ["m3"]
    listed = {"transcoders": [{"id": "x", "layer": 2, "filepath": "layer_0.safetensors"}]}
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | listed))
    assert [one.site.name for one in read_dictionaries(folder)] == ["m2"]


def test_the_first_sets_decoder_is_read_the_other_way_round(tmp_path: Path) -> None:
    folder, formula = circuit_tracer(tmp_path / "set", {}, {})
    file = WeightFile(folder / "layer_3.safetensors")
    state = {name: file.tensor(name).clone() for name in file.shapes}
    save_file(state | {"W_dec": state["W_dec"].T.contiguous()}, folder / "layer_3.safetensors")
    x = draw(7, WIDTH, seed=9)
    torch.testing.assert_close(load_dictionary(folder).reconstruct(x), formula(x)[1], rtol=1e-4, atol=1e-5)


def change_yaml(folder: Path, **changes: Any) -> None:
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | changes))


def change_json(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def circuit_tracer_with(path: Path, extra: dict[str, Tensor] | None = None, **changes: Any) -> Path:
    folder, _ = circuit_tracer(path, {}, extra or {})
    change_yaml(folder, **changes)
    return folder


def with_torch_file(path: Path) -> Path:
    folder = circuit_tracer_with(path)
    (folder / "layer_3.safetensors").rename(folder / "layer_3.pt")
    return folder


def gemma_scope_elsewhere(path: Path) -> Path:
    place, _ = gemma_scope(path, "mlp")
    return place.rename(path / "params")


def compressed(path: Path) -> Path:
    place, _ = gemma_scope(path, "mlp")
    with np.load(place / "params.npz") as arrays:
        content = dict(arrays)
    np.savez_compressed(place / "params.npz", **content)
    return place


def pickled(path: Path) -> Path:
    place, _ = gemma_scope(path, "mlp")
    np.savez(place / "params.npz", W_enc=np.array([{"a": 1}], dtype=object))
    return place


def sparsify_with(path: Path, module: str = "layers.4.mlp", **changes: Any) -> Path:
    place, _ = sparsify(path, module, bool(changes.pop("is_transcoder", False)), False)
    change_json(place / "cfg.json", **changes)
    return place


def llama_scope_with(path: Path, **changes: Any) -> Path:
    place, _ = llama_scope(path, "hook_mlp_out", "hook_mlp_out")
    change_json(place / "hyperparams.json", **changes)
    return place


def gemma_scope_2_with(path: Path, **changes: Any) -> Path:
    place, _ = gemma_scope_2(path / "a", MLP_OUT, None, False)
    change_json(place / "config.json", **changes)
    return place


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a torch file": (with_torch_file, r"has layer 3 in layer_3.pt, a torch file.*layer_3.safetensors would be right"),
    "another kind of set": (lambda p: circuit_tracer_with(p, model_kind="lorsa"), "model_kind 'lorsa'.*transcoder_set or"),
    "no hooks": (lambda p: circuit_tracer_with(p, feature_input_hook=None), "feature_input_hook None"),
    "another hook": (lambda p: circuit_tracer_with(p, feature_input_hook="hook_q"), r"reads 'blocks.3.hook_q'.*can be used"),
    "another activation": (lambda p: circuit_tracer_with(p, activation="gelu"), "activation 'gelu'; relu, topk"),
    "top-k without k": (lambda p: circuit_tracer_with(p, activation="topk"), "has k missing"),
    "jump-relu without thresholds": (lambda p: circuit_tracer_with(p, activation="jump_relu"), "no activation_function.threshold"),
    "relu with thresholds": (lambda p: circuit_tracer_with(p, THRESHOLDS, activation="relu"), "'relu' and thresholds"),
    "an unknown tensor": (lambda p: circuit_tracer_with(p, {"W_more": draw(2)}), "holds 'W_more'.*without a word"),
    "a skip of another shape": (lambda p: circuit_tracer_with(p, {"W_skip": draw(WIDTH, 3)}), r"W_skip of shape \[24, 3\].*\[24, 24\]"),
    "files that are not there": (lambda p: circuit_tracer_with(p, transcoders=["layer_7.safetensors"]), "layer_7.safetensors"),
    "files on a hub": (lambda p: circuit_tracer_with(p, transcoders=["hf://a/b/c.npz"]), "hf://a/b/c.npz.*not downloaded before"),
    "params.npz anywhere": (gemma_scope_elsewhere, "folders that do not say what it reads.*gemma-scope-2b-pt-att"),
    "compressed arrays": (compressed, "could not be read .*is compressed"),
    "pickled arrays": (pickled, "Python objects, which are never unpickled"),
    "another module": (lambda p: gemma_scope_2_with(p, hf_hook_point_in="model.layers.3.mlp.up.output"), r"model.layers.3.mlp.up.output.*would be right"),
    "another architecture": (lambda p: gemma_scope_2_with(p, architecture="topk"), "'topk'; jump_relu would be right"),
    "group-max": (lambda p: sparsify_with(p, activation="groupmax"), "'groupmax'; top-k without signs"),
    "signs": (lambda p: sparsify_with(p, signed=True), "top-k with signs"),
    "a module inside": (lambda p: sparsify_with(p, "layers.4.mlp.act"), r"module 'layers.4.mlp.act'.*layers.5.mlp"),
    "a transcoder of attention": (lambda p: sparsify_with(p, "layers.4.attention", is_transcoder=True), "a transcoder of the module"),
    "a wrong width": (lambda p: sparsify_with(p, num_latents=41), r"encoder.weight of shape \[40, 24\].*\[41, 24\]"),
    "norms of each token": (lambda p: llama_scope_with(p, norm_activation="token-wise"), "normalises its input .'token-wise'"),
    "no average norms": (lambda p: llama_scope_with(p, dataset_average_activation_norm={"in": 2}), "has out None"),
    "another function": (lambda p: llama_scope_with(p, act_fn="topk"), "'topk' as its activation function"),
    "no object": (lambda p: (circuit_tracer_with(p) / "config.yaml").write_text("[1]") and p, "config.yaml that is no object"),
    "no YAML": (lambda p: (circuit_tracer_with(p) / "config.yaml").write_text("a: [") and p, "could not be read as transcoders"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_its_form_is_refused_in_a_sentence(case: str, tmp_path: Path) -> None:
    build, message = REFUSED[case]
    path = build(tmp_path / "one")
    with pytest.raises(InputError, match=message) as told:
        load_dictionary(path)
    text = str(told.value)
    assert text.endswith(".") and "\n" not in text and len(text) < 600


def test_a_cross_layer_set_gives_what_each_layer_writes_to_later_ones(tmp_path: Path) -> None:
    n_layers = 3
    hooks = {"feature_input_hook": "hook_resid_mid", "feature_output_hook": "hook_mlp_out"}
    config = {"model_kind": "cross_layer_transcoder", "model_name": "some/model", **hooks}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    right = []
    for layer in range(n_layers):
        encoder = {"W_enc": draw(FEATURES, WIDTH, seed=layer), "b_enc": draw(FEATURES, seed=layer)}
        encoder |= {"b_dec": draw(WIDTH, seed=layer), "threshold": draw(FEATURES, seed=layer).abs()}
        stored, w = rounded(encoder, torch.bfloat16)
        save_file({f"{k}_{layer}": v for k, v in stored.items()}, tmp_path / f"W_enc_{layer}.safetensors")
        stored, decoder = rounded({"W_dec": draw(FEATURES, n_layers - layer, WIDTH)}, torch.bfloat16)
        save_file({f"W_dec_{layer}": stored["W_dec"]}, tmp_path / f"W_dec_{layer}.safetensors")
        right.append(w | decoder)
    found = read_dictionaries(tmp_path)
    assert [one.site.name for one in found] == ["m0", "m1", "m2"]
    x = draw(7, WIDTH, seed=9) * 3
    for layer, (one, w) in enumerate(zip(found, right, strict=True)):
        values = x @ w["W_enc"].T + w["b_enc"]
        values = values * (values > w["threshold"])
        torch.testing.assert_close(one.encode(x), values, rtol=1e-4, atol=1e-5)
        own = values @ w["W_dec"][:, 0] + w["b_dec"]
        torch.testing.assert_close(one.decode(values), own, rtol=1e-4, atol=1e-5)
        assert one.last_layer == n_layers - 1
        for later in range(layer + 1, n_layers):
            written = values @ w["W_dec"][:, later - layer]
            torch.testing.assert_close(one.write_at(values, later), written, rtol=1e-4, atol=1e-5)


def test_a_cross_layer_set_that_is_written_here_is_read_again(tmp_path: Path) -> None:
    written = [
        Dictionary(
            f"layer_{layer}", "cross_layer_transcoder", DictionarySite(layer, "m", "normalised"), draw(WIDTH, FEATURES),
            draw(FEATURES), draw(FEATURES, WIDTH), draw(WIDTH), threshold=draw(FEATURES).abs(),
            later_decoder=draw(FEATURES, 1 - layer, WIDTH), model="some/model",
        )
        for layer in range(2)
    ]  # fmt: skip
    write_cross_layer_folder(written, tmp_path)
    for one, again in zip(written, read_dictionaries(tmp_path), strict=True):
        assert (again.site, again.architecture, again.model) == (one.site, one.architecture, one.model)
        for name in ("encoder", "bias", "decoder", "decoder_bias", "threshold", "later_decoder"):
            assert torch.equal(getattr(again, name), getattr(one, name)), name


def test_a_cross_layer_set_becomes_nodes_of_its_model(tmp_path: Path, demo: Any) -> None:
    shape = demo.model.shape
    hooks = {"feature_input_hook": "mlp.hook_in", "feature_output_hook": "hook_mlp_out"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"model_kind": "cross_layer_transcoder", **hooks}))
    for layer in range(shape.n_layers):
        encoder = {f"W_enc_{layer}": draw(6, shape.d_model), f"b_enc_{layer}": draw(6)}
        encoder[f"b_dec_{layer}"] = draw(shape.d_model)
        save_file(encoder, tmp_path / f"W_enc_{layer}.safetensors")
        decoder = draw(6, shape.n_layers - layer, shape.d_model)
        save_file({f"W_dec_{layer}": decoder}, tmp_path / f"W_dec_{layer}.safetensors")
    with pytest.warns(InputWarning, match="unexplained"):
        found = load_dictionaries([tmp_path], demo.model)
    table = node_table(run_prompt(demo.model, [3, 17, 250, 4]), found)
    assert [len(table.features_at(f"m{layer}", 3)) > 0 for layer in range(shape.n_layers)] == [True] * 4


def test_a_folder_of_no_form_is_told_with_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    with pytest.raises(
        InputError, match=r"is no dictionary \(it holds readme.txt\); cfg.json|config.yaml"
    ) as told:
        load_dictionary(tmp_path)
    assert all(entry.value.contents in str(told.value) for entry in dictionary_formats.entries())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_matrices_keep_their_files_precision(dtype: torch.dtype, tmp_path: Path) -> None:
    """Encoder and decoder are read where they are used; what is computed is in float32."""
    folder, formula = circuit_tracer(tmp_path / "set", {}, {}, dtype)
    one = load_dictionary(folder)
    assert one.encoder.dtype == one.decoder.dtype == dtype and one.bias.dtype == torch.float32
    assert one.held_bytes == WIDTH * FEATURES * dtype.itemsize + 4 * (FEATURES + WIDTH)
    x = draw(3, WIDTH)
    assert one.encode(x).dtype == one.reconstruct(x).dtype == torch.float32
    double = one.to(x.double())
    assert double.encode(x.double()).dtype == torch.float64 and double.encoder.dtype == (
        torch.float64 if dtype == torch.float32 else dtype
    )
    torch.testing.assert_close(double.encode(x.double()).float(), formula(x)[0], rtol=1e-4, atol=1e-5)


def test_blocks_give_what_one_product_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from circuitviz.features import matrix_blocks

    monkeypatch.setattr(matrix_blocks, "BLOCK_VALUES", 3 * WIDTH)  # a block is three features
    folder, formula = circuit_tracer(tmp_path / "set", {}, {}, torch.bfloat16)
    one, x = load_dictionary(folder), draw(7, WIDTH, seed=9)
    torch.testing.assert_close(one.encode(x), formula(x)[0], rtol=1e-4, atol=1e-5)
    weights = draw(4, FEATURES)
    right = weights @ one.decoder.float()
    torch.testing.assert_close(matrix_blocks.combine_rows(weights, one.decoder), right, rtol=1e-4, atol=1e-5)
    norms = one.decoder.float().norm(dim=1)
    torch.testing.assert_close(matrix_blocks.row_norms(one.decoder, weights), norms, rtol=1e-4, atol=1e-5)
    assert matrix_blocks.are_finite(one.decoder)
    one.decoder[FEATURES - 1, 0] = torch.inf
    assert not matrix_blocks.are_finite(one.decoder)
    assert bool(torch.isfinite(load_dictionary(folder).decoder).all()), "what is written reached the file"


@pytest.mark.parametrize("offload", OFFLOAD_CHOICES)
def test_offloaded_matrices_stay_on_the_host(offload: str, tmp_path: Path) -> None:
    """The stand-in for a GPU fails where a tensor of the host meets one of the device."""
    folder, formula = circuit_tracer(tmp_path / "set", {}, SKIP, torch.bfloat16)
    x, index = draw(7, WIDTH, seed=9), torch.tensor([3, 0, 17])
    values, out = formula(x)
    with StandinDevice():
        moved = load_dictionary(folder, offload=offload).to(torch.zeros(1, device="cuda"))
        assert {moved.encoder.device.type, moved.decoder.device.type} == {
            "cuda" if offload == "none" else "cpu"
        }
        activations, rebuilt = moved.encode(x.to("cuda")).cpu(), moved.reconstruct(x.to("cuda")).cpu()
        rows = moved.encoder_rows(index.to("cuda")).cpu(), moved.decoder_rows(index.to("cuda")).cpu()
    torch.testing.assert_close(activations, values, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(rebuilt, out, rtol=1e-4, atol=1e-5)
    host = load_dictionary(folder)
    assert torch.equal(rows[0], host.encoder_rows(index)) and torch.equal(rows[1], host.decoder_rows(index))


def test_a_damaged_encoder_is_told_when_it_is_read(tmp_path: Path) -> None:
    folder, _ = circuit_tracer(tmp_path / "set", {}, {})
    one: Dictionary = load_dictionary(folder)
    one.encoder[2, 3] = torch.nan
    for use in (lambda: one.encode(draw(2, WIDTH)), lambda: one.encoder_rows(torch.tensor([3]))):
        with pytest.raises(InputError, match="holds encoder rows that are not numbers"):
            use()
    assert bool(torch.isfinite(one.encoder_rows(torch.tensor([4]))).all())


def test_tensors_are_views_of_their_file_and_pages_can_be_given_back(tmp_path: Path) -> None:
    """Also where they are not aligned, as members of an archive are not."""
    folder, _ = circuit_tracer(tmp_path / "set", {}, {})
    place, _ = gemma_scope(tmp_path / "npz", "mlp")
    for file in (WeightFile(folder / "layer_3.safetensors"), WeightFile(place / "params.npz")):
        before = file.tensor("W_enc").clone()
        assert file.tensor("W_enc").data_ptr() == file.tensor("W_enc").data_ptr()
        file.release_pages()
        assert torch.equal(file.tensor("W_enc"), before)


def test_what_rebuilds_a_parts_output_before_its_normalisation_is_refused_where_there_is_one(
    tmp_path: Path,
) -> None:
    for module, site in (("layers.0.mlp", "m0"), ("layers.0.attention", "a0")):
        one = load_dictionary(sparsify(tmp_path / site, module, False, False)[0])
        for has_norms in (True, False):
            norms = {"mlp_post_norm": "ln2_post" * has_norms, "post_norm": object() if has_norms else None}
            layer = SimpleNamespace(**norms, o=torch.zeros(2, WIDTH // 2, WIDTH))
            shape = SimpleNamespace(n_layers=1, mlp=True, d_model=WIDTH)
            model: Any = SimpleNamespace(name="some", layers=[layer], shape=shape)
            if has_norms:
                with pytest.raises(InputError, match=f"rebuilds what {site} gives before a normalisation"):
                    check_dictionary(one, model)
            else:
                check_dictionary(one, model)
