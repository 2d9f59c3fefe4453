"""The shipped weights reach the figures on their card, and held out is held out."""

from __future__ import annotations

import json
import re
from itertools import combinations, islice

import pytest
from slow_path import DEMO, plain
from transformers import AutoTokenizer

from circuitviz.tasks.word_lists import EVENTS, NAMES, NOUNS, OBJECTS, PLACES
from circuitviz.training.demo.behaviours import measure_behaviours
from circuitviz.training.demo.corpus import (
    DemoCorpus,
    held_out_name_pairs,
    held_out_noun_pairs,
    held_out_years,
    is_held_out,
)

FIGURES = json.loads((DEMO / "figures.json").read_text())


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(DEMO)


def test_the_weights_reach_their_figures_and_the_bounds(tokenizer) -> None:
    found = measure_behaviours(plain(DEMO).eval(), tokenizer)
    assert found == pytest.approx(FIGURES, abs=1e-3)
    assert found["ioi_accuracy"] >= 0.98
    assert found["greater_than_probability_difference"] >= 0.8
    assert found["agreement_accuracy"] >= 0.97
    card = (DEMO / "README.md").read_text()
    for value in FIGURES.values():
        assert f"| {value:.3f} |" in card


def test_training_text_never_holds_a_held_out_combination() -> None:
    singular = {form: pair[0] for pair in NOUNS for form in pair}
    seen = 0
    for passage in islice(DemoCorpus(1).passages(), 20_000):
        for sentence in re.split(r"(?<=\.) ", passage):
            words = re.findall(r"[A-Za-z]+|\d+", sentence)
            names = {w for w in words if w in NAMES}
            assert not [p for p in combinations(sorted(names), 2) if is_held_out(*p)], sentence
            nouns = {singular[w] for w in words if w in singular}
            assert not [p for p in combinations(sorted(nouns), 2) if is_held_out(*p)], sentence
            starts = re.findall(r"\b(\d\d)(\d\d)\b", sentence)[:1]
            assert not [p for p in starts if is_held_out(p[0], "year " + p[1])], sentence
            seen += len(names) > 1
    assert seen > 2000


def test_something_is_held_out_of_everything() -> None:
    assert len(held_out_name_pairs()) > 100 and len(held_out_years()) > 50 and len(held_out_noun_pairs()) > 50


def test_names_are_one_token_years_two_and_any_text_comes_back(tokenizer) -> None:
    plurals = [form for pair in NOUNS for form in pair]
    for word in (*NAMES, *PLACES, *OBJECTS, *EVENTS, *plurals):
        assert len(tokenizer(f" {word}")["input_ids"]) == 1, word
    for name in NAMES:
        assert len(tokenizer(name)["input_ids"]) == 1, name
    assert tokenizer.convert_ids_to_tokens(tokenizer(" 1741")["input_ids"]) == ["Ġ17", "41"]
    for text in ("Quizzical Zürich: 3,14 × 2026 = ?!", "日本語 and\nnew lines\t☃", "a1b22c333"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer.bos_token_id not in tokenizer("Mary")["input_ids"]


def test_it_is_small_and_safe() -> None:
    files = [f for f in DEMO.rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) < 8_000_000
    assert {f.suffix for f in files} <= {".json", ".safetensors", ".md"}


def test_training_is_reproducible(tokenizer) -> None:
    from circuitviz.training.demo.train_model import ModelRecipe, train_model

    recipe = ModelRecipe(steps=2, batch=4, layers=1, heads=2, width=16)
    losses: list[list[float]] = [[], []]
    for run in losses:
        train_model(recipe, tokenizer, lambda step, loss, seconds, model, run=run: run.append(loss))
    assert losses[0] == losses[1] and losses[0]
