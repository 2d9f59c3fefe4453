"""Names that are proposed for files."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuitviz.document import Document, State
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.document.origin import PromptOrigin, TaskOrigin
from circuitviz.workspace.file_names import propose_stem


def task_origin(model: str, task: str) -> TaskOrigin:
    return TaskOrigin(model, "", task, "", 0, 4, "logit-diff", "corrupted", "eap")


@pytest.mark.parametrize(
    ("model", "task", "stem"),
    [
        ("gpt2", "ioi", "ioi-gpt2"),
        ("EleutherAI/pythia-70m", "greater-than", "greater-than-pythia-70m"),
        ("/data/models/smollm2", "/srv/texts/my facts.csv", "my-facts-smollm2"),
    ],
)
def test_task_and_model(model: str, task: str, stem: str) -> None:
    assert propose_stem(Document(State(task_origin(model, task), None, None))) == stem


def test_a_prompt_by_its_first_words() -> None:
    query = AttributionQuery("demo", "When Mary and John went: to the store")
    stem = propose_stem(Document(State(PromptOrigin(query), None, None)))
    assert stem.startswith("When-Mary-and-John") and stem.endswith("-demo") and ":" not in stem


def test_the_name_of_the_file_where_there_is_one() -> None:
    document = Document(State(task_origin("gpt2", "ioi"), None, None))
    document.path = Path("/srv/texts/mine.circuit")
    assert propose_stem(document) == "mine"


def test_nothing_known() -> None:
    assert propose_stem(Document()) == "circuit"
