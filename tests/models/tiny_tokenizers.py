"""Small tokenizers with the settings that real ones have, and a small model to go with each."""

from __future__ import annotations

from typing import Any

import torch

WORDS = ("Once", "upon", "a", "time", "there", "was", "Lily", "cat", "dog", "he", "she", "said")
END = "<|endoftext|>"


def word_level(bos: str | None = None, adds: bool = False, eos: str | None = None) -> Any:
    """A tokenizer of words; ``bos`` and ``eos`` are special tokens of it, ``adds``: it prepends BOS itself."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = list(dict.fromkeys(token for token in (bos, eos) if token))
    ids = {word: at for at, word in enumerate((*WORDS, *special))}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=WORDS[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(special)
    if adds:
        _prepend(tokenizer, bos)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=bos, eos_token=eos)


def byte_level(bos: str | None = None, adds: bool = False, eos: str | None = END) -> Any:
    """Byte-level BPE; without arguments as Qwen2, Qwen2.5 and Qwen3 have it: no BOS, ``<|endoftext|>`` ends."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: at for at, letter in enumerate(letters)}
    for merged in ("Ġc", "Ġca", "Ġcat", "Ġd", "Ġdo", "Ġdog"):
        vocabulary[merged] = len(vocabulary)
    merges = [("Ġ", "c"), ("Ġc", "a"), ("Ġca", "t"), ("Ġ", "d"), ("Ġd", "o"), ("Ġdo", "g")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([token for token in (bos, eos) if token])
    if adds:
        _prepend(tokenizer, bos)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=bos, eos_token=eos)


def _prepend(tokenizer: Any, bos: str | None) -> None:
    from tokenizers import processors

    assert bos is not None
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A $B", special_tokens=[(bos, tokenizer.token_to_id(bos))]
    )


def qwen2(vocabulary: int, **more: Any) -> Any:
    """A Qwen2 of random weights, as ``Qwen2ForCausalLM`` makes it."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
        initializer_range=0.3, bos_token_id=None, eos_token_id=None, attn_implementation="eager", **more,
    )  # fmt: skip
    return Qwen2ForCausalLM(config).eval()
