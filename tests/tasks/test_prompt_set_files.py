"""Sets as files: whatever is done with them, no pair is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuitviz.errors import InputError
from circuitviz.tasks.prompt_set_files import (
    delete_prompt_set,
    duplicate_prompt_set,
    find_free_name,
    list_saved_sets,
    rename_prompt_set,
    restore_prompt_set,
)
from circuitviz.tasks.prompt_sets import PromptRow, find_prompt_set, list_prompt_sets, save_prompt_set

ROW = PromptRow("a", "b", " c", " d")


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def read(name: str) -> str:
    file = find_prompt_set(name)
    assert file is not None
    return file.read_text()


def test_a_set_is_renamed_and_copied() -> None:
    save_prompt_set("cities", [ROW, ROW])
    text = read("cities")
    assert duplicate_prompt_set("cities") == "cities 2" and duplicate_prompt_set("cities") == "cities 3"
    assert (
        rename_prompt_set("cities", " towns ") == "towns" and rename_prompt_set("towns", "towns") == "towns"
    )
    assert list_prompt_sets() == ["cities 2", "cities 3", "towns"]
    assert {read(name) for name in list_prompt_sets()} == {text}
    assert [saved.n_pairs for saved in list_saved_sets()] == [2, 2, 2]


def test_a_name_that_is_taken_or_impossible_is_refused() -> None:
    save_prompt_set("cities", [ROW])
    save_prompt_set("towns", [PromptRow("other", "x", " c", " d")])
    before = read("towns")
    for name in ("towns", "ioi", "a/b", " "):
        with pytest.raises(InputError, match="would be right"):
            rename_prompt_set("cities", name, ("ioi",))
    with pytest.raises(InputError, match="'gone'"):
        rename_prompt_set("gone", "here")
    assert read("towns") == before and list_prompt_sets() == ["cities", "towns"]
    assert find_free_name("towns", ("towns 2",)) == "towns 3"


def test_every_deleted_set_can_be_brought_back() -> None:
    for text in ("first", "second"):
        save_prompt_set("cities", [PromptRow(text, "b", " c", " d")])
        delete_prompt_set("cities")
    assert list_prompt_sets() == []
    latest, earlier = list_saved_sets()
    assert latest.is_deleted and earlier.is_deleted and latest.name == earlier.name == "cities"
    assert [restore_prompt_set(saved.file) for saved in (latest, earlier)] == ["cities", "cities 2"]
    assert "second" in read("cities") and "first" in read("cities 2")
