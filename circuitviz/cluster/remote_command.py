"""Run a command of the command line on a worker: its files go there, what it writes comes back.

The command runs in a process of its own in an empty folder, so that it is the same command as here, ends when
nobody waits for it any more, and leaves nothing. Models stay on the worker.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from uuid import uuid4

import distributed

from circuitviz.cancellation import check_cancelled
from circuitviz.cluster.connection import Connection
from circuitviz.cluster.tasks import cancellation_of_task
from circuitviz.errors import ComputationError, first_error_line
from circuitviz.progress import LINES_VARIABLE, Progress, ProgressSteps, parse_progress_line

POLL_INTERVAL_S = 0.05
MAX_END_S = 5.0  # that a command gets to end by itself


@dataclass(frozen=True)
class RemoteCommand:
    """A command line with what it reads and writes.

    Attributes:
        words: The command line without the program's name; paths are relative to its folder.
        files: Contents of the files that it reads, by relative path.
        outputs: Relative paths of the files or folders that it writes.
    """

    words: Sequence[str]
    files: Mapping[str, bytes] = field(default_factory=dict)
    outputs: Sequence[str] = ()


@dataclass(frozen=True)
class CommandOutcome:
    """What a command left.

    Attributes:
        exit_code: Its exit code.
        output: What it printed on standard output.
        files: Contents of the files that it wrote, by relative path.
    """

    exit_code: int
    output: str
    files: Mapping[str, bytes]


def run_command_steps(connection: Connection, command: RemoteCommand) -> ProgressSteps[CommandOutcome]:
    """Run a command on a worker, as a generator of progress.

    A step whose ``partial`` is a text is a line that the command printed on standard error.

    Args:
        connection: The connection.
        command: The command.

    Raises:
        ComputationError: The worker or the scheduler is lost.
    """
    client, topic = connection.client, f"command-{uuid4().hex}"
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    client.subscribe_topic(topic, lambda event: lines.put(event[1]))
    sent = client.scatter(command, hash=False)
    future = client.submit(execute_command, sent, topic, key=topic, pure=False)
    try:
        is_done = False
        while not is_done:
            is_done = future.done()  # before the lines are read, so that the last ones are
            yield from _read_lines(lines)
            if not is_done:
                if client.status not in ("running", "connecting"):
                    raise ComputationError(f"The scheduler of '{connection.place.text}' is lost.")
                check_cancelled()
                time.sleep(POLL_INTERVAL_S)
        if future.status != "finished":
            error = future.exception() if future.status == "error" else None
            reason = "its worker is lost" if error is None else first_error_line(error)
            raise ComputationError(f"The command on '{connection.place.text}' did not end: {reason}.")
        outcome: CommandOutcome = future.result()
        return outcome
    finally:
        client.cancel([future])
        client.unsubscribe_topic(topic)


def _read_lines(lines: queue.SimpleQueue[str]) -> ProgressSteps[None]:
    while not lines.empty():
        line = lines.get()
        yield parse_progress_line(line) or Progress(0, 1, partial=line)


def execute_command(command: RemoteCommand, topic: str) -> CommandOutcome:
    """Run a command in a process and a folder of its own; called on a worker of Dask.

    Args:
        command: The command.
        topic: Where lines of standard error are told, as events of Dask.
    """
    worker = distributed.get_worker()
    is_cancelled = cancellation_of_task()
    with TemporaryDirectory(prefix="circuitviz-") as name:
        folder = Path(name)
        for path in (*command.files, *command.outputs):
            _place(folder, path).parent.mkdir(parents=True, exist_ok=True)
        for path, data in command.files.items():
            _place(folder, path).write_bytes(data)
        with (folder / ".output").open("w+b") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "circuitviz", *command.words],
                cwd=folder,
                env={**os.environ, LINES_VARIABLE: "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
            )
            assert process.stderr is not None
            reader = threading.Thread(target=_tell_lines, args=(process.stderr, worker, topic), daemon=True)
            reader.start()
            while process.poll() is None:
                if is_cancelled():
                    _end(process)
                time.sleep(POLL_INTERVAL_S)
            reader.join()
            output.seek(0)
            text = output.read().decode(errors="replace")
        written = {
            path: data for output_path in command.outputs for path, data in _read_tree(folder, output_path)
        }
        return CommandOutcome(process.returncode, text, written)


def _tell_lines(stream: IO[bytes], worker: distributed.Worker, topic: str) -> None:
    for line in stream:
        worker.log_event(topic, line.decode(errors="replace").rstrip("\n"))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(MAX_END_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _place(folder: Path, path: str) -> Path:
    """A path inside the folder; ValueError where it would lie outside."""
    place = (folder / path).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise ValueError(f"'{path}' is not inside the command's folder")
    return place


def _read_tree(folder: Path, path: str) -> list[tuple[str, bytes]]:
    """The file of a path, or all files below it."""
    place = _place(folder, path)
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    return [(str(file.relative_to(folder.resolve())), file.read_bytes()) for file in files if file.is_file()]
