"""A model's tokenizer is what its own files say, also where a library would rather build another.

transformers 5 builds a tokenizer class anew from the vocabulary of ``tokenizer.json`` with the class's own
special tokens and splitting. Where that brings special tokens that the files do not name, the class is not
the files': a word-level tokenizer in a folder of a Qwen2 or GPT-2 would lose its words, and get a
beginning-of-sequence token that nobody gave it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TOKENIZER = "tokenizer.json"
BESIDE = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def load_tokenizer(where: str) -> Any:
    """The Hugging Face tokenizer of a folder or of a name, without any code that comes with it."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=False)
    text = _text(where, TOKENIZER)
    if text:
        text += "".join(_text(where, name) for name in BESIDE)
        if not all(_names(text, token) for token in tokenizer.all_special_tokens):
            return PreTrainedTokenizerFast.from_pretrained(where, trust_remote_code=False)
    return tokenizer


def _names(text: str, token: str) -> bool:
    """Whether a JSON text holds a token as a string, in either way of writing it."""
    return json.dumps(token) in text or json.dumps(token, ensure_ascii=False) in text


def _text(where: str, name: str) -> str:
    """A file of the tokenizer, empty where there is none."""
    from transformers.utils import cached_file

    path = cached_file(where, name, _raise_exceptions_for_missing_entries=False)
    return "" if path is None else Path(path).read_text(encoding="utf-8")
