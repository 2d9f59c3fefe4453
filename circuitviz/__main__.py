"""``circuitviz`` and ``python -m circuitviz``: one way in, quick because nothing heavy is imported."""

from __future__ import annotations

import os
import sys

INTERRUPTED_EXIT_CODE = 130  # exit code: 128 and SIGINT's number


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Without ``argv``, as a process, Ctrl+C ends it at once."""
    owns_process = argv is None
    if argv is None:
        import _signal  # type: ignore[import-not-found]  # signal itself takes a while to import

        _signal.signal(
            _signal.SIGINT, lambda *_: os._exit(INTERRUPTED_EXIT_CODE)
        )  # until a command runs, and after it
        argv = sys.argv[1:]
    from circuitviz.cli import run  # only now, so that Ctrl+C ends the process while its modules load

    return run(argv, owns_process)


if __name__ == "__main__":
    sys.exit(main())
