"""Every key and tensor of a SAELens folder is used or refused with its name; nothing is guessed."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from circuitviz.errors import InputError
from circuitviz.features import Dictionary, load_dictionaries, load_dictionary, write_saelens_folder

WIDTH, FEATURES, K = 128, 40, 6
CONFIG, WEIGHTS = "cfg.json", "sae_weights.safetensors"
SIZES = {
    "W_enc": (WIDTH, FEATURES),
    "W_dec": (FEATURES, WIDTH),
    "b_enc": (FEATURES,),
    "b_dec": (WIDTH,),
    "r_mag": (FEATURES,),
    "b_mag": (FEATURES,),
    "b_gate": (FEATURES,),
    "threshold": (FEATURES,),
    "log_threshold": (FEATURES,),
    "W_skip": (WIDTH, WIDTH),
    "scaling_factor": (FEATURES,),
    "finetuning_scaling_factor": (FEATURES,),
}
PLAIN = ("W_enc", "W_dec", "b_enc", "b_dec")
GATED = ("W_enc", "W_dec", "b_dec", "r_mag", "b_mag", "b_gate")
HOOKS = {"hook_name": "blocks.1.attn.hook_z"}
OF_MLP = {"hook_name": "blocks.1.mlp.hook_in", "hook_name_out": "blocks.1.hook_mlp_out"}


def weights(names: tuple[str, ...], seed: int = 0) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    made = {name: torch.randn(SIZES[name], generator=draw) * 0.3 for name in names}
    if "threshold" in made:
        made["threshold"] = made["threshold"].abs()
    return made


def config(
    architecture: str = "standard", metadata: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """Version 6's form."""
    about = {"sae_lens_version": "6.54.0", "model_name": "demo", **(HOOKS if metadata is None else metadata)}
    sizes = {"d_in": WIDTH, "d_sae": FEATURES, "dtype": "float32", "device": "cpu"}
    reshape = "none" if metadata else "hook_z"
    given = {
        "architecture": architecture,
        **sizes,
        "apply_b_dec_to_input": False,
        "reshape_activations": reshape,
    }
    given |= {"metadata": about, **more}
    return {name: value for name, value in given.items() if value is not ...}


def old(**more: Any) -> dict[str, Any]:
    """The form of versions 3 to 5: everything at the top."""
    sizes = {
        "d_in": WIDTH,
        "d_sae": FEATURES,
        "dtype": "float32",
        "device": "cpu",
        "normalize_activations": "none",
    }
    given = {"sae_lens_training_version": "4.0.0", "model_name": "demo", **sizes, **HOOKS, **more}
    return {name: value for name, value in given.items() if value is not ...}


def folder(path: Path, given: object, state: dict[str, torch.Tensor]) -> Path:
    path.mkdir(exist_ok=True)
    (path / CONFIG).write_text(json.dumps(given))
    save_file(state, path / WEIGHTS)
    return path


def theirs(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("sae_lens", exc_type=ImportError).SAE.load_from_disk(path)


OLD_FORMS = {
    "standard": (old(), PLAIN),
    "names of version 2": (
        old(hook_name=..., hook_point="blocks.1.attn.hook_z", hook_point_head_index=None),
        PLAIN,
    ),
    "without b_dec in the input": (old(apply_b_dec_to_input=False), PLAIN),
    "topk": (old(activation_fn_str="topk", activation_fn_kwargs={"k": K}), PLAIN),
    "gated": (old(architecture="gated"), GATED),
    "jumprelu": (old(architecture="jumprelu", activation_fn_str="relu"), (*PLAIN, "threshold")),
    "normalisation as a switch": (old(normalize_activations=False), PLAIN),
    "version 6 without b_dec's switch": (config(apply_b_dec_to_input=...), PLAIN),
    "version 6 with a shared scale": (config(normalize_activations="expected_average_only_in"), PLAIN),
}


@pytest.mark.parametrize("form", OLD_FORMS)
def test_every_version_reads_as_in_saelens(form: str, tmp_path: Path) -> None:
    given, names = OLD_FORMS[form]
    path = folder(tmp_path / "one", given, weights(names))
    one, right = load_dictionary(path), theirs(path)
    x = torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        shaped = x.view(5, 8, 16)
        torch.testing.assert_close(one.encode(x), right.encode(shaped), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(one.reconstruct(x), right(shaped).reshape(5, WIDTH), rtol=1e-5, atol=1e-5)
    assert one.model == "demo"


def test_an_old_file_is_written_in_the_new_form(tmp_path: Path) -> None:
    """What a file of version 3 says of its version does not make our own file one of version 3."""
    given = old(sae_lens_training_version="3.1.0", sae_lens_version="3.1.0")
    one = load_dictionary(folder(tmp_path / "one", given, weights(PLAIN)))
    write_saelens_folder(one, tmp_path / "two")
    again = load_dictionary(tmp_path / "two")
    assert (again.processing, again.site, again.model) == (one.processing, one.site, "demo")
    assert again.processing.fold_value_biases and not again.processing.center_writing_weights


def test_a_log_threshold_is_a_threshold(tmp_path: Path) -> None:
    state = weights((*PLAIN, "log_threshold"))
    one = load_dictionary(folder(tmp_path / "one", config("jumprelu"), state))
    x = torch.randn(5, WIDTH)
    value = x @ state["W_enc"] + state["b_enc"]
    right = value * (value > state["log_threshold"].exp())
    torch.testing.assert_close(one.encode(x), right, rtol=1e-5, atol=1e-5)
    assert 0 < int((right > 0).sum()) < int((value > 0).sum())


@pytest.mark.parametrize("name", ["scaling_factor", "finetuning_scaling_factor"])
def test_a_scaling_factor_scales_what_is_decoded(name: str, tmp_path: Path) -> None:
    state = weights((*PLAIN, name))
    path = folder(tmp_path / "one", old(apply_b_dec_to_input=False, finetuning_scaling_factor=True), state)
    one = load_dictionary(path)
    x = torch.randn(5, WIDTH)
    values = torch.relu(x @ state["W_enc"] + state["b_enc"])
    torch.testing.assert_close(one.encode(x), values, rtol=1e-5, atol=1e-5)
    right = (values * state[name]) @ state["W_dec"] + state["b_dec"]
    torch.testing.assert_close(one.reconstruct(x), right, rtol=1e-5, atol=1e-4)
    state[name] = torch.ones(FEATURES)  # SAELens added ones for a time, to all files
    load_dictionary(folder(tmp_path / "one", old(), state))


REFUSED: dict[str, tuple[dict[str, Any], dict[str, torch.Tensor], str]] = {
    "unused scaling": (old(), weights((*PLAIN, "scaling_factor")), "holds 'scaling_factor' that is not one everywhere"),
    "unknown tensor": (config(), weights(PLAIN) | {"W_more": torch.ones(2)}, "holds 'W_more', which the architecture 'standard'"),
    "threshold of a standard": (config(), weights((*PLAIN, "threshold")), "holds 'threshold', which"),
    "encoder's bias of a gated": (config("gated"), weights((*GATED, "b_enc")), "holds 'b_enc', which"),
    "no threshold": (config("jumprelu"), weights(PLAIN), "'jumprelu' and holds no threshold"),
    "no threshold of an unfinished batch-top-k": (config("batchtopk", k=5), weights(PLAIN), "holds no topk_threshold"),
    "no skip": (config("skip_transcoder", OF_MLP, d_out=WIDTH), weights(PLAIN), "holds no W_skip"),
    "a skip too many": (config("transcoder", OF_MLP, d_out=WIDTH), weights((*PLAIN, "W_skip")), "holds 'W_skip', which"),
    "no decoder": (config(), weights(("W_enc", "b_enc", "b_dec")), "holds no W_dec"),
    "d_sae": (config(d_sae=FEATURES + 1), weights(PLAIN), r"W_enc of shape \[128, 40\].*makes it \[128, 41\]"),
    "d_in": (config(d_in=WIDTH - 1), weights(PLAIN), r"makes it \[127, 40\]"),
    "d_out": (config("transcoder", OF_MLP, d_out=64), weights(PLAIN), r"makes it \[40, 64\]"),
    "no d_sae": (config(d_sae=...), weights(PLAIN), "has d_sae missing"),
    "topk without k": (config("topk"), weights(PLAIN), "is a top-k dictionary with k missing"),
    "old topk without k": (old(activation_fn_str="topk"), weights(PLAIN), "is a top-k dictionary with k missing"),
    "old topk with k 0": (old(activation_fn="topk", activation_fn_kwargs={"k": 0}), weights(PLAIN), "with k 0"),
    "more active than there are": (config("topk", k=41), weights(PLAIN), "41 features active at once and 40 in all"),
    "abstopk": (config("abstopk", k=5), weights(PLAIN), "largest magnitude with their sign; here a feature is active above 0"),
    "signed topk": (old(activation_fn="topk", activation_fn_kwargs={"k": 5, "signed": True}), weights(PLAIN), "top-k with signs"),
    "matching pursuit": (config("matching_pursuit"), weights(PLAIN), "one after another"),
    "unknown architecture": (config("crosscoder"), weights(PLAIN), "has the architecture 'crosscoder'; standard, gated"),
    "b_dec of a transcoder": (config("transcoder", OF_MLP, apply_b_dec_to_input=True), weights(PLAIN), "takes b_dec from its input"),
    "an SAE that writes elsewhere": (config(metadata=OF_MLP), weights(PLAIN), "an SAE writes what it reads"),
    "one head": (config(metadata={**HOOKS, "hook_head_index": 3}), weights(PLAIN), "reads one head alone"),
    "an unknown normalisation": (config(normalize_activations="batch"), weights(PLAIN), "a way that is not known"),
    "whole numbers": (config(), weights(PLAIN) | {"W_enc": torch.ones(WIDTH, FEATURES, dtype=torch.int8)}, "'W_enc' as I8"),
    "threshold of no number": (config("jumprelu"), weights((*PLAIN, "threshold")) | {"threshold": torch.full((FEATURES,), torch.nan)}, "not numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_a_wrong_number_is_refused(case: str, tmp_path: Path) -> None:
    given, state, said = REFUSED[case]
    with pytest.raises(InputError, match=said) as told:
        load_dictionary(folder(tmp_path / "one", given, state))
    text = str(told.value)
    assert text.startswith("The dictionary '") and text.endswith(".") and "\n" not in text


def test_a_configuration_without_weights_names_whose_it_is(tmp_path: Path, demo: Any) -> None:
    (tmp_path / "layers.3.mlp").mkdir()
    (tmp_path / "layers.3.mlp" / CONFIG).write_text(json.dumps(config()))
    (tmp_path / "layers.3.mlp" / "ae.pt").touch()
    for read in (lambda p: load_dictionary(p), lambda p: load_dictionaries([p.parent], demo.model)):
        with pytest.raises(
            InputError,
            match=r"there is no file sae_weights.safetensors .*\(dictionary_learning keeps them in",
        ):
            read(tmp_path / "layers.3.mlp")


def test_opening_measures_the_fit_and_warns_where_it_is_bad(tmp_path: Path, demo: Any) -> None:
    """A dictionary that is the identity leaves nothing; one of noise, or of another form of the model, is told."""
    model, eye = demo.model, torch.eye(WIDTH)
    perfect = Dictionary(
        "perfect", "standard", load_dictionary(folder(tmp_path / "x", config(), weights(PLAIN))).site,
        torch.cat([eye, -eye], 1), torch.zeros(2 * WIDTH), torch.cat([eye, -eye]), torch.zeros(WIDTH), model="demo",
    )  # fmt: skip
    write_saelens_folder(perfect, tmp_path / "perfect")
    (one,) = load_dictionaries([tmp_path / "perfect"], model)
    assert one.unexplained == pytest.approx(0, abs=1e-8) and not one.misfit
    assert "0.0% unexplained" in repr(one) and load_dictionary(tmp_path / "perfect").unexplained is None
    with pytest.warns(UserWarning, match="'x' leaves .* of the variance at a1 unexplained"):
        (noise,) = load_dictionaries([tmp_path / "x"], model)
    assert noise.unexplained is not None and noise.unexplained > 0.5
