"""Checkpoints that cannot be used as they are: one sentence, the same from the command line and the window."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_tokenizers import WORDS, qwen2, word_level

from circuitviz.cli import run
from circuitviz.errors import InputError
from circuitviz.jobs.failure import describe_failure
from circuitviz.models import load_model
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit

Change = Callable[[Path], None]


def configure(folder: Path, **values: Any) -> None:
    """Set keys of ``config.json``."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def rewrite_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    """Change the tensors of ``model.safetensors``."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small model's folder, with an unembedding of its own."""
    tokenizer = word_level("<s>")
    hf = qwen2(len(tokenizer) + 3)  # three embeddings that no token uses
    hf.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def cut_weights(folder: Path) -> None:
    """Leave no weights that could be read, so that a sentence on anything else came before them."""
    (folder / "model.safetensors").write_bytes(b"")


def quantised(**stated: Any) -> Change:
    def change(folder: Path) -> None:
        configure(folder, quantization_config=stated)
        cut_weights(folder)

    return change


def save_adapter(folder: Path) -> None:
    """As PEFT saves a LoRA: no ``config.json``."""
    (folder / "config.json").unlink()
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "someone/base", "peft_type": "LORA"})
    )


def save_adapter_with_model(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "a\nb"}))


def split_weights(folder: Path) -> list[str]:
    """Save the weights in three shards with an index; returns the shards' names."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    shards = [f"model-{i + 1:05}-of-00003.safetensors" for i in range(3)]
    for i, shard in enumerate(shards):
        save_file({name: tensors[name] for name in names[i::3]}, folder / shard, {"format": "pt"})
    weight_map = {name: shards[i % 3] for i, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": weight_map})
    )
    return shards


def lose_shard(folder: Path) -> None:
    (folder / split_weights(folder)[1]).unlink()


def lose_index(folder: Path) -> None:
    split_weights(folder)
    (folder / "model.safetensors.index.json").unlink()


def lose_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


def cut_shard(folder: Path) -> None:
    shard = folder / split_weights(folder)[2]
    shard.write_bytes(shard.read_bytes()[:-5])


def empty_index(folder: Path) -> None:
    split_weights(folder)
    (folder / "model.safetensors.index.json").write_text('{"weight_map": []}')


def need_code(folder: Path) -> None:
    """A type of the folder's own, whose files would leave a mark if they ran."""
    configure(
        folder,
        model_type="own",
        auto_map={"AutoConfig": "modeling_own.Config", "AutoModelForCausalLM": "modeling_own.Model"},
    )
    (folder / "modeling_own.py").write_text(
        f"import pathlib\npathlib.Path({str(folder.parent / 'mark')!r}).write_text('ran')\n"
    )


def other_tokenizer(folder: Path) -> None:
    """Fewer embeddings than the tokenizer has words."""
    qwen2(8).save_pretrained(folder)


QUANTISED = (
    "'{folder}': config.json says that the weights are quantised ({method}). Scores are computed from the "
    "matrices themselves, which such weights do not hold; the checkpoint that they were made from, in bfloat16, "
    "float16 or float32, would be right."
)
ADAPTER = (
    "'{folder}' holds an adapter (adapter_config.json){base}, and no model alone. Merge it into that model (peft: "
    "merge_and_unload, then save_pretrained) and give the merged folder, without adapter_config.json."
)
LACKING = (
    "The weights of '{folder}' lack parameters of the model (1, the first: '{tensor}'); the configuration that "
    "belongs to these weights, or whole weights, would be right."
)
CASES: dict[str, tuple[Change, str]] = {
    "bitsandbytes": (
        quantised(quant_method="bitsandbytes", load_in_4bit=True, bnb_4bit_quant_type="nf4"),
        QUANTISED.replace("{method}", "bitsandbytes"),
    ),
    "old bitsandbytes": (quantised(load_in_8bit=True), QUANTISED.replace("{method}", "{'load_in_8bit': True}")),
    "GPTQ": (quantised(quant_method="gptq", bits=4, group_size=128), QUANTISED.replace("{method}", "gptq")),
    "AWQ": (quantised(quant_method="awq", bits=4, version="gemm"), QUANTISED.replace("{method}", "awq")),
    "compressed tensors": (
        quantised(quant_method="compressed-tensors", format="float-quantized"),
        QUANTISED.replace("{method}", "compressed-tensors"),
    ),
    "MLX": (
        lambda folder: configure(folder, quantization={"group_size": 64, "bits": 4}),
        QUANTISED.replace("{method}", "{'group_size': 64, 'bits': 4}"),
    ),
    "in the configuration of the text": (
        lambda folder: configure(folder, text_config={"quantization_config": {"quant_method": "awq"}}),
        QUANTISED.replace("{method}", "awq"),
    ),
    "an adapter": (save_adapter, ADAPTER.replace("{base}", " for the model 'someone/base'")),
    "an adapter beside a model": (save_adapter_with_model, ADAPTER.replace("{base}", "")),
    "a shard missing": (
        lose_shard,
        "'{folder}' lacks 1 of the 3 shards that model.safetensors.index.json names, the first: "
        "'model-00002-of-00003.safetensors'. Download what is missing, or all of it again.",
    ),
    "an index without shards": (
        empty_index,
        "'{folder}' lacks the names of shards in model.safetensors.index.json. Download what is missing, or all of it "
        "again.",
    ),
    "shards without an index": (
        lose_index,
        "'{folder}' holds neither model.safetensors nor model.safetensors.index.json, which says what is in which shard. "
        "Download what is missing, or all of it again.",
    ),
    "no tokenizer": (
        lose_tokenizer,
        "'{folder}' holds no tokenizer, or one that has special tokens alone; the tokenizer.json that belongs to these "
        "weights would be right.",
    ),
    "an unembedding that is not tied": (
        lambda folder: rewrite_weights(folder, lambda tensors: tensors.pop("lm_head.weight")),
        LACKING.replace("{tensor}", "lm_head.weight"),
    ),
    "an embedding that is not tied": (
        lambda folder: rewrite_weights(folder, lambda tensors: tensors.pop("model.embed_tokens.weight")),
        LACKING.replace("{tensor}", "model.embed_tokens.weight"),
    ),
    "a bias missing": (
        lambda folder: rewrite_weights(folder, lambda tensors: tensors.pop("model.layers.0.self_attn.k_proj.bias")),
        LACKING.replace("{tensor}", "model.layers.0.self_attn.k_proj.bias"),
    ),
    "code of its own": (
        need_code,
        "The model '{folder}' brings Python code of its own (auto_map), which is never run; models of an architecture "
        "that transformers itself has work.",
    ),
    "another model's tokenizer": (
        other_tokenizer,
        "The tokenizer of '{folder}' has 12 tokens with ids up to 11 ('said'), but the model has embeddings for 0 to 7 "
        "alone (4 tokens have none); the tokenizer that belongs to these weights would be right.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_command_line_and_the_window_give_one_sentence(
    folder: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change, sentence = CASES[case]
    change(folder)
    expected = sentence.replace("{folder}", str(folder))
    assert run(["discover", "-m", str(folder), "-t", "ioi"]) == 2
    printed = capsys.readouterr()
    assert printed.err == f"circuitviz: {expected}\n" and printed.out == ""
    request = DiscoverCircuit(str(folder), "ioi", None, 4, 0, "eap", {}, "", "corrupted", "top", 20)
    with pytest.raises(InputError) as told:
        list(Engine().execute(request))
    failure = describe_failure(told.value, request.title, request)
    assert failure.message == expected and not failure.is_internal_error
    assert not (folder.parent / "mark").exists()


def test_a_shard_that_was_cut_short_is_named(folder: Path) -> None:
    cut_shard(folder)
    with pytest.raises(
        InputError, match=r"model-00003-of-00003.safetensors' is not a whole safetensors file"
    ):
        load_model(str(folder))


def test_shards_give_the_model_of_the_whole_file(folder: Path) -> None:
    whole = load_model(str(folder)).parameter_hash
    split_weights(folder)
    assert load_model(str(folder)).parameter_hash == whole


@pytest.mark.parametrize("kept", ["model.embed_tokens.weight", "lm_head.weight"])
def test_one_of_two_tied_weights_is_enough(tmp_path: Path, kept: str) -> None:
    """Where the configuration ties them, either name may be in the file, and the other is the same matrix."""
    tokenizer = word_level("<s>")
    hf = qwen2(len(tokenizer), tie_word_embeddings=True)
    hf.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    matrix = hf.model.embed_tokens.weight.detach()

    def keep(tensors: dict[str, torch.Tensor]) -> None:
        tensors.pop("model.embed_tokens.weight", None), tensors.pop("lm_head.weight", None)
        tensors[kept] = matrix.clone()

    rewrite_weights(tmp_path, keep)
    row = torch.tensor([[12, 1, 2, 3]])
    with torch.no_grad():
        expected = hf(row).logits[0, -1]
        ours = load_model(str(tmp_path)).logits(row, torch.tensor([3]))[0]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_an_added_token_without_an_embedding_is_refused_where_it_is_used(tmp_path: Path) -> None:
    """Fine-tunes add a token for padding and leave the embedding as it was; all other prompts work."""
    tokenizer = word_level("<s>")
    qwen2(len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(tmp_path)
    tokens = load_model(str(tmp_path)).tokens
    assert tokens.encode("a cat said") == [12, 2, 7, 11]
    with pytest.raises(
        InputError, match=r"gives '\[PAD\]' the id 13, but the model has embeddings for 0 to 12"
    ):
        tokens.encode("a cat [PAD]")


def test_embeddings_beyond_the_tokenizer_are_shown_by_their_number(folder: Path) -> None:
    model = load_model(str(folder))
    assert model.tokens.vocabulary_size == len(WORDS) + 1
    assert model.tokens.token_strings([11, 12, 13, 15]) == ["said", "<s>", "[13]", "[15]"]
    assert len(model.logits(torch.tensor([[12, 1]]), torch.tensor([1]))[0]) == len(WORDS) + 4


FP4_VALUES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # of E2M1's seven codes and zero


def pack_fp4(
    shape: tuple[int, int, int], draw: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random MXFP4 blocks and scales of a weight [experts, out, in], and its values as they are defined."""
    experts, rows, columns = shape
    codes = torch.randint(0, 16, shape, generator=draw)
    scales = torch.randint(123, 127, (experts, rows, columns // 32), generator=draw)
    table = torch.tensor([*FP4_VALUES, *(-value for value in FP4_VALUES)])
    values = table[codes] * torch.pow(2.0, scales - 127.0).repeat_interleave(32, -1)
    packed = (codes[..., ::2] | codes[..., 1::2] << 4).to(torch.uint8)  # the lower half comes first
    return packed.view(experts, rows, columns // 32, 16), scales.to(torch.uint8), values


def test_mxfp4_opens_with_the_values_that_it_stands_for(tmp_path: Path) -> None:
    """As gpt-oss is published; each value and the logits agree with the definition of the format."""
    from transformers import GptOssConfig, GptOssForCausalLM

    tokenizer, draw = word_level("<s>"), torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    config = GptOssConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, num_local_experts=4, num_experts_per_tok=2, max_position_embeddings=64,
        pad_token_id=None, bos_token_id=None, eos_token_id=None, attn_implementation="eager",
    )  # fmt: skip
    hf = GptOssForCausalLM(config).eval()
    hf.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    configure(tmp_path, quantization_config={"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]})
    packed: dict[str, torch.Tensor] = {}
    for i, layer in enumerate(hf.model.layers):
        for name in ("gate_up_proj", "down_proj"):
            weight = getattr(layer.mlp.experts, name)
            experts, columns, rows = weight.shape
            blocks, scales, values = pack_fp4((experts, rows, columns), draw)
            weight.data.copy_(values.transpose(1, 2))
            key = f"model.layers.{i}.mlp.experts.{name}"
            packed |= {f"{key}_blocks": blocks, f"{key}_scales": scales}

    def pack(tensors: dict[str, torch.Tensor]) -> None:
        for key in packed:
            tensors.pop(key.removesuffix("_blocks"), None)
        tensors.update(packed)

    rewrite_weights(tmp_path, pack)
    model = load_model(str(tmp_path))
    for name, value in hf.named_parameters():
        torch.testing.assert_close(model.parameters[name], value, rtol=0, atol=0)
    row = torch.tensor([[12, 1, 2, 3, 7]])
    with torch.no_grad():
        expected = hf(row).logits[0, -1]
        ours = model.logits(row, torch.tensor([4]))[0]
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
