"""Drafts of own prompts: written by one process, taken over by the next, also after it was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from circuitviz.tasks.prompt_drafts import DraftFile, drafts_folder, list_drafts
from circuitviz.tasks.prompt_sets import PromptRow

ROWS = (PromptRow("a\nb", "c", " d| e", ""), PromptRow("“", "", "", " f"))

WRITE_AND_WAIT = """
import sys, time
from circuitviz.tasks.prompt_drafts import DraftFile
from circuitviz.tasks.prompt_sets import PromptRow
draft = DraftFile()
draft.write(1, "mine", "", [PromptRow("typed before the crash")])
print("written", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_a_draft_is_listed_once_its_process_has_left_it() -> None:
    draft = DraftFile()
    draft.write(1, "mine", "set", ROWS)
    assert list_drafts() == []  # it is being written
    draft.leave()
    (saved,) = list_drafts()
    assert (saved.name, saved.set_name, saved.rows) == ("mine", "set", ROWS)
    other = DraftFile()
    taken = other.take_over_latest()
    assert taken is not None and taken.rows == ROWS and DraftFile().take_over_latest() is None
    other.write(1, "mine", "", ROWS[:1])
    assert len(list(drafts_folder().glob("*.json"))) == 1  # the same file goes on


def test_states_are_written_in_their_order() -> None:
    draft = DraftFile()
    draft.write(2, "new", "", ROWS)
    draft.write(1, "old", "", ROWS[:1])
    draft.leave()
    draft.write(2, "late", "", ROWS[:1])  # a write that was on its way when the draft was left
    assert [saved.name for saved in list_drafts()] == ["new"]
    draft.write(3, "next", "", ROWS)
    draft.leave()
    assert [saved.name for saved in list_drafts()] == ["next", "new"]


def test_nothing_is_kept_of_an_empty_table() -> None:
    draft = DraftFile()
    draft.write(1, "mine", "", ROWS)
    draft.write(2, "mine", "", [PromptRow()])
    draft.leave()
    assert list_drafts() == []


def test_what_cannot_be_read_is_left_alone() -> None:
    drafts_folder().mkdir(parents=True)
    for name, text in (
        ("a", "{"),
        ("b", "[]"),
        ("c", '{"rows": 3}'),
        ("d", '{"rows": [[1,2,3,4,5]], "name": ""}'),
    ):
        (drafts_folder() / f"{name}.json").write_text(text)
    assert list_drafts() == [] and DraftFile().take_over_latest() is None
    assert len(list(drafts_folder().glob("*.json"))) == 4


def test_the_draft_of_a_killed_process_is_taken_over() -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITE_AND_WAIT], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "written\n"
        assert DraftFile().take_over_latest() is None
    finally:
        process.kill()
        process.communicate()
    taken = DraftFile().take_over_latest()
    assert taken is not None and taken.rows == (PromptRow("typed before the crash"),)
