"""Find a command's file by its name and parse the command line with the flags that the file adds.

A command is one file, ``cmd_NAME.py``, with ``SUMMARY`` (one line for ``--help``), ``add_flags(parser,
argv)`` and ``run(args) -> exit code``. ``OPENS_MODEL = True`` says that it needs the libraries of models,
which take seconds to import; ``DIVIDES_WORK = True`` that it does itself what ``--on`` asks for, where others
run as they are on one worker. Only the file of the command that is called is imported.
"""

from __future__ import annotations

import argparse
import pkgutil
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from circuitviz import __version__
from circuitviz.cli.flags import add_common_flags, add_verbose_flag
from circuitviz.cli.output import print_on_terminal
from circuitviz.errors import InputError, suggest_name

HELP_ORDER = (
    *(
        "discover",
        "check-task",
        "evaluate",
        "rivals",
        "mib",
        "sweep",
        "compare",
        "inspect",
        "export",
        "import",
        "train-dictionary",
    ),
    *("local-circuit", "attribute", "intervene", "steer", "trace", "groups", "label", "list", "doctor"),
)
LOCAL_PLACE = "local"
WINDOW = "open"  # the file of the command without a name
DESCRIPTION = (
    "Find circuits in transformer language models, draw them, take them apart. Without a command, the "
    "application opens: circuitviz [FILE.circuit] [--model M] [--task T] [--demo]."
)


class CommandLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, like every other wrong input."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of printing the usage and exiting."""
        raise InputError(f"{message[0].upper()}{message[1:]}. See '{self.prog} --help'.")


def command_names() -> list[str]:
    """Return the names of all commands, in the order of ``--help``; new files come last."""
    modules = pkgutil.iter_modules(import_module("circuitviz.cli").__path__)
    files = [module.name for module in modules if module.name.startswith("cmd_")]
    names = {name.removeprefix("cmd_").replace("_", "-") for name in files} - {WINDOW}
    return sorted(names, key=lambda name: (HELP_ORDER.index(name) if name in HELP_ORDER else 99, name))


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    """Parse a command line.

    Args:
        argv: the words after the program's name.

    Returns:
        The parsed flags; ``run`` takes them and returns the exit code.

    Raises:
        InputError: a word or a flag is wrong.
    """
    name = next((word for word in argv if not word.startswith("-")), None)
    asks_for_help = bool(argv) and argv[0] in ("-h", "--help", "--version")
    if asks_for_help or name in command_names():
        return _parse_command(argv, None if asks_for_help else name)
    return _parse_window_flags(argv)


def _parse_command(argv: list[str], name: str | None) -> argparse.Namespace:
    """Parse a command's flags; without a name, list all commands."""
    parser = CommandLineParser(prog="circuitviz", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"circuitviz {__version__}")
    subparsers = parser.add_subparsers(
        dest="verb", required=True, metavar="COMMAND", parser_class=CommandLineParser
    )
    for each in command_names() if name is None else [name]:
        command = _import_command(each)
        subparser = subparsers.add_parser(each, help=command.SUMMARY)
        if each == name:
            if getattr(command, "OPENS_MODEL", False) and not {"-h", "--help"} & set(argv):
                print_on_terminal("loading the libraries of models ...")
            command.add_flags(subparser, argv)
            if name != "label":  # its actions have them
                add_common_flags(subparser)
    args = parser.parse_args(argv)
    command = _import_command(args.verb)
    args.run = command.run
    if getattr(args, "on", LOCAL_PLACE) != LOCAL_PLACE and not getattr(command, "DIVIDES_WORK", False):
        elsewhere = import_module("circuitviz.cli.command_elsewhere")
        args.run = partial(elsewhere.run_elsewhere, words=argv)
    return args


def _parse_window_flags(argv: list[str]) -> argparse.Namespace:
    """Parse the flags of the application's window."""
    command = _import_command(WINDOW)
    parser = CommandLineParser(prog="circuitviz")
    command.add_flags(parser, argv)
    add_verbose_flag(parser)
    args, unknown = parser.parse_known_args(argv)
    if args.file is not None and not args.file.exists():
        names = command_names()
        raise InputError(
            f"There is no file or command '{args.file}'; give a .circuit file, or one of "
            f"{', '.join(names)}." + suggest_name(str(args.file), names)
        )
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    args.run = command.run
    return args


def _import_command(name: str) -> ModuleType:
    """Import a command's file: only then is it known what the command needs."""
    return import_module(f"circuitviz.cli.cmd_{name.replace('-', '_')}")
