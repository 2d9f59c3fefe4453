"""Flags that several commands share, each defined once."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from circuitviz.cluster.place import PLACE_FORMS
from circuitviz.dtypes import AUTO_DTYPE, DEVICE_CHOICES, DEVICE_TOOL_TIP, DTYPE_CHOICES
from circuitviz.errors import InputError
from circuitviz.options import Option


def add_model_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``, ``demo`` by default."""
    parser.add_argument("-m", "--model", default="demo", help="demo, a Hugging Face name, or a folder")


def add_device_flags(parser: argparse.ArgumentParser, *, has_file: bool = False) -> None:
    """Add ``--device``, ``--dtype`` and ``--on``.

    Args:
        parser: the parser.
        has_file: whether a circuit file says in which precision its model's weights are to be kept.
    """
    parser.add_argument("--device", default="cpu", help=f"{', '.join(DEVICE_CHOICES)}; {DEVICE_TOOL_TIP}")
    default = "that of the file by default" if has_file else "default auto"
    text = f"precision that weights are kept in: {', '.join(DTYPE_CHOICES)} ({default})"
    parser.add_argument("--dtype", default=None if has_file else AUTO_DTYPE, help=text)
    add_place_flag(parser)


def add_place_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--on``."""
    parser.add_argument("--on", default="local", metavar="PLACE", help=f"where it runs: {PLACE_FORMS}")


def add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--metric`` and ``--ablation``."""
    parser.add_argument("--metric", help="the task's own by default")
    parser.add_argument("--ablation", default=None, help="corrupted, zero, mean, mean-positional, optimal")


def add_skip_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--skip-unusable``."""
    text = "leave out the rows of a task file that cannot be used, and say how many and why"
    parser.add_argument("--skip-unusable", action="store_true", help=text)


def add_other_model_and_task_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that measure a circuit on another model or task than its file names."""
    parser.add_argument("-m", "--model", help="another model of the same shape")
    parser.add_argument("-t", "--task", help="another task, or the task of a file that names none")
    add_skip_flag(parser)
    parser.add_argument("--prompts", type=int, default=64, help="number of prompts of a task given here")
    parser.add_argument("--seed", type=int, default=0, help="seed of a task given here")


def add_common_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--json`` and ``--verbose``, which every command has."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_verbose_flag(parser)


def add_verbose_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--verbose``."""
    parser.add_argument("--verbose", action="store_true", help="write a log to standard error")


def add_option_flags(parser: Any, options: Iterable[Option], prefix: str, flag_prefix: str = "") -> None:
    """Add a flag for each field of an options dataclass.

    Args:
        parser: a parser or a group of one.
        options: the fields, from ``describe_options``.
        prefix: what the attributes of the parsed command line begin with.
        flag_prefix: what the flags begin with: ``curve-`` makes ``--curve-select`` of ``--select``.

    Raises:
        InputError: an option has the name of a flag of the command.
    """
    for option in options:
        bounds = f", {option.bounds}" if option.bounds else ""
        choices = f": {', '.join(option.choices)}" if option.choices else ""
        default = repr(option.default) if option.default == "" else option.default
        text = f"{option.help}{choices} (default {default}{bounds})".replace("%", "%%")
        flag = f"--{flag_prefix}{option.flag[2:]}"
        try:
            parser.add_argument(flag, dest=f"{prefix}{option.name}", metavar="VALUE", help=text)
        except argparse.ArgumentError:
            raise InputError(
                f"The option '{option.name}' would have the flag {flag}, which this command has for "
                f"something else; another name of the field would be right, for example noise_{option.name}."
            ) from None


def options_from_flags(args: argparse.Namespace, prefix: str) -> dict[str, Any]:
    """Return the options that were given on the command line, by name.

    Args:
        args: the parsed command line.
        prefix: the one that ``add_option_flags`` was given.
    """
    return {
        name.removeprefix(prefix): value
        for name, value in vars(args).items()
        if name.startswith(prefix) and value is not None
    }


def flag_value(argv: list[str], flag: str, default: str) -> str:
    """Return a flag's value before the command line is parsed: it decides which flags there are."""
    for index, word in enumerate(argv):
        if word == flag and index + 1 < len(argv):
            return argv[index + 1]
        if word.startswith(flag + "="):
            return word.partition("=")[2]
    return default
