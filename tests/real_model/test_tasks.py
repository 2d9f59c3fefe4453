"""Which built-in tasks a real model does, and the check's numbers against its plain logits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from circuitviz.errors import InputError
from circuitviz.evaluation import check_task
from circuitviz.models import Model
from circuitviz.tasks import load_task, tasks

DONE = ("ioi", "gender", "capitals", "induction")
KNOWN_TO_BE_REFUSED = ()


@pytest.mark.parametrize("name", DONE)
def test_the_model_does_what_it_is_known_to_do(model: Model, name: str) -> None:
    check = check_task(model, load_task(name, model, prompts=16, seed=1))
    assert check.warning == "" and check.accuracy.value > 0.8


def test_every_task_fits_the_tokenizer_or_is_refused_in_a_sentence(model: Model) -> None:
    for name in tasks.names():
        try:
            task = load_task(name, model, prompts=16)
        except InputError as error:
            assert name in KNOWN_TO_BE_REFUSED and str(error).count("\n") == 0
            continue
        assert len(task) == 16
        for i, pair in enumerate(task.pairs):
            ids = [model.tokens.encode(text) for text in (pair.clean, pair.corrupted)]
            assert len(ids[0]) == len(ids[1]) == int(task.lengths[i])


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
