"""Names that are proposed for files."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuitviz.document import Document, State
from circuitviz.document.attribution_query import AttributionQuery
from circuitviz.document.origin import PromptOrigin, TaskOrigin
from circuitviz.workspace.file_names import propose_free_stem, propose_stem


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


def test_a_name_that_another_file_has_is_not_proposed(tmp_path: Path) -> None:
    document = Document(State(task_origin("gpt2", "ioi"), None, None))
    method = document.state.origin.method
    for name in ("ioi-gpt2", f"ioi-gpt2-{method}", f"ioi-gpt2-{method}-2", f"ioi-gpt2-{method}-3"):
        assert propose_free_stem(document, tmp_path, ".circuit") == name
        (tmp_path / f"{name}.circuit").touch()
    assert propose_free_stem(document, tmp_path, ".pdf") == "ioi-gpt2"
    document.path = tmp_path / "ioi-gpt2.circuit"
    assert propose_free_stem(document, tmp_path, ".circuit") == "ioi-gpt2", "it is this document's own"
