"""A Gemma-3 that reads images too, of random weights and a few kilobytes."""

from __future__ import annotations

from typing import Any

import torch
from tiny_tokenizers import word_level


def gemma3() -> tuple[Any, Any]:
    """The Hugging Face model (text and vision) and its tokenizer."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    tokenizer = word_level("<bos>")
    words = len(tokenizer)
    text = {
        "vocab_size": words + 3, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "head_dim": 8,
        "num_attention_heads": 4, "num_key_value_heads": 2, "sliding_window": 4, "max_position_embeddings": 64,
        "query_pre_attn_scalar": 8, "initializer_range": 0.3, "pad_token_id": 0, "eos_token_id": None, "bos_token_id": None,
        "layer_types": ["sliding_attention", "full_attention"],
    }  # fmt: skip
    vision = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 28, "patch_size": 14}  # fmt: skip
    torch.manual_seed(0)
    config = Gemma3Config(
        text_config=text, vision_config=vision, boi_token_index=words, eoi_token_index=words + 1,
        image_token_index=words + 2, mm_tokens_per_image=4,
    )  # fmt: skip
    return Gemma3ForConditionalGeneration(config).eval(), tokenizer
