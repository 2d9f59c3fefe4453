"""A command on a worker reads, prints and writes what it does here, and ends when nobody waits for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from circuitviz.__main__ import main
from circuitviz.errors import ComputationError
from circuitviz.progress import Progress, run_to_completion

pytest.importorskip("distributed")

from circuitviz.cluster import CommandOutcome, Connection, RemoteCommand, run_command_steps

pytestmark = pytest.mark.long
SEARCH = ["discover", "--method", "eap", "--prompts", "4", "--json"]


def run_there(
    connection: Connection, command: RemoteCommand
) -> tuple[CommandOutcome, list[str], list[Progress]]:
    steps: list[Progress] = []
    outcome = run_to_completion(run_command_steps(connection, command), steps.append)
    lines = [step.partial for step in steps if isinstance(step.partial, str)]
    return outcome, lines, [step for step in steps if step.partial is None]


def test_files_go_there_and_come_back(
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcome, lines, progress = run_there(
        connection, RemoteCommand([*SEARCH, "-o", "0/a.circuit"], outputs=["0/a.circuit"])
    )
    assert outcome.exit_code == 0 and "wrote 0/a.circuit" in lines
    assert any("eap on ioi" in step.message for step in progress)
    there = json.loads(outcome.output)
    monkeypatch.chdir(tmp_path)
    assert main([*SEARCH, "-o", "b.circuit"]) == 0
    here = json.loads(capsys.readouterr().out)
    assert {**there, "seconds": 0} == {**here, "seconds": 0}
    words = ["evaluate", "c.circuit", "--json", "--no-random"]
    measured, _, _ = run_there(connection, RemoteCommand(words, {"c.circuit": outcome.files["0/a.circuit"]}))
    assert main(["evaluate", "b.circuit", "--json", "--no-random"]) == 0
    assert json.loads(measured.output) == json.loads(capsys.readouterr().out)


def test_what_is_wrong_is_said_as_here(connection: Connection) -> None:
    outcome, lines, _ = run_there(connection, RemoteCommand(["discover", "-t", "ioy"]))
    assert (outcome.exit_code, outcome.output, outcome.files) == (2, "", {})
    assert any("There is no task 'ioy'" in line for line in lines)


def test_a_path_outside_the_folder_is_refused(connection: Connection) -> None:
    with pytest.raises(ComputationError, match="not inside the command's folder"):
        run_there(connection, RemoteCommand(["list", "models"], {"../x": b""}))


def test_a_command_that_nobody_waits_for_ends(connection: Connection) -> None:
    long = ["discover", "--method", "learned-ranking", "--training-steps", "10000", "--prompts", "4"]
    steps: Any = run_command_steps(connection, RemoteCommand(long))
    while not any(step.partial is None for step in [next(steps, None)] if step is not None):
        pass  # until it has said how far it is
    running = _commands("learned-ranking")
    assert running
    steps.close()
    _, alive = psutil.wait_procs(running, timeout=20)
    assert not alive


def _commands(word: str) -> list[psutil.Process]:
    """The processes of this machine whose command line has a word, but for this test's own."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if word in words and "circuitviz" in words:
            found.append(process)
    return found
