"""What is said of the row in front: each answer with its values, what is wrong, what would be right."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from circuitviz.panels.prompt_editor.row_details import RowDetails, format_probability
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.prompt_inspection import AnswerInspection, PromptReading, RowInspection


def value(token: str, probability: float, rank: int) -> Any:
    return SimpleNamespace(token=token, logit=1.0, probability=probability, rank=rank)


ROW = PromptRow("a", "b", " she|theater", " he")
ANSWERS = (
    AnswerInspection(" she", True, (" she",)),
    AnswerInspection("theater", True, ("the", "ater"), "is 2 tokens: the|ater", " theater"),
    AnswerInspection(" he", False, (" he",)),
)
CLEAN = PromptReading((value(" she", 0.5, 0), None, value(" he", 0.25, 1)), (value(" she", 0.5, 0),), None)
CORRUPTED = PromptReading(
    (value(" she", 0.00004, 1233), None, value(" he", 0.75, 0)), (value(" he", 0.75, 0),), None
)
ONE = RowInspection(
    ROW, ("a",), ("b",), ((0, 0),), frozenset({0}), "The answer 'theater' is 2 tokens.", "", ANSWERS,
    on_clean=CLEAN, on_corrupted=CORRUPTED,
)  # fmt: skip


@pytest.fixture
def details(qtbot: QtBot) -> RowDetails:
    details = RowDetails()
    qtbot.addWidget(details)
    details.resize(700, 300)
    details.show()
    return details


def test_each_answer_has_its_values_on_both_prompts(details: RowDetails) -> None:
    details.show_inspection(ROW, ONE)
    table = details.answer_table
    rows = [[table.item(i, j).text() for j in range(6)] for i in range(table.rowCount())]
    assert rows == [
        ["·she", "✓", "0.500", "1", "4e-05", "1,234"],
        ["theater", "is 2 tokens: the|ater", "", "", "", ""],
        ["·he", "✗", "0.250", "2", "0.750", "1"],
    ]
    assert "clean: ·she 0.500; corrupted: ·he 0.750" in details.likeliest_label.text()
    assert details.problem_label.isVisible() and details.note_label.isHidden()
    assert table.viewport().height() >= sum(table.rowHeight(i) for i in range(3))


def test_what_would_be_right_is_on_the_button(details: RowDetails) -> None:
    details.show_inspection(ROW, ONE)
    assert details.fix_button.isVisible() and "‘·theater’" in details.fix_button.text()
    assert ONE.with_suggestions().correct == " she| theater"


def test_nothing_is_shown_of_a_row_that_was_not_read(details: RowDetails) -> None:
    details.show_inspection(ROW, ONE)
    details.show_inspection(ROW, None)
    for part in (details.aligned_tokens, details.answer_table, details.fix_button, details.likeliest_label):
        assert part.isHidden()


def test_probabilities_tell_small_ones_apart() -> None:
    texts = [format_probability(p) for p in (0.9996, 0.0314159, 0.00031, 0.00004, 3e-12)]
    assert texts == ["1.000", "0.031", "0.0003", "4e-05", "3e-12"]
