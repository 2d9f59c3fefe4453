"""What a person is told when a job fails, whichever thread it ran on."""

from __future__ import annotations

import traceback

from circuitviz.errors import ComputationError, InputError
from circuitviz.workbench.requests.messages import JobFailed, Request

OUT_OF_MEMORY = "This machine's memory was not enough."


def describe_failure(error: Exception, title: str, request: Request | None = None) -> JobFailed:
    """Turn an exception into the message that is shown; only faults of the application carry a traceback.

    Args:
        error: What the job raised.
        title: Names the operation, as in "Could not export the figure".
        request: The request that failed, where there is one.

    Returns:
        The failure; ``details`` and ``is_internal_error`` are set for anything but wrong input, a failed
        computation and a lack of memory.
    """
    if isinstance(error, InputError):
        return JobFailed(title, str(error), request=request)
    if isinstance(error, ComputationError | MemoryError):
        return JobFailed(title, str(error) or OUT_OF_MEMORY, request=request)
    text = f"{type(error).__name__}: {error}"
    details = "".join(traceback.format_exception(error))
    return JobFailed(title, text, details, is_internal_error=True, request=request)
