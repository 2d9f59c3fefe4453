"""Dashboards that others made hold texts in which a feature fires; those texts can be traced here."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from circuitviz.errors import InputError
from circuitviz.features.explanations.explanation_files import parse_feature_place, read_records

_WHITESPACE_MARKS = {
    "Ġ": " ",
    "▁": " ",
    "Ċ": "\n",
    "⏎": "\n",
    "↵": "\n",
}  # how tools write spaces and line breaks
_BOS_TOKENS = ("<|endoftext|>", "<bos>", "<s>", "<|begin_of_text|>")


def read_example_texts(path: Path, site: str, feature: int) -> list[str]:
    """Texts of a dashboard's file in which a feature is said to fire, each once, in the file's order.

    Read are Neuronpedia's feature JSON and its exports of activations (JSONL, gzipped or not), and
    circuit-tracer's feature JSON. Where the file says which feature it is of, other features' texts are
    passed over. InputError where it holds none.
    """
    found: dict[str, None] = {}
    others: set[str] = set()
    try:
        for record in read_records(path):
            layer, number, part = parse_feature_place(record, path)
            known = number is None or number == feature
            known &= part in ("", site[0]) and (layer is None or str(layer) == site[1:])
            for tokens in _token_lists(record):
                if not known:
                    others.add(f"{part or '?'}{'' if layer is None else layer}.f{number}")
                elif text := _join_tokens(tokens):
                    found.setdefault(text)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise InputError(
            f"'{path}' could not be read as examples ({error}); a feature's JSON, or JSONL of activations "
            "(also .gz), can be."
        ) from error
    if not found:
        of_others = f"; it has some of {', '.join(sorted(others)[:3])}" if others else ""
        raise InputError(
            f"'{path}' holds no example of {site}.f{feature}{of_others}. A Neuronpedia or circuit-tracer "
            "file of that feature, with its activations, would be right."
        )
    return list(found)


def _token_lists(record: Mapping[str, Any]) -> Iterator[list[Any]]:
    """The token lists of a row: its own, or those of the examples inside it."""
    quantiles, activations = record.get("examples_quantiles"), record.get("activations")
    if isinstance(record.get("tokens"), list):
        yield record["tokens"]
    inside = activations if isinstance(activations, list) else []
    for quantile in quantiles if isinstance(quantiles, list) else []:
        more = quantile.get("examples") if isinstance(quantile, dict) else None
        inside = [*inside, *(more if isinstance(more, list) else [])]
    for one in inside:
        if isinstance(one, dict) and isinstance(one.get("tokens"), list):
            yield one["tokens"]


def _join_tokens(tokens: list[Any]) -> str:
    """The text that tokens spell, without what a prompt begins with anyway."""
    words = [str(token) for token in tokens]
    while words and words[0] in _BOS_TOKENS:
        words = words[1:]
    text = "".join(words)
    for sign, meant in _WHITESPACE_MARKS.items():
        text = text.replace(sign, meant)
    return text
