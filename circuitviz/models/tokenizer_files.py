"""A model's tokenizer is what its own files say, also where a library would rather build another.

transformers 5 builds a tokenizer class anew from the vocabulary of ``tokenizer.json`` with the class's own
special tokens and splitting. Where that adds tokens that the files do not have, the class is not the
files': a word-level tokenizer in a folder of a Qwen2 or GPT-2 then loses its words, and gets a
beginning-of-sequence token that nobody gave it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TOKENIZER, SETTINGS, ADDED = "tokenizer.json", "tokenizer_config.json", "added_tokens.json"


def load_tokenizer(where: str) -> Any:
    """The Hugging Face tokenizer of a folder or of a name, without any code that comes with it."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=False)
    written = _written(where)
    if written is not None and not set(tokenizer.get_vocab()) <= written:
        return PreTrainedTokenizerFast.from_pretrained(where, trust_remote_code=False)
    return tokenizer


def _written(where: str) -> set[str] | None:
    """Every token that the files name, None without ``tokenizer.json``."""
    tokenizer = _read(where, TOKENIZER)
    if tokenizer is None:
        return None
    vocabulary = tokenizer.get("model", {}).get("vocab", {})
    tokens = {piece if isinstance(piece, str) else piece[0] for piece in vocabulary}  # Unigram: pairs
    tokens |= {token["content"] for token in tokenizer.get("added_tokens", [])}
    settings = _read(where, SETTINGS) or {}
    tokens |= {token["content"] for token in settings.get("added_tokens_decoder", {}).values()}
    tokens |= set(_read(where, ADDED) or {})
    named = [settings.get(name) for name in settings if name.endswith("_token")]
    return tokens | {str(token["content"] if isinstance(token, dict) else token) for token in named if token}


def _read(where: str, name: str) -> Any:
    from transformers.utils import cached_file

    path = cached_file(where, name, _raise_exceptions_for_missing_entries=False)
    return None if path is None else json.loads(Path(path).read_text(encoding="utf-8"))
