"""What test_saving runs: saves that are killed, or held up, after each call that a save makes of the system.

``kill``: one process for each such moment, each in a folder of its own. ``stop``: the same, held up at the
moment until a line comes on standard input, when all go on. Prints how many moments there are.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from circuitviz.formats.file_io import write_atomically


def save(folder: Path, moment: int, what: signal.Signals) -> int:
    """Write one file in a child that sends itself a signal after so many calls of C functions; its id."""
    folder.mkdir(parents=True)
    (folder / "a.circuit").write_bytes(b"old" * 1000)
    if child := os.fork():
        return child
    left = moment

    def look(_frame: object, event: str, _argument: object) -> None:
        nonlocal left
        if event == "c_return":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), what)

    sys.setprofile(look)
    try:
        write_atomically(folder / "a.circuit", b"new" * 1000)
        sys.setprofile(None)
        os._exit(0)
    finally:
        os._exit(1)


def killed(folder: Path) -> int:
    """How many moments there are: the first one that a save is over before."""
    for moment in range(1, 10_000):
        _, status = os.waitpid(save(folder / str(moment), moment, signal.SIGKILL), 0)
        if not os.WIFSIGNALED(status):
            assert os.WEXITSTATUS(status) == 0
            return moment - 1
    raise AssertionError("a save never ends")


def stopped(folder: Path, moments: int) -> bool:
    """Whether all saves go on to their end when they are let go."""
    children = [save(folder / str(moment), moment, signal.SIGSTOP) for moment in range(1, moments + 1)]
    for child in children:
        assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    print("stopped", flush=True)
    sys.stdin.readline()
    for child in children:
        os.kill(child, signal.SIGCONT)
    return all(os.waitpid(child, 0)[1] == 0 for child in children)


if __name__ == "__main__":
    if sys.argv[1] == "kill":
        print(killed(Path(sys.argv[2])))
    else:
        sys.exit(0 if stopped(Path(sys.argv[2]), int(sys.argv[3])) else 1)
