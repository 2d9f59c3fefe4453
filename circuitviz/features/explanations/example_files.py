"""Texts in which a feature is active, read from dashboards of other tools, to be traced here."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from circuitviz.errors import InputError
from circuitviz.features.explanations.explanation_files import parse_feature_place, read_records

_WHITESPACE_MARKS = {"Ġ": " ", "▁": " ", "Ċ": "\n", "⏎": "\n", "↵": "\n"}  # spaces and line breaks in tools
_BOS_TOKENS = ("<|endoftext|>", "<bos>", "<s>", "<|begin_of_text|>")


def read_example_texts(path: Path, site: str = "", feature: int = 0) -> list[str]:
    """Return the texts in which a feature is active according to a dashboard's file, each once.

    Files are Neuronpedia's feature JSON and its exports of activations (JSONL, gzipped or not), and
    circuit-tracer's feature JSON. Where the file names its features, other features' texts are skipped,
    unless no site is given: a file of one feature, whatever that is called there.

    Raises:
        InputError: The file cannot be read, or holds none.
    """
    texts: dict[str, None] = {}
    other_features: set[str] = set()
    try:
        for record in read_records(path):
            layer, index, site_part = parse_feature_place(record, path)
            is_wanted = index is None or index == feature
            is_wanted &= site_part in ("", site[:1]) and (layer is None or str(layer) == site[1:])
            is_wanted |= not site
            for tokens in _token_lists(record):
                if not is_wanted:
                    other_features.add(f"{site_part or '?'}{'' if layer is None else layer}.f{index}")
                elif text := _join_tokens(tokens):
                    texts.setdefault(text)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise InputError(
            f"'{path}' could not be read as examples ({error}); a feature's JSON, or JSONL of activations "
            "(also .gz), can be."
        ) from error
    if not texts:
        others_text = f"; it has some of {', '.join(sorted(other_features)[:3])}" if other_features else ""
        raise InputError(
            f"'{path}' holds no example of {site}.f{feature}{others_text}. A Neuronpedia or circuit-tracer "
            "file of that feature, with its activations, would be right."
        )
    return list(texts)


def _token_lists(record: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Iterate over the token lists of a row: its own, or those of the examples inside it."""
    quantiles, activations = record.get("examples_quantiles"), record.get("activations")
    if isinstance(record.get("tokens"), list):
        yield record["tokens"]
    examples = activations if isinstance(activations, list) else []
    for quantile in quantiles if isinstance(quantiles, list) else []:
        quantile_examples = quantile.get("examples") if isinstance(quantile, dict) else None
        examples = [*examples, *(quantile_examples if isinstance(quantile_examples, list) else [])]
    for example in examples:
        if isinstance(example, dict) and isinstance(example.get("tokens"), list):
            yield example["tokens"]


def _join_tokens(tokens: list[Any]) -> str:
    """Return the text that tokens spell, without what a prompt begins with anyway."""
    words = [str(token) for token in tokens]
    while words and words[0] in _BOS_TOKENS:
        words = words[1:]
    text = "".join(words)
    for mark, character in _WHITESPACE_MARKS.items():
        text = text.replace(mark, character)
    return text
