"""A set is read whole to be edited, or not at all: what is edited replaces it."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuitviz.errors import InputError
from circuitviz.tasks.prompt_sets import PromptRow, save_prompt_set
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.requests import read_task_rows
from circuitviz.workbench.requests.inspect_prompts import PromptsModel
from circuitviz.workbench.requests.read_task_rows import ReadTaskRows, RowsRead

REQUEST = ReadTaskRows(PromptsModel("demo", "cpu", "auto"), "many")


def save_rows(n_rows: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[PromptRow, ...]:
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    rows = tuple(PromptRow(f"a {n}", f"b {n}", " c", " d") for n in range(n_rows))
    save_prompt_set("many", rows)
    return rows


def test_a_large_set_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = save_rows(5001, tmp_path, monkeypatch)
    *_, reply = Engine().execute(REQUEST)
    assert isinstance(reply, RowsRead) and reply.rows == rows and reply.is_set


def test_a_set_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_task_rows, "MAX_ROWS", 3)
    rows = save_rows(3, tmp_path, monkeypatch)
    *_, reply = Engine().execute(REQUEST)
    assert isinstance(reply, RowsRead) and reply.rows == rows
    save_rows(4, tmp_path, monkeypatch)
    with pytest.raises(InputError, match="'many' has more pairs than the 3 "):
        list(Engine().execute(REQUEST))
