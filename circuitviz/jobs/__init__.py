"""Long work, off the window's thread."""

from circuitviz.jobs.worker import Worker

__all__ = ["Worker"]
