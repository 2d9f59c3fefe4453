"""Own prompts on a real tokenizer and model: pieces of answers, and probabilities against Hugging Face alone."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from circuitviz.models import Model
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.prompt_inspection import inspect_row, measure_rows

ROW = PromptRow(
    "The capital of France is the city of", "The capital of Italy is the city of", " Paris", " Rome"
)


def test_probabilities_are_those_of_the_plain_model(model: Model, folder: Path) -> None:
    longer = PromptRow(
        f"{ROW.clean} light and love, the city of",
        f"{ROW.corrupted} light and love, the city of",
        " Paris",
        " Rome",
    )
    measured = measure_rows([inspect_row(row, model.tokens) for row in (ROW, longer)], model)
    hf = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for one in measured:
        for side, prompt in ((one.on_clean, one.row.clean), (one.on_corrupted, one.row.corrupted)):
            ids = [tokenizer.bos_token_id, *tokenizer(prompt, add_special_tokens=False)["input_ids"]]
            with torch.no_grad():
                log_probs = hf(torch.tensor([ids])).logits[0, -1].double().log_softmax(0)
            for value, answer in zip(side.answers, (" Paris", " Rome"), strict=True):
                (token,) = tokenizer(answer, add_special_tokens=False)["input_ids"]
                assert value.probability == pytest.approx(math.exp(log_probs[token]), rel=2e-3)
                assert value.rank == int((log_probs > log_probs[token]).sum())
    assert measured[0].is_answered_correctly


def test_what_the_tokenizer_parts_is_told_with_what_would_be_right(model: Model) -> None:
    one = inspect_row(PromptRow(ROW.clean, ROW.corrupted, "Madrid", " Astana"), model.tokens)
    assert "'Madrid' is 2 tokens: Mad|rid; '·Madrid' is one" in one.problem
    assert one.with_suggestions().correct == " Madrid" and one.with_suggestions().incorrect == " Ast"
    assert one.changed == {one.clean_tokens.index(" France")}
