"""``circuitviz`` and ``python -m circuitviz``: one way in, quick because nothing heavy is imported."""

from __future__ import annotations

import os
import sys

INTERRUPTED_EXIT_CODE = 130  # exit code: 128 and SIGINT's number


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Without ``argv``, as a process, Ctrl+C ends it at once."""
    if argv is not None:
        from circuitviz.cli import run

        return run(argv)
    import _signal  # type: ignore[import-not-found]  # signal itself takes a while to import

    _signal.signal(
        _signal.SIGINT, lambda *_: os._exit(INTERRUPTED_EXIT_CODE)
    )  # until a command runs, and after it
    from circuitviz.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
