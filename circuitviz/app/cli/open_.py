"""No verb: the application opens."""

from __future__ import annotations

import argparse

from circuitviz.errors import InputError


def run(given: argparse.Namespace) -> int:
    """Open the window; returns the exit code when it is closed."""
    try:
        from circuitviz.app.main import run as open_window
    except ImportError as error:
        raise InputError(
            f"The window could not start ({error}); Qt's system libraries are missing. The README's "
            "first command installs them."
        ) from None
    return open_window(given.file, given.model, given.task, given.demo)
