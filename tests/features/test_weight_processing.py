"""What a dictionary reads is what TransformerLens' own processed model has at its hook, for every processing."""

from __future__ import annotations

import copy
import warnings
from itertools import product
from typing import Any

import pytest
import torch
from slow_path import DEMO

from circuitviz.errors import InputError
from circuitviz.features import Dictionary, DictionarySite, WeightProcessing, fit_processing, run_prompt
from circuitviz.features.dictionary_fit import unexplained_variance
from circuitviz.features.weight_processing import FOLDED_PROCESSING, RAW_PROCESSING, stated_processing

TOKENS = [3, 17, 250, 4, 99, 1021, 8]
WIDTH, HEADS, LAYER = 32, 4, 1  # of neither the vocabulary's size nor the MLP's: fold_ln guesses axes by them
SWITCHES = ("fold_ln", "center_writing_weights", "fold_value_biases")
HOOKS = {  # hook read, hook written: TransformerLens' names
    "z": ("attn.hook_z", None),
    "attention": ("hook_attn_out", None),
    "mlp": ("hook_mlp_out", None),
    "transcoder": ("ln2.hook_normalized", "hook_mlp_out"),
    "stream": ("hook_resid_mid", "hook_mlp_out"),
}


@pytest.fixture(scope="module")
def plain() -> Any:
    """A random GPT-2 whose biases and normalisations are no identities."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    hf = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=1300,
            n_layer=3,
            n_head=HEADS,
            n_embd=WIDTH,
            attn_implementation="eager",
            initializer_range=0.25,
        )
    )
    for name, parameter in hf.named_parameters():
        if name.endswith("bias") or "ln_" in name:
            parameter.data += torch.randn(parameter.shape) * 0.3
    return hf.eval()


@pytest.fixture(scope="module")
def model(plain: Any) -> Any:
    from transformers import AutoTokenizer

    from circuitviz.models import from_hugging_face

    return from_hugging_face(copy.deepcopy(plain), AutoTokenizer.from_pretrained(DEMO), "gpt2")


_caches: dict[tuple[bool, ...], dict[str, torch.Tensor]] = {}


def processed(plain: Any, switches: dict[str, bool]) -> dict[str, torch.Tensor]:
    """Activations of the model as TransformerLens processes it, made once: nothing of ours is used."""
    key = tuple(switches.values())
    if key not in _caches:
        _caches[key] = _processed(plain, switches)
    return _caches[key]


def _processed(plain: Any, switches: dict[str, bool]) -> dict[str, torch.Tensor]:
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hf = copy.deepcopy(plain)
        bridge = TransformerBridge.boot_transformers("gpt2", hf_model=hf, tokenizer=tokenizer, device="cpu")
        bridge.enable_compatibility_mode(disable_warnings=True, center_unembed=False, **switches)
        with torch.no_grad():
            logits, cache = bridge.run_with_cache(torch.tensor([TOKENS]))
            right = plain(torch.tensor([TOKENS])).logits
    difference = logits - right  # centred writing weights change nothing but rounding
    assert float(difference.abs().max()) < 1e-3
    return {name: value[0] for name, value in cache.items()}


def dictionary(hook: str, hook_out: str | None, processing: WeightProcessing) -> Dictionary:
    """The identity, as far as widths go."""
    block = f"blocks.{LAYER}."
    return Dictionary(
        name=hook,
        architecture="transcoder" if hook_out else "standard",
        site=DictionarySite.from_hooks(block + hook, block + hook_out if hook_out else None),
        encoder=torch.eye(WIDTH),
        bias=torch.zeros(WIDTH),
        decoder=torch.eye(WIDTH),
        decoder_bias=torch.zeros(WIDTH),
        processing=processing,
    )


@pytest.mark.parametrize("on", list(product((False, True), repeat=3)), ids=str)
def test_what_is_read_is_what_the_processed_model_has(plain: Any, model: Any, on: tuple[bool, ...]) -> None:
    switches = dict(zip(SWITCHES, on, strict=True))
    cache, run = processed(plain, switches), run_prompt(model, TOKENS)
    weight, bias = (
        plain.transformer.h[LAYER].ln_2.weight.detach(),
        plain.transformer.h[LAYER].ln_2.bias.detach(),
    )
    for kind, (hook, hook_out) in HOOKS.items():
        one = dictionary(hook, hook_out, WeightProcessing(**switches))
        theirs = cache[f"blocks.{LAYER}.{hook}"].reshape(len(TOKENS), -1)
        if kind == "transcoder" and not switches["fold_ln"]:
            # HookedTransformer, which SAELens trains on, hooks it behind the weights, the bridge before them
            theirs = theirs * weight + bias
        torch.testing.assert_close(
            run.dictionary_input(one), theirs, rtol=1e-5, atol=1e-5, msg=lambda m, k=kind: f"{k}: {m}"
        )


@pytest.mark.parametrize("on", list(product((False, True), repeat=3)), ids=str)
def test_what_should_be_rebuilt_is_what_the_processed_model_writes(
    plain: Any, model: Any, on: tuple[bool, ...]
) -> None:
    """A transcoder fitted by least squares to the processed model's activations leaves as much here."""
    switches = dict(zip(SWITCHES, on, strict=True))
    cache, run = processed(plain, switches), run_prompt(model, TOKENS)
    for hook in ("hook_attn_out", "hook_mlp_out"):
        written = cache[f"blocks.{LAYER}.{hook}"]
        one = dictionary(hook, None, WeightProcessing(**switches))
        made = one.reconstruct(written)[1:]
        spread = written[1:] - written[1:].mean(0)
        right = (written[1:] - made).square().sum() / spread.square().sum()
        assert unexplained_variance(one, [run]) == pytest.approx(float(right), rel=1e-4)


def test_the_form_that_fits_is_found_among_those_a_site_can_notice(plain: Any, model: Any) -> None:
    run = run_prompt(model, TOKENS)
    for hook, hook_out in HOOKS.values():
        if hook_out:
            continue
        for form in dictionary(hook, None, RAW_PROCESSING).processing.alternatives(
            DictionarySite.from_hooks(f"blocks.0.{hook}").reads
        ):
            right = dictionary(hook, None, form)
            mean = run.dictionary_input(right).mean(
                0
            )  # a dictionary with a bias knows the mean of what it was trained on
            x = run.dictionary_input(right) - mean
            basis = torch.linalg.svd(x, full_matrices=False).Vh[:-1]
            encoder = torch.cat([basis, -basis]).T
            fitted = Dictionary(
                "f", "standard", right.site, encoder, -(mean @ encoder), torch.cat([basis, -basis]), mean
            )
            found = fit_processing(fitted, [run])
            assert (
                found.unexplained_by_processing[form] == min(found.unexplained_by_processing.values()) < 1e-3
            )


OLD, NEW = {"sae_lens_training_version": "3.19.1"}, {"sae_lens_version": "3.19.2"}
KWARGS = "model_from_pretrained_kwargs"


@pytest.mark.parametrize(
    ("about", "right"),
    [
        ({}, RAW_PROCESSING),
        ({"sae_lens_version": "6.54.12"}, RAW_PROCESSING),
        (NEW, RAW_PROCESSING),
        ({**NEW, "model_class_name": "HookedTransformer"}, RAW_PROCESSING),
        (
            {**NEW, KWARGS: {"center_writing_weights": False}},
            RAW_PROCESSING,
        ),  # what SAELens writes by default
        ({**NEW, KWARGS: {"center_writing_weights": True}}, WeightProcessing(center_writing_weights=True)),
        ({**NEW, KWARGS: {"fold_ln": True}}, WeightProcessing(fold_ln=True)),
        ({KWARGS: {"fold_ln": False, "n_devices": 2}}, RAW_PROCESSING),
        (OLD, FOLDED_PROCESSING),
        ({**OLD, KWARGS: {}}, WeightProcessing(True, True, True)),
        ({**OLD, KWARGS: {"center_writing_weights": False}}, FOLDED_PROCESSING),
        ({**OLD, KWARGS: {"fold_ln": False}}, WeightProcessing(False, True, True)),
        ({**OLD, "model_class_name": "AutoModelForCausalLM"}, RAW_PROCESSING),
        ({**OLD, "sae_lens_version": "6.0.0"}, FOLDED_PROCESSING),  # trained by the old one
        ({"sae_lens_version": "6.54.0", "processing": "folded"}, FOLDED_PROCESSING),
    ],
)
def test_what_is_not_stated_follows_from_saelens_version(
    about: dict[str, Any], right: WeightProcessing
) -> None:
    assert stated_processing(about) == right


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (
            {KWARGS: {"fold_ln": "false"}},
            "has fold_ln 'false' in model_from_pretrained_kwargs; true or false",
        ),
        ({KWARGS: [1]}, "an object would be right"),
        ({"processing": "whitened"}, "processed as 'whitened'"),
        (
            {KWARGS: {"refactor_factored_attn_matrices": True}, "hook_name": "blocks.0.attn.hook_z"},
            "factored anew",
        ),
    ],
)
def test_a_statement_that_is_none_is_refused(about: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        stated_processing(about)


def test_models_with_rms_norm_are_not_centred() -> None:
    """TransformerLens leaves their writing weights alone whatever is asked for."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from circuitviz.models import from_hugging_face

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=1300,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=2,
        attn_implementation="eager",
    )
    model = from_hugging_face(
        LlamaForCausalLM(config), AutoTokenizer.from_pretrained(DEMO), "meta-llama/Llama-2-7b-hf"
    )
    run = run_prompt(model, TOKENS)
    one = dictionary("hook_mlp_out", None, WeightProcessing(center_writing_weights=True))
    assert torch.equal(run.dictionary_input(one), run.mlp[LAYER])
