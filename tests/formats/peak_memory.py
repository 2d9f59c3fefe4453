"""The most memory that a process has used, for programs that tests run on their own."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_memory_bytes() -> int:
    """This process's peak resident size.

    On Linux not ``ru_maxrss``: a program inherits that from the process that started it, so beside other
    tests it was theirs, some GB, and a difference of two readings was 0.
    """
    if STATUS.exists():
        peak = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
        assert peak is not None
        return int(peak.group(1)) * 1024
    peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_rss if sys.platform == "darwin" else peak_rss * 1024
