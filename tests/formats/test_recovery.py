"""Killed at any moment, at most five seconds of work are lost; claims fall with their owners."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from edit_until_killed import GRAPH

from circuitviz.document import Document, Label, State, set_label
from circuitviz.errors import InputError
from circuitviz.formats import save_document
from circuitviz.formats.autosave import Autosave, find_recovered_work
from circuitviz.formats.file_lock import FileLock
from circuitviz.graph import Scores

KILLED, MOST_LOST, LONGEST_LIFE = 50, 5.0, 7.0


def document(seed: int = 0) -> Document:
    scores = Scores(GRAPH, np.random.default_rng(seed).normal(size=GRAPH.mask.shape), "eap")
    return Document(State(None, scores, scores.greedy(40)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork makes fifty processes at the price of one")
def test_fifty_processes_killed_at_random_moments_lose_at_most_five_seconds(tmp_path: Path) -> None:
    nursery = Path(__file__).parent / "edit_until_killed.py"
    command = [sys.executable, str(nursery), str(tmp_path), str(KILLED)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    children = [int(parent.stdout.readline()) for _ in range(KILLED)]
    pick, began = random.Random(0), time.monotonic()
    moments = sorted((began + pick.uniform(0, LONGEST_LIFE), seed) for seed in range(KILLED))
    died: dict[int, float] = {}
    try:
        for moment, seed in moments:
            time.sleep(max(0.0, moment - time.monotonic()))
            os.kill(children[seed], signal.SIGKILL)
            died[seed] = time.monotonic()
    finally:
        for child in children:
            if len(died) < KILLED:
                os.kill(child, signal.SIGKILL)
        parent.kill()
        parent.wait()
        parent.stdout.close()
    deadline = time.monotonic() + 10
    kept = 0
    for seed, moment in died.items():
        while (
            locks := [p for p in (tmp_path / str(seed)).glob("*.lock") if FileLock.is_held(p)]
        ) and time.monotonic() < deadline:
            time.sleep(0.01)  # the system is still taking the process down
        assert not locks
        lines = (
            (tmp_path / f"{seed}.log").read_text().splitlines() if (tmp_path / f"{seed}.log").exists() else []
        )
        edits = [(float(when), state) for when, _, state in (line.split() for line in lines)]
        found = find_recovered_work(tmp_path / str(seed))
        assert len(found) <= 1
        must = [state for when, state in edits if when < moment - MOST_LOST]
        if not found:
            assert not must, f"{seed}: nothing is left of {len(must)} edits"
            continue
        recovered = found[0].open().state.hash
        states = [state for _, state in edits]
        if recovered in states:  # else it was killed between an edit and its line in the log
            assert len(states) - 1 - states[::-1].index(recovered) >= len(must) - 1, seed
            kept += 1
        assert not list((tmp_path / str(seed)).glob(".*")), "a half-written file stays"
    assert kept > KILLED / 3


@pytest.fixture
def autosave(tmp_path: Path) -> Iterator[Autosave]:
    made = Autosave(tmp_path / "recovery", delay_s=0.02)
    yield made
    made.close()
    assert not list((tmp_path / "recovery").glob("*"))


def wait(autosave: Autosave, files: int) -> None:
    end = time.monotonic() + 5
    while len(list(autosave.folder.glob("*.circuit"))) != files and time.monotonic() < end:
        time.sleep(0.005)
    assert len(list(autosave.folder.glob("*.circuit"))) == files


def test_only_unsaved_work_is_kept(autosave: Autosave, tmp_path: Path) -> None:
    made = document()
    autosave.track(made)
    assert not autosave.folder.exists()
    change = made.apply_command(set_label("m0", Label("a")))
    wait(autosave, 1)
    made.set_state(change.before)
    wait(autosave, 0)
    made.set_state(change.after)
    wait(autosave, 1)
    save_document(made, tmp_path / "a.circuit")
    wait(autosave, 0)
    made.store_measure(
        "stability", {"key": made.state.measurement_key, "result": {}, "options": {}, "done": True}
    )
    wait(autosave, 1)
    autosave.track(document(1))
    wait(autosave, 0)


def test_work_of_a_living_window_is_not_offered_and_a_found_one_goes_on_in_its_file(tmp_path: Path) -> None:
    folder, made = tmp_path / "recovery", document()
    first, second = Autosave(folder, delay_s=0), Autosave(folder, delay_s=0)
    made.path = tmp_path / "ioi.circuit"
    first.track(made)
    made.apply_command(set_label("m0", Label("a")))
    wait(first, 1)
    assert find_recovered_work(folder) == []
    file = next(folder.glob("*.circuit"))
    data = file.read_bytes()
    first.close()
    file.write_bytes(data)  # as a crash would have left it
    (found,) = find_recovered_work(folder)
    assert found.original == made.path and found.summary == "40 edges" and found.saved > "2026"
    again = found.open()
    assert again.state.hash == made.state.hash and again.is_dirty and again.path == made.path
    second.track(again, found)
    assert find_recovered_work(folder) == [] and list(folder.glob("*.circuit")) == [file]
    again.apply_command(set_label("m0", Label("b")))
    second.flush()
    assert list(folder.glob("*.circuit")) == [file]
    second.close()
    assert not file.exists()


def test_a_recovery_file_that_cannot_be_read_is_offered_all_the_same_and_can_be_discarded(
    tmp_path: Path,
) -> None:
    (tmp_path / "1-a.circuit").write_bytes(b"PK broken")
    (tmp_path / ".2-b.circuit.xyz").write_bytes(b"half")
    (found,) = find_recovered_work(tmp_path)
    with pytest.raises(InputError, match="damaged"):
        found.open()
    found.discard()
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    heard: list[str] = []
    autosave, made = Autosave(tmp_path / "file" / "below", heard.append, delay_s=0), document()
    autosave.track(made)
    for text in "abc":
        made.apply_command(set_label("m0", Label(text)))
        autosave.flush()
    autosave.close()
    assert len(heard) == 1 and "cannot be kept" in heard[0]


def test_a_claim_is_held_by_one_and_says_of_whom(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    claim = FileLock.acquire(path, {"pid": 1})
    assert claim is not None and FileLock.acquire(path, {"pid": 2}) is None
    assert FileLock.is_held(path) and FileLock.read_owner(path) == {"pid": 1}
    claim.release()
    assert not path.exists() and not FileLock.is_held(path)
    again = FileLock.acquire(path, {})
    assert again is not None
    again.release()
