"""A failure names the operation that failed, and progress names what is being done."""

from __future__ import annotations

from every_job import job_classes

from circuitviz.workbench.requests.messages import Request
from circuitviz.workbench.requests.query import Query


def test_the_title_of_every_failure_names_its_operation() -> None:
    for job in job_classes():
        assert job.title.startswith("Could not ") and job.title != Request.title, job
        if issubclass(job, Query):
            assert job.activity.partition(" ")[0].endswith("ing") and job.activity != Query.activity, job
