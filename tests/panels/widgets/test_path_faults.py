"""What is wrong with a path is said before anything is started with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuitviz.panels.widgets.path_faults import model_fault, new_folder_fault, task_fault, text_file_fault


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("words")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    return tmp_path


def test_files_to_read(folder: Path) -> None:
    assert not text_file_fault("") and not text_file_fault(str(folder / "text.txt"))
    assert "no file" in text_file_fault(str(folder / "gone.txt"))
    assert "is a folder" in text_file_fault(str(folder))
    assert "is empty" in text_file_fault(str(folder / "empty.txt"))


def test_folders_to_write_to(folder: Path) -> None:
    assert not new_folder_fault(str(folder)) and not new_folder_fault(str(folder / "a" / "b"))
    assert "is a file" in new_folder_fault(str(folder / "text.txt"))
    assert new_folder_fault("")


@pytest.mark.parametrize("name", ["gpt2", "EleutherAI/pythia-70m", "demo"])
def test_names_of_models_are_not_looked_up(name: str) -> None:
    assert not model_fault(name)


def test_folders_of_models(folder: Path) -> None:
    assert not model_fault(str(folder / "model"))
    assert "config.json" in model_fault(str(folder))
    assert "no folder" in model_fault(str(folder / "gone"))
    assert "is a file" in model_fault(str(folder / "text.txt"))


def test_tasks_by_name_or_file(folder: Path) -> None:
    names = ("ioi", "capital cities")
    assert not task_fault("ioi", names) and not task_fault("capital cities", names)
    assert not task_fault(str(folder / "text.txt"), names)
    assert "'capital cities'" in task_fault("capital citys", names)
    assert "no file" in task_fault("gone.jsonl", names) and "is empty" in task_fault(
        str(folder / "empty.txt"), names
    )
