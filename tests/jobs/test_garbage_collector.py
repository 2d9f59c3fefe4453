"""Lost objects are destroyed in the window's thread, whichever thread allocates."""

from __future__ import annotations

import gc
import threading

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from circuitviz.jobs.garbage_collector import GarbageCollector


class Lost:
    """An object in a cycle with itself that tells by which thread it is destroyed."""

    def __init__(self, threads: list[int]) -> None:
        self.myself, self.threads = self, threads

    def __del__(self) -> None:
        self.threads.append(threading.get_ident())


def allocate() -> None:
    """As much as makes Python collect several times."""
    for _ in range(20_000):
        cycle: list[object] = []
        cycle.append(cycle)


def test_cycles_are_destroyed_in_the_windows_thread(qtbot: QtBot) -> None:
    parent, threads = QObject(), list[int]()
    collector = GarbageCollector(parent)
    collector.start()
    Lost(threads)
    worker = threading.Thread(target=allocate)
    worker.start()
    worker.join()
    assert not threads
    qtbot.waitUntil(lambda: bool(threads))
    assert threads == [threading.get_ident()]
    collector.stop()
    assert gc.isenabled()
