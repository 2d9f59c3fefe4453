"""Ctrl+C ends a command with exit code 130 and no traceback, wherever it comes.

Python raises KeyboardInterrupt between any two steps of a program. Within an import, libraries turn it into
another error or stay half made; within a finaliser it is printed and lost. There the process ends at once,
as by a kill, which every file that is written survives.
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

INTERRUPTED_EXIT_CODE = 130
_IMPORT_MACHINERY_FILE = "<frozen importlib"  # how Python names the file of its import machinery


@contextmanager
def interrupts_handled() -> Iterator[None]:
    """Ctrl+C within it raises KeyboardInterrupt, and within an import exits at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[bool] = []

    def interrupt(_number: int, frame: FrameType | None) -> None:
        asked.append(True)
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
        if asked:  # what a library made of it
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before[0])
        sys.unraisablehook = before[1]


def _report_unraisable(unraisable: UnraisableHookArgs) -> None:
    """Report what a finaliser raised as ever, but for an interrupt."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        os._exit(INTERRUPTED_EXIT_CODE)
    sys.__unraisablehook__(unraisable)
