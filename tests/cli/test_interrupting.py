"""Ctrl+C at any moment of a command's start or work ends it with 130 and without a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from circuitviz.cli.interrupts import interrupts_handled

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT between processes")
PROGRAM = textwrap.dedent(
    """
    import os, signal, sys

    class Interrupting:
        '''Ctrl+C when so many modules of our own start were looked for.'''

        left = int(sys.argv.pop(1))

        def find_spec(self, name, path=None, target=None):
            if name.startswith("circuitviz.") and name != "circuitviz.__main__" or self.begun:
                self.begun = True
                self.left -= 1
                if self.left == 0:
                    os.kill(os.getpid(), signal.SIGINT)

        begun = False

    sys.meta_path.insert(0, Interrupting())
    from circuitviz.__main__ import main
    sys.exit(main())
    """
)


def interrupted(at: int, *words: str) -> subprocess.CompletedProcess[str]:
    """A command that gets Ctrl+C as it looks for its ``at``-th module."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(at), *words], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip


@pytest.mark.parametrize("at", [1, 2, 3, 9, 40, 90, 150, 220, 300])
def test_ctrl_c_at_the_start_ends_the_process(at: int) -> None:
    """Whatever is being imported: the parser, numpy, or what the command needs."""
    done = interrupted(at, "list", "models")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("at", [700, 1500])
def test_ctrl_c_while_the_model_libraries_load(at: int, tmp_path: Path) -> None:
    done = interrupted(at, "discover", "-m", "demo", "-t", "ioi", "-o", str(tmp_path / "a.circuit"))
    assert done.returncode == 130 and not done.stdout and done.stderr.count("\n") <= 1, done.stderr[-500:]
    assert not list(tmp_path.iterdir())


def test_without_ctrl_c_the_same_program_ends_well() -> None:
    done = interrupted(10**9, "list", "models")
    assert done.returncode == 0 and "demo" in done.stdout and not done.stderr


def test_ctrl_c_within_a_command_interrupts_it_and_outside_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGINT), sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), interrupts_handled():
        assert (signal.getsignal(signal.SIGINT), sys.unraisablehook) != before
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("as numpy says") from None
    assert (signal.getsignal(signal.SIGINT), sys.unraisablehook) == before


def test_ctrl_c_in_a_finaliser_is_not_lost() -> None:
    """Python would print it and go on."""
    program = textwrap.dedent(
        """
        import signal
        from circuitviz.cli.interrupts import interrupts_handled

        class Ending:
            def __del__(self):
                signal.raise_signal(signal.SIGINT)

        with interrupts_handled():
            del_me = Ending()
            del del_me
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "")
