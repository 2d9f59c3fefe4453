"""Ctrl+C ends a command with exit code 130 and no traceback, wherever it comes.

Python raises KeyboardInterrupt between any two bytecodes. During an import, libraries turn it into another
error or stay half initialised; in a finaliser it is printed and lost. In those two places the process exits
at once, as if killed; every file that is being written survives that.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

INTERRUPTED_EXIT_CODE = 130  # 128 + SIGINT
_IMPORT_MACHINERY_FILE = "<frozen importlib"  # file name of Python's import machinery in stack frames


@contextmanager
def interrupts_handled() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl+C inside the block; during an import, exit the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupted: list[bool] = []

    def interrupt(_number: int, frame: FrameType | None) -> None:
        interrupted.append(True)
        while frame is not None:
            if frame.f_code.co_filename.startswith(_IMPORT_MACHINERY_FILE):
                os._exit(INTERRUPTED_EXIT_CODE)
            frame = frame.f_back
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt), sys.unraisablehook
    sys.unraisablehook = _report_unraisable
    try:
        yield
    except Exception:
        if interrupted:  # a library turned the interrupt into an error of its own
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before[0])
        sys.unraisablehook = before[1]


def _report_unraisable(unraisable: UnraisableHookArgs) -> None:
    """Report an exception of a finaliser as Python does, but exit on an interrupt."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        os._exit(INTERRUPTED_EXIT_CODE)
    sys.__unraisablehook__(unraisable)
