"""The time that a job still takes: its own estimate, or one from how fast it has been since it began."""

from __future__ import annotations

import time

import pytest

from circuitviz.panels.widgets.time_left import TimeLeftEstimate
from circuitviz.workbench.requests.messages import ProgressReported


def test_what_is_left_is_estimated_for_each_part_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    estimate = TimeLeftEstimate()

    def after(seconds: float, title: str, fraction: float, own: float | None = None) -> str:
        now[0] += seconds
        return estimate.describe(ProgressReported(title, fraction, "", seconds_left=own))

    assert after(0, "Loading", 0.5) == "" and after(1, "Loading", 0.6) == "", "too soon"
    assert after(9, "Loading", 0.75) == "10 s left"
    assert after(0, "Loading", 0.75, own=125) == "2 min left", "what it says itself comes first"
    assert after(60, "Finding edges", 0.0) == "" and after(20, "Finding edges", 0.25) == "1 min left"
    estimate.restart()  # it was paused for an hour
    assert after(3600, "Finding edges", 0.25) == ""
    assert after(20, "Finding edges", 0.5) == "40 s left"
