"""The guard against other programs is silent while Python ends."""

from __future__ import annotations

import sys

import pytest

from circuitviz.models import subprocess_guard


def test_the_guard_needs_no_name_of_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python sets them to None when it ends, and an audit hook is called after that, too."""
    with subprocess_guard.forbid_subprocesses():
        pass
    for name in ("_PROCESS_EVENTS", "_thread_state"):
        monkeypatch.setattr(subprocess_guard, name, None)
    sys.audit("open", "file", "r", 0)
