"""Which built-in tasks a real model does, and the check's numbers against its plain logits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from circuitviz.evaluation import check_task
from circuitviz.models import Model
from circuitviz.tasks import load_task, tasks

DONE = ("ioi", "gender", "capitals", "induction")


@pytest.mark.parametrize("name", DONE)
def test_the_model_does_what_it_is_known_to_do(model: Model, name: str) -> None:
    check = check_task(model, load_task(name, model, prompts=16, seed=1))
    assert check.warning == "" and check.accuracy.value > 0.8


def test_every_task_fits_the_tokenizer(model: Model) -> None:
    """Its digits are tokens of their own, its words one token each, and no answer is made of two."""
    for name in tasks.names():
        task = load_task(name, model, prompts=16)
        for i, pair in enumerate(task.pairs):
            rows = [model.tokens.encode(text) for text in (pair.clean, pair.corrupted)]
            assert len(rows[0]) == len(rows[1]) == int(task.lengths[i])
            for answer in (*pair.correct, *pair.incorrect):
                assert model.tokens.encode(pair.clean + answer) == [
                    *rows[0],
                    model.tokens.answer_id(pair.clean, answer),
                ]


def test_it_does_not_answer_by_letters(model: Model) -> None:
    """It prefers one letter whatever the options are, which has to be told."""
    check = check_task(model, load_task("mcqa", model, prompts=24))
    assert check.warning.endswith("A circuit of a behaviour that is not there is noise.")


def test_the_numbers_are_those_of_the_plain_model(model: Model, folder: Path) -> None:
    task = load_task("capitals", model, prompts=6)
    hf = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    right, differences = [], []
    for i, pair in enumerate(task.pairs):
        row = task.clean[i, : int(task.lengths[i])][None]
        with torch.no_grad():
            logits = hf(row).logits[0, -1].double()
        correct, incorrect = (
            model.tokens.answer_id(pair.clean, answers[0]) for answers in (pair.correct, pair.incorrect)
        )
        right.append(float(logits[correct] > logits[incorrect]))
        differences.append(float(logits[correct] - logits[incorrect]))
    check = check_task(model, task)
    assert check.accuracy.value == sum(right) / 6
    assert check.clean.value == pytest.approx(sum(differences) / 6, abs=1e-3)
