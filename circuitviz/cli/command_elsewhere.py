"""A computing command with ``--on PLACE``: what it reads is sent there, what it writes comes back."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from circuitviz import cluster
from circuitviz.cli.output import print_escaped, print_message, print_warning, run_with_progress_bar
from circuitviz.formats.file_io import check_writable, read_bytes, write_atomically
from circuitviz.progress import ProgressRunner, ProgressSteps

ON_FLAG = "--on"
OUTPUT_NAMES = ("output", "export")  # of flags that name what a command writes
MAX_SENT_BYTES = 256 * 2**20


def run_elsewhere(args: argparse.Namespace, words: Sequence[str]) -> int:
    """Run a command on a worker of ``args.on``.

    Args:
        args: The parsed command line.
        words: The command line as it was given.

    Returns:
        The command's exit code.

    Raises:
        InputError: The place, a file that is read, or a path that is written is wrong.
        ComputationError: The worker is lost.
    """
    place = cluster.parse_place(args.on)
    cluster.require_dask(place)
    command, targets = pack_command(args, words)
    with cluster.open_connection(place, print_message) as connection:
        for sentence in connection.check_workers():
            print_warning(sentence)
        steps = _print_lines(cluster.run_command_steps(connection, command))
        outcome = run_with_progress_bar(steps, f"{args.verb} on {place.text}")
    for path, data in outcome.files.items():
        output = next(name for name in targets if path == name or path.startswith(f"{name}/"))
        target = targets[output] / path[len(output) + 1 :] if path != output else targets[output]
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, data)
    print_escaped(outcome.output.rstrip("\n"), sys.stdout)
    return outcome.exit_code


def pack_command(
    args: argparse.Namespace, words: Sequence[str]
) -> tuple[cluster.RemoteCommand, dict[str, Path]]:
    """Make a command of the command line, with the files that it reads.

    Folders, such as models and dictionaries, are not sent: they have to be on the worker.

    Args:
        args: The parsed command line.
        words: The command line as it was given.

    Returns:
        The command, and for each output's relative path the path here.

    Raises:
        InputError: A file cannot be read or is too large, or an output cannot be written.
    """
    files: dict[str, bytes] = {}
    targets: dict[str, Path] = {}
    replaced: dict[str, str] = {}
    for name, value in vars(args).items():
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, str | Path) or str(each) in replaced:
                continue
            path = Path(each)
            if name in OUTPUT_NAMES:
                if path.suffix:
                    check_writable(path)
                replaced[str(each)] = relative = _relative_name(path, len(replaced))
                targets[relative] = path
            elif os.path.isfile(path) and name != "verb":
                replaced[str(each)] = relative = _relative_name(path, len(replaced))
                files[relative] = read_bytes(path, MAX_SENT_BYTES)
    return cluster.RemoteCommand(tuple(_replace_words(words, replaced)), files, tuple(targets)), targets


def _relative_name(path: Path, number: int) -> str:
    """The path itself where it lies below the working folder, so that records name it as here."""
    if path.is_absolute() or ".." in path.parts:
        return f"{number}/{path.name}"
    return path.as_posix()


def _replace_words(words: Sequence[str], replaced: dict[str, str]) -> list[str]:
    """The words with the worker's paths, and without ``--on``."""
    left: list[str] = []
    is_value_of_on = False
    for word in words:
        if is_value_of_on:
            is_value_of_on = False
        elif word == ON_FLAG:
            is_value_of_on = True
        elif not word.startswith(f"{ON_FLAG}="):
            flag, sign, value = word.partition("=")
            if word in replaced:
                word = replaced[word]
            elif sign and value in replaced:
                word = f"{flag}={replaced[value]}"
            left.append(word)
    return left


def _print_lines(steps: ProgressSteps[cluster.CommandOutcome]) -> ProgressSteps[cluster.CommandOutcome]:
    """Print the lines of standard error as they come, and pass on progress alone."""
    runner = ProgressRunner(steps)
    for step in runner:
        if isinstance(step.partial, str):
            print_message(step.partial)
        else:
            yield step
    return runner.result
