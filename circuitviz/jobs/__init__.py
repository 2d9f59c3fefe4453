"""The thread that owns the model, its mailbox, and jobs that touch files."""

from circuitviz.jobs.open_file import FileOpened, OpenComparisonFile, OpenFile
from circuitviz.jobs.preload import Preload
from circuitviz.jobs.run_task import RunTask, TaskDone
from circuitviz.jobs.worker import Worker

__all__ = [
    "TaskDone",
    "RunTask",
    "OpenComparisonFile",
    "OpenFile",
    "FileOpened",
    "Preload",
    "Worker",
]
