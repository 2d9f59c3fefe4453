"""A text has the ids that ``tokenizer.json`` gives it, whatever class the folder names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import GPT2Config, GPTNeoXConfig, LlamaConfig, Qwen2Config

from circuitviz.models.tokenizer_files import load_tokenizer

END = "<|endoftext|>"
MERGES = [("Ġ", "c"), ("Ġc", "a"), ("Ġca", "t"), ("1", "7"), ("17", "4"), ("4", "1"), ("S", "o")]
CONFIGS = {"gpt2": GPT2Config, "gpt_neox": GPTNeoXConfig, "llama": LlamaConfig, "qwen2": Qwen2Config}
CLASSES = (None, "GPT2Tokenizer", "Qwen2Tokenizer", "LlamaTokenizerFast", "PreTrainedTokenizerFast")
TEXTS = ("a cat in 1741", "So  A CAT\n17", "e\u0301 1 7")
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False)
FORMS = {  # SmolLM2 and StarCoder split digits, CodeGen does not; some lower or normalise text
    "plain": (BYTES, None),
    "digits": (pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), BYTES]), None),
    "pairs": (pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\p{N}{1,2}"), "isolated"), BYTES]), None),
    "lower": (BYTES, normalizers.Lowercase()),
}


def _write(folder: Path, model: str, kind: str | None, form: str, bos: str | None) -> Tokenizer:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    ids = {piece: at for at, piece in enumerate([*letters, *("".join(pair) for pair in MERGES)])}
    written = Tokenizer(models.BPE(ids, MERGES))
    written.pre_tokenizer, normalizer = FORMS[form]
    if normalizer is not None:
        written.normalizer = normalizer
    written.decoder = decoders.ByteLevel()
    written.add_special_tokens([END])
    written.save(str(folder / "tokenizer.json"))
    said = {"tokenizer_class": kind, "bos_token": bos, "eos_token": END}
    said = {name: value for name, value in said.items() if value is not None}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    CONFIGS[model]().save_pretrained(folder)
    return written


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", CONFIGS)
def test_ids_are_those_of_the_file(tmp_path: Path, model: str, form: str) -> None:
    """The tokenizers library alone reads the file; a class of transformers may split otherwise."""
    for kind in CLASSES:
        right = _write(tmp_path, model, kind, form, END)
        ours = load_tokenizer(str(tmp_path))
        for text in TEXTS:
            ids = right.encode(text, add_special_tokens=False).ids
            assert ours(text, add_special_tokens=False)["input_ids"] == ids, (kind, text)
        assert ours.bos_token == END and ours.bos_token_id == right.token_to_id(END)


@pytest.mark.parametrize("form", FORMS)
def test_gpt2s_class_says_which_token_of_the_file_begins_a_prompt(tmp_path: Path, form: str) -> None:
    """Its published files name ``<|endoftext|>`` and do not say what it is for."""
    _write(tmp_path, "gpt2", "GPT2Tokenizer", form, None)
    assert load_tokenizer(str(tmp_path)).bos_token == END
