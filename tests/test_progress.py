"""Computations in steps, each within a context that does not outlast it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from circuitviz.models.hub import is_download_forbidden
from circuitviz.progress import Progress, ProgressRunner, ProgressSteps, run_steps_within
from circuitviz.workbench.requests.messages import Reply
from circuitviz.workbench.requests.open_document_model import FROM_DISK, FROM_NETWORK, run_with_consent


def test_a_context_is_left_between_two_steps_and_when_the_computation_ends() -> None:
    depth, seen, is_closed = 0, list[int](), False

    @contextmanager
    def context() -> Iterator[None]:
        nonlocal depth
        depth += 1
        try:
            yield
        finally:
            depth -= 1

    def steps() -> ProgressSteps[str]:
        nonlocal is_closed
        try:
            for number in range(2):
                seen.append(depth)
                yield Progress(number, 2)
            seen.append(depth)
            return "all"
        finally:
            is_closed = True

    runner = ProgressRunner(run_steps_within(context, steps()))
    assert [(step.done, depth) for step in runner] == [(0, 0), (1, 0)]
    assert runner.result == "all" and seen == [1, 1, 1] and depth == 0 and is_closed

    is_closed = False
    cancelled = run_steps_within(context, steps())
    next(cancelled)
    cancelled.close()
    assert is_closed and depth == 0


def test_downloads_are_forbidden_in_the_steps_of_a_job_and_not_in_those_of_another_between_them() -> None:
    def replies() -> Iterator[Reply]:
        for _ in range(2):
            forbidden.append(is_download_forbidden())
            yield Reply()

    for consent, is_forbidden in ((FROM_DISK, True), (FROM_NETWORK, False)):
        forbidden: list[bool] = []
        between = [is_download_forbidden() for _ in run_with_consent(replies(), consent)]
        assert forbidden == [is_forbidden] * 2 and between == [False] * 2
