"""Whether a model does a task, against the plain Hugging Face model's logits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Case, make_case
from slow_path import DEMO, STORIES, plain

import circuitviz as cv
from circuitviz.__main__ import main
from circuitviz.errors import InputError
from circuitviz.formats import open_document
from circuitviz.graph import Interval, TaskCheck
from circuitviz.graph.task_check import TASK_CHECK_KEY
from circuitviz.tasks import PromptPair, Task, load_task
from circuitviz.workbench.methods_text import methods_paragraph

FOLDERS = {"demo": DEMO, "stories": STORIES}
TASKS = [("demo", "ioi"), ("demo", "sva"), ("demo", "greater-than"), ("stories", "gender")]


def plain_logits(case: Case, task: Task, corrupted: bool = False) -> torch.Tensor:
    """Logits of each prompt alone, without padding, from the Hugging Face model, float64 [prompts, vocabulary]."""
    hf = plain(FOLDERS[case.name]).double().eval()
    tokens = task.corrupted if corrupted else task.clean
    rows = [tokens[i, : int(task.lengths[i])][None] for i in range(len(task))]
    with torch.no_grad():
        return torch.cat([hf(row, use_cache=False).logits[:, -1] for row in rows])


def answers(case: Case, task: Task) -> list[tuple[list[int], list[int]]]:
    """Ids of correct and incorrect answers, from the texts of the pairs."""
    ids = case.model.tokens.answer_ids
    return [
        tuple([ids(pair.clean, text)[0] for text in texts] for texts in (pair.correct, pair.incorrect))
        for pair in task.pairs
    ]


@pytest.mark.parametrize(("model", "name"), TASKS)
def test_numbers_are_those_of_the_plain_model(model: str, name: str) -> None:
    case = make_case(model)
    task = load_task(name, case.model, prompts=24, seed=2)
    check = cv.check_task(case.model, task)
    right, values, chances = [], [], []
    for corrupted in (False, True):
        for row, (correct, incorrect) in zip(
            plain_logits(case, task, corrupted), answers(case, task), strict=True
        ):
            right.append(float(row[correct].max() > row[incorrect].max()))
            shown = row.softmax(0) if task.metric == "prob-diff" else row
            ours, theirs = shown[correct], shown[incorrect]
            is_summed = task.metric == "prob-diff"
            values.append(float(ours.sum() - theirs.sum() if is_summed else ours.mean() - theirs.mean()))
            chances.append(len(correct) / (len(correct) + len(incorrect)))
    right, values = np.array(right).reshape(2, -1), np.array(values).reshape(2, -1)
    assert check.accuracy.value == right[0].mean() and check.corrupted_accuracy.value == right[1].mean()
    assert check.chance == pytest.approx(np.mean(chances))
    assert check.clean.value == pytest.approx(values[0].mean(), abs=1e-4)
    assert check.corrupted.value == pytest.approx(values[1].mean(), abs=1e-4)
    assert check.difference.value == pytest.approx((values[0] - values[1]).mean(), abs=2e-4)
    assert (check.prompts, check.metric, check.task) == (24, task.metric, name)
    picks = np.random.default_rng(2).integers(24, size=(1000, 24))  # the documented bootstrap
    low, high = np.quantile(right[0][picks].mean(1), (0.025, 0.975))
    assert (check.accuracy.low, check.accuracy.high) == pytest.approx((low, high))
    low, high = np.quantile((values[0] - values[1])[picks].mean(1), (0.025, 0.975))
    assert (check.difference.low, check.difference.high) == pytest.approx((low, high), abs=2e-4)


def test_answers_that_are_wrong_are_warned_about(demo: Case) -> None:
    task = load_task("ioi", demo.model, prompts=16)
    assert cv.check_task(demo.model, task).warning == ""
    swapped = Task.from_pairs(
        "swapped",
        [replace(p, correct=p.incorrect, incorrect=p.correct) for p in task.pairs],
        demo.model.tokens,
    )
    warning = cv.check_task(demo.model, swapped).warning
    assert (
        warning.startswith("'demo' does not do the task 'swapped': accuracy 0.") and "chance 0.50" in warning
    )
    assert warning.endswith("A circuit of a behaviour that is not there is noise.")


def test_prompts_that_are_not_told_apart_are_warned_about(demo: Case) -> None:
    """The answers are right, but nothing that the corrupted prompt takes away decides them."""
    task = load_task("ioi", demo.model, prompts=16)
    same = Task.from_pairs("same", [replace(p, corrupted=p.clean) for p in task.pairs], demo.model.tokens)
    check = cv.check_task(demo.model, same)
    assert check.accuracy.value > 0.9 and check.difference.value == 0
    assert (
        "does not tell the clean from the corrupted prompts of the task 'same': logit-diff" in check.warning
    )


def test_without_incorrect_answers_the_whole_vocabulary_is_the_rival(demo: Case) -> None:
    task = load_task("ioi", demo.model, prompts=12)
    pairs = [replace(p, incorrect=()) for p in task.pairs]
    one_sided = Task.from_pairs("one-sided", pairs, demo.model.tokens, metric="log-prob")
    check = cv.check_task(demo.model, one_sided)
    logits = plain_logits(demo, one_sided)
    first = [
        int(row.argmax()) in correct
        for row, (correct, _) in zip(logits, answers(demo, one_sided), strict=True)
    ]
    assert check.accuracy.value == pytest.approx(np.mean(first))
    assert check.chance == pytest.approx(1 / logits.shape[1])
    never_first = replace(check, accuracy=Interval(0.0, 0.0, 0.0))
    assert check.warning == never_first.warning == ""  # the likelihood of the answer is what is asked for
    assert "does not do the task" in replace(never_first, two_sided=True).warning
    with pytest.raises(InputError, match="without incorrect"):
        cv.check_task(demo.model, one_sided, "logit-diff")


def test_one_prompt_has_no_interval_and_is_judged_by_its_value(demo: Case) -> None:
    pair = load_task("ioi", demo.model, prompts=1).pairs[0]
    right = cv.check_task(demo.model, Task.from_pairs("one", [pair], demo.model.tokens))
    assert right.accuracy == Interval(1.0) and right.warning == ""
    wrong = replace(pair, correct=pair.incorrect, incorrect=pair.correct)
    told = cv.check_task(demo.model, Task.from_pairs("one", [wrong], demo.model.tokens)).warning
    assert "accuracy 0.00 on 1 prompt, chance 0.50." in told


def test_the_command_line_prints_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["check-task", "-t", "ioi,capitals-distractor", "--prompts", "12"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["check-task", "-t", "ioi,sva", "--prompts", "12"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["task", "accuracy"] and [line.split()[0] for line in lines[1:3]] == [
        "ioi",
        "sva",
    ]
    assert main(["check-task", "-t", "all", "--prompts", "6", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["model"] == "demo" and {"ioi", "capitals", "reverse"} <= data["tasks"].keys()
    assert "needs" in data["tasks"]["capitals"]["refused"]
    found = data["tasks"]["ioi"]
    assert found["accuracy"].keys() == {"value", "low", "high"} and found["warning"] == ""
    out = tmp_path / "ioi.circuit"
    assert main(["discover", "--method", "eap", "--prompts", "12", "--json", "-o", str(out)]) == 0
    told = capsys.readouterr()
    check = json.loads(told.out)["task_check"]
    assert "demo on ioi: accuracy 1.00" in told.err and check["accuracy"]["value"] == 1.0
    document = open_document(out)
    assert document.state.scores is not None
    assert TaskCheck.of_scores(document.state.scores) == TaskCheck.from_dict(check)
    assert "accuracy on the clean prompts is 1.000" in methods_paragraph(document)
    del document.state.scores.info[TASK_CHECK_KEY]  # files from before hold none
    assert TaskCheck.of_scores(document.state.scores) is None
    assert "accuracy" not in methods_paragraph(document)


def test_a_pair_typed_by_hand_is_warned_about_before_the_search(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pairs = [
        PromptPair("So Mary said that", "So John said that", (" he",), (" she",)),
        PromptPair("So Anna said that", "So Tom said that", (" he",), (" she",)),
    ]
    path = tmp_path / "wrong.jsonl"
    path.write_text("".join(json.dumps(vars(pair)) + "\n" for pair in pairs))
    assert main(["discover", "-t", str(path), "--method", "eap", "--edges", "30"]) == 0
    assert "circuitviz: 'demo' does not do the task 'wrong': accuracy 0.00" in capsys.readouterr().err
