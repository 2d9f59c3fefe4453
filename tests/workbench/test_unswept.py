"""No sweep falls into the making of a file, whichever thread is first to end, and they go on afterwards."""

from __future__ import annotations

import gc
import threading

from circuitviz.workbench.gc_pause import gc_paused


def test_sweeps_go_on_when_the_last_thread_is_done() -> None:
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with gc_paused():
            inside.set()
            leave.wait(60)

    assert gc.isenabled()
    other = threading.Thread(target=work)
    other.start()
    assert inside.wait(60)
    with gc_paused():
        assert not gc.isenabled()
    assert not gc.isenabled(), "the other is not done"
    leave.set()
    other.join(60)
    assert gc.isenabled()


def test_who_has_switched_them_off_keeps_them_off() -> None:
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_failure_lets_them_go_on() -> None:
    try:
        with gc_paused():
            raise ValueError
    except ValueError:
        assert gc.isenabled()
