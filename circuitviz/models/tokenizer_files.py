"""Loading a tokenizer as its own files define it.

transformers 5 builds a tokenizer class anew from the vocabulary of ``tokenizer.json`` with the class's own
special tokens, splitting and normalisation. Where that brings special tokens that the files do not name, or
other tokens for the same text, the class does not fit the files: a word-level tokenizer in a folder of a
Qwen2 or GPT-2 would lose its words and get a beginning-of-sequence token, and one that splits numbers into
digits but names ``GPT2Tokenizer`` would not split them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils import cached_file

TOKENIZER_FILE = "tokenizer.json"
SPECIAL_TOKEN_FILES = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
PROBE_TEXTS = (
    " The war of 1741-1763 cost 12,345.67 lives;\n\n\tMary's  friend didn't SAY so...",
    "Ünïcode é e\u0301 ｆｕｌｌ 日本語 naïve ½ def f(x_1): return x**2  # TODO\r\n",
)
PROBED_TOKENS = 256  # tokens whose texts are compared too


def load_tokenizer(location: str) -> Any:
    """The Hugging Face tokenizer of a folder or of a name, without any code that comes with it."""
    tokenizer = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
    text = _read_text(location, TOKENIZER_FILE)
    if not text or type(tokenizer) is PreTrainedTokenizerFast:
        return tokenizer
    file_tokenizer = PreTrainedTokenizerFast.from_pretrained(location, trust_remote_code=False)
    text += "".join(_read_text(location, name) for name in SPECIAL_TOKEN_FILES)
    if not all(_contains_token(text, token) for token in tokenizer.all_special_tokens):
        return file_tokenizer
    if _gives_same_ids(tokenizer, file_tokenizer):
        return tokenizer
    for name in (
        "bos_token",
        "eos_token",
    ):  # GPT-2's files name the token, but only its class says what it is for
        if getattr(file_tokenizer, name) is None:
            setattr(file_tokenizer, name, getattr(tokenizer, name))
    return file_tokenizer


def _gives_same_ids(tokenizer_a: Any, tokenizer_b: Any) -> bool:
    """Whether two tokenizers give the same ids for ``PROBE_TEXTS`` and for texts of some tokens."""
    size = len(tokenizer_b)
    words = (tokenizer_b.decode([i]) for i in range(0, size, max(1, size // PROBED_TOKENS)))
    texts = [*PROBE_TEXTS, " ".join(words)]
    try:
        first, second = (
            tokenizer(texts, add_special_tokens=False)["input_ids"]
            for tokenizer in (tokenizer_a, tokenizer_b)
        )
    except Exception:  # a word-level tokenizer without an unknown token refuses other words
        return False
    return bool(first == second)


def _contains_token(text: str, token: str) -> bool:
    """Whether a JSON text holds a token as a string, in either way of escaping it."""
    return json.dumps(token) in text or json.dumps(token, ensure_ascii=False) in text


def _read_text(location: str, name: str) -> str:
    """The text of a tokenizer's file, empty where there is none."""
    path = cached_file(location, name, _raise_exceptions_for_missing_entries=False)
    return "" if path is None else Path(path).read_text(encoding="utf-8")
