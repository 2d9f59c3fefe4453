"""Built-in tasks read independently, on two tokenizers."""

from __future__ import annotations

import re

import pytest
from conftest import Case, make_case

from circuitviz.errors import InputError
from circuitviz.tasks import PromptPair, Task, load_task, tasks
from circuitviz.tasks import registry as task_registry
from circuitviz.tasks.word_lists import FEMALE_NAMES, NOUNS


@pytest.mark.parametrize("name", ["ioi", "greater-than", "sva", "gender"])
def test_pairs_have_equal_lengths_and_are_seeded(demo: Case, name: str) -> None:
    task = load_task(name, demo.model, prompts=40, seed=5)
    assert len(task) == 40 and len(set(task.pairs)) == 40
    for i, pair in enumerate(task.pairs):
        lengths = [len(demo.model.tokens.encode(t)) for t in (pair.clean, pair.corrupted)]
        assert lengths == [int(task.lengths[i])] * 2
        assert pair.clean != pair.corrupted
    again = load_task(name, demo.model, prompts=40, seed=5)
    other = load_task(name, demo.model, prompts=40, seed=6)
    assert task.hash == again.hash != other.hash
    assert task.metric == tasks.get(name).extra["metric"]


@pytest.mark.parametrize("order", ["mixed", "abba", "baba"])
def test_ioi_answers_with_the_name_that_comes_once(demo: Case, order: str) -> None:
    for pair in load_task("ioi", demo.model, prompts=30, order=order).pairs:
        names = [w for w in re.findall(r"[A-Z][a-z]+", pair.clean)[1:]]
        once = [n for n in names if names.count(n) == 1]
        assert pair.correct == (f" {once[0]}",) and len(once) == 1
        twice = next(n for n in names if names.count(n) == 2)
        assert pair.incorrect == (f" {twice}",)
        if order != "mixed":
            assert (names.index(once[0]) == 0) == (order == "abba")
        corrupted = re.findall(r"[A-Z][a-z]+", pair.corrupted)[1:]
        assert corrupted[:2] == names[:2] and len(set(corrupted)) == 3


def test_greater_than_answers_with_later_years(demo: Case) -> None:
    for pair in load_task("greater-than", demo.model, prompts=30).pairs:
        year = int(re.search(r"year \d\d(\d\d) to", pair.clean)[1])
        assert [int(y) for y in pair.correct] == list(range(year + 1, 100))
        assert [int(y) for y in pair.incorrect] == list(range(year + 1))
        assert re.search(r"year \d\d01 to", pair.corrupted)


def test_agreement_follows_the_first_noun(demo: Case) -> None:
    plurals = {p for _, p in NOUNS}
    for pair in load_task("sva", demo.model, prompts=30, misleading=True).pairs:
        words = pair.clean.split()
        plural = words[1] in plurals
        assert (" are" in pair.correct) == plural and (" is" in pair.incorrect) == plural
        assert (words[-1] in plurals) != plural


def test_gender_works_on_stories_and_the_demo(demo: Case) -> None:
    for case in (demo, make_case("stories")):
        for pair in load_task("gender", case.model, prompts=20).pairs:
            girl = any(re.search(rf"\b{name}\b", pair.clean) for name in FEMALE_NAMES)
            assert pair.correct == ((" she" if girl else " he"),)
    story = make_case("stories")
    task = load_task("gender", story.model, prompts=20)
    assert all(
        story.model.tokens.token_strings([int(t)])[0].strip() in ("she", "he") for t in task.correct[:, 0]
    )


def test_the_beginning_of_sequence_token_by_the_rule(demo: Case) -> None:
    for case in (demo, make_case("stories")):
        tokens = case.model.tokens
        bos = tokens.encode("Lily")[0]
        assert tokens.encode("Lily").count(bos) == 1
        assert tokens.encode("Lily", bos=False) == tokens.encode("Lily")[1:]
        assert tokens.token_strings([bos])[0] in ("<|endoftext|>", "<s>")


def test_too_small_a_vocabulary_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_registry, "MAX_FAILED_DRAWS", 10)  # 500 draws in vain take seconds
    stories = make_case("stories").model
    with pytest.raises(InputError, match="needs .* one token each"):
        load_task("ioi", stories)
    with pytest.raises(InputError, match="different ones"):
        load_task("gender", stories, prompts=100_000)


def test_a_typed_pair_is_a_task_and_its_errors_name_it(demo: Case) -> None:
    tokens = demo.model.tokens
    good = PromptPair("So Mary said that", "So John said that", (" she",), (" he",))
    assert len(Task.from_pairs("typed", [good], tokens)) == 1
    for pair, says in (
        (PromptPair("So Mary said that", "So John", (" she",)), "4|5 tokens"),
        (PromptPair("So Mary said that", "So John said that", (" antidisestablishment",)), "one token"),
        (PromptPair("So Mary said that", "So John said that", ()), "no correct answer"),
        (PromptPair("So Mary said that", "So John said that", (" she",), (" she",)), "as correct and"),
    ):
        with pytest.raises(InputError, match=says):
            Task.from_pairs("typed", [pair], tokens)
    with pytest.raises(InputError, match="no pair"):
        Task.from_pairs("typed", [], tokens)
