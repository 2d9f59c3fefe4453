"""The thread that owns the model, the pool that reads, writes and draws, and the handles of their jobs."""

from circuitviz.jobs.job_handle import JobHandle
from circuitviz.jobs.task_pool import TaskPool
from circuitviz.jobs.worker import Worker

__all__ = ["JobHandle", "TaskPool", "Worker"]
