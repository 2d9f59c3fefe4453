"""The demo model's tokenizer: byte-level, so that any text has tokens; a name is one token, a year two."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from circuitviz.training.demo.corpus import DemoCorpus, lexicon_lines

VOCABULARY_SIZE = 2048
BOS_TOKEN = "<|endoftext|>"


def train_tokenizer(seed: int, sentences: int = 20_000) -> Any:
    """Train a byte-level BPE tokenizer on the demo's text; returns a Hugging Face tokenizer.

    Digits are split in pairs before any merge, so ``1741`` is ``17`` and ``41``, never more.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?\d{1,2}"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[BOS_TOKEN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    text = [*lexicon_lines()] * 20 + list(islice(DemoCorpus(seed).passages(), sentences))
    tokenizer.train_from_iterator(text, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOS_TOKEN, eos_token=BOS_TOKEN, unk_token=BOS_TOKEN
    )


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json."""
    tokenizer.save_pretrained(folder)
