"""No verb: the application opens."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from circuitviz.cli.flags import add_place_flag
from circuitviz.cluster.place import parse_place
from circuitviz.errors import InputError

SUMMARY = "open the application"


def add_flags(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """Add the flags of the application."""
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("-m", "--model")
    parser.add_argument("-t", "--task")
    parser.add_argument("--demo", action="store_true", help="open the demo circuit at once")
    parser.add_argument(
        "--copy", action="store_true", help="open what FILE holds as a document that is nowhere saved yet"
    )
    add_place_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Open the window; returns the exit code when it is closed."""
    if args.copy and args.file is None:
        raise InputError(
            "--copy was given without a file to open; 'circuitviz --copy x.circuit' would be right."
        )
    place = parse_place(args.on)
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in screens):
        raise InputError(  # Qt would abort the process
            "The window was asked for, but there is no screen here (DISPLAY and WAYLAND_DISPLAY are "
            "not set); start it in a desktop session or over 'ssh -X'. The commands, "
            "'circuitviz --help', need no screen."
        )
    try:
        # Qt, which no other command needs, may be missing
        from circuitviz.shell.application import run_application as open_window
    except ImportError as error:
        raise InputError(
            f"The window could not start ({error}); Qt's system libraries are missing. The README's "
            "first command installs them."
        ) from None
    remote = None if place.is_here else place
    return open_window(args.file, args.model, args.task, args.demo, remote, args.copy)
