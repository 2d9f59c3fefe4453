"""The thread that owns the model, its mailbox, handles of jobs, and jobs that touch files."""

from circuitviz.jobs.job_handle import JobHandle
from circuitviz.jobs.open_file import FileOpened, OpenComparisonFile, OpenFile
from circuitviz.jobs.preload import Preload
from circuitviz.jobs.run_task import RunTask, TaskDone
from circuitviz.jobs.worker import Worker

__all__ = [
    "JobHandle",
    "TaskDone",
    "RunTask",
    "OpenComparisonFile",
    "OpenFile",
    "FileOpened",
    "Preload",
    "Worker",
]
