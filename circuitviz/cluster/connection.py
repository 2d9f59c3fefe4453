"""Open the workers of a place, and find out whether they compute what this process would."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from circuitviz.cluster.place import ComputePlace
from circuitviz.errors import ComputationError, InputError, first_error_line
from circuitviz.versions import package_version

SAME_PACKAGES = ("circuitviz", "torch", "transformers", "transformer-lens", "dask", "distributed")
WORKERS_TIMEOUT_S = 120.0  # jobs of a cluster may wait in its queue; the person can interrupt
CONNECT_TIMEOUT_S = 10.0
ABSENT = "not installed"
STATUS_ADDRESS = "127.0.0.1:0"  # of Dask's status pages: any free port, and nobody else's
SHARED_FOLDER = Path(".cache", "circuitviz", "cluster")  # of the home folder


@dataclass(frozen=True)
class WorkerFacts:
    """What a worker says of itself.

    Attributes:
        address: Its address.
        python: Version of Python.
        packages: Versions of ``SAME_PACKAGES``.
    """

    address: str
    python: str
    packages: Mapping[str, str]


class Connection:
    """The workers of a place, until it is closed.

    Args:
        place: The place.
        client: Dask's client.
        resources: What is to be closed with it.

    Attributes:
        place: The place.
        client: Dask's client.
    """

    def __init__(self, place: ComputePlace, client: Any, resources: ExitStack) -> None:
        self.place, self.client = place, client
        self._resources = resources

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the workers; those that were started for this connection end."""
        self._resources.close()

    @property
    def n_workers(self) -> int:
        """The number of workers that are there now."""
        return len(self.client.nthreads())

    def restore_workers(self) -> None:
        """Start workers again that were started for this connection and have died, such as cancelled jobs.

        Dask takes one for lost after ``distributed.deploy.lost-worker-timeout``, 15 s.
        """
        if self.client.cluster is not None:
            self.client.cluster.scale(self.place.workers)

    def describe_workers(self) -> list[WorkerFacts]:
        """Ask each worker what it is.

        Only functions of Python itself are sent until it is known that circuitviz is there.
        """
        pythons = self.client.run(platform.python_version)
        packages = {name: self.client.run(_version_or_absent(), name) for name in SAME_PACKAGES}
        return [
            WorkerFacts(address, python, {name: packages[name][address] for name in SAME_PACKAGES})
            for address, python in pythons.items()
        ]

    def check_workers(self) -> list[str]:
        """Compare the workers with this process.

        Returns:
            Sentences about differences that numbers may show.

        Raises:
            InputError: A worker has another circuitviz, Dask or Python, so that it would not understand what
                it is sent.
        """
        return compare_workers(self.describe_workers())


def compare_workers(workers: list[WorkerFacts]) -> list[str]:
    """Compare workers with this process; result and errors are those of ``Connection.check_workers``."""
    warnings = []
    here = {name: package_version(name) for name in SAME_PACKAGES}
    for worker in workers:
        if worker.packages["circuitviz"] == ABSENT:
            raise InputError(
                f"circuitviz is not installed on the worker {worker.address}; "
                f"'pip install \"circuitviz[cluster]=={here['circuitviz']}\"' there would be right."
            )
        ours, theirs = platform.python_version_tuple()[:2], tuple(worker.python.split(".")[:2])
        if ours != theirs:
            raise InputError(
                f"The worker {worker.address} has Python {worker.python}, and here is Python "
                f"{platform.python_version()}; the same first two numbers on both sides would be right."
            )
        for name, version in here.items():
            if (other := worker.packages[name]) == version:
                continue
            sentence = f"The worker {worker.address} has {name} {other}, and here is {name} {version}"
            if name in ("circuitviz", "dask", "distributed"):
                raise InputError(f"{sentence}; the same version on both sides would be right.")
            warnings.append(f"{sentence}: numbers may differ in their last digits.")
    return warnings


def open_connection(place: ComputePlace, on_wait: Callable[[str], None] = lambda _text: None) -> Connection:
    """Start or reach the workers of a place, and wait until one of them is there.

    Args:
        place: The place; not this process itself.
        on_wait: Called with a sentence where it waits for a queue.

    Raises:
        InputError: Dask is not installed, nothing answers at the address, or the workers do not suit.
        ComputationError: No worker came within two minutes.
    """
    distributed = _import_dask("distributed", place)
    with ExitStack() as resources:
        try:
            client = _open_client(distributed, place, resources)
        except (OSError, TimeoutError) as error:
            raise InputError(
                f"No scheduler of Dask answers at '{place.text}' ({first_error_line(error)}). 'dask "
                "scheduler --host 127.0.0.1' starts one, and 'dask worker tcp://127.0.0.1:8786 --nthreads 1' "
                "a worker."
            ) from None
        if not client.nthreads():
            on_wait(f"waiting for a worker of {place.text}")
        try:
            client.wait_for_workers(1, timeout=WORKERS_TIMEOUT_S)
        except TimeoutError:
            raise ComputationError(
                f"No worker of '{place.text}' came within {WORKERS_TIMEOUT_S:.0f} s; see the cluster's queue"
                f"{f' (squeue), and ~/{SHARED_FOLDER}/logs' if place.kind == 'slurm' else ''}."
            ) from None
        return Connection(place, client, resources.pop_all())


def require_dask(place: ComputePlace) -> None:
    """Raise InputError where a place needs Dask and it is not installed."""
    _import_dask("distributed", place)


def _open_client(distributed: ModuleType, place: ComputePlace, resources: ExitStack) -> Any:
    if place.kind == "address":
        security = _security_from_files(distributed, place) if place.address.startswith("tls") else None
        client = distributed.Client(
            place.address, security=security, timeout=CONNECT_TIMEOUT_S, set_as_default=False
        )
        return resources.enter_context(client)
    if place.kind == "local":
        threads = max(1, (os.cpu_count() or 1) // place.workers)
        cluster = distributed.LocalCluster(
            n_workers=place.workers,
            threads_per_worker=1,
            dashboard_address=STATUS_ADDRESS,
            host="127.0.0.1",
            memory_limit=0,
            env={name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")},
        )
    elif place.kind == "slurm":
        cluster = _open_slurm(_import_dask("dask_jobqueue", place), place)
    else:
        _import_dask("asyncssh", place)
        cluster = import_module("circuitviz.cluster.ssh_workers").open_ssh_workers(place, resources)
    resources.enter_context(cluster)
    return resources.enter_context(
        distributed.Client(cluster, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
    )


def _open_slurm(jobqueue: ModuleType, place: ComputePlace) -> Any:
    """Jobs of SLURM, one worker each; between them and here runs TLS with certificates made for this once.

    Until the connection is closed they lie in a folder of the home folder, which compute nodes see, too, and
    that only its owner reads. What jobs print stays in ``logs``.
    """
    shared_folder = Path.home() / SHARED_FOLDER
    (shared_folder / "logs").mkdir(parents=True, exist_ok=True)
    shared_folder.chmod(0o700)
    given = place.slurm
    extra = [f"--gres=gpu:{given['gpus']}"] if given.get("gpus", "0") != "0" else []
    cluster = jobqueue.SLURMCluster(
        queue=given.get("partition"),
        account=given.get("account"),
        cores=1,
        processes=1,
        job_cpu=int(given.get("cores", "1")),
        memory=given.get("memory", "8GB"),
        walltime=given.get("time", "1:00:00"),
        interface=given.get("interface"),
        job_extra_directives=extra,
        job_script_prologue=[f"export OMP_NUM_THREADS={given.get('cores', '1')}"],
        security=True,
        shared_temp_directory=str(shared_folder),
        log_directory=str(shared_folder / "logs"),
        scheduler_options={"dashboard_address": STATUS_ADDRESS},
        worker_extra_args=["--dashboard-address", STATUS_ADDRESS],
    )
    cluster.scale(jobs=place.workers)
    return cluster


def _security_from_files(distributed: ModuleType, place: ComputePlace) -> Any:
    """TLS as Dask's own configuration describes it (``distributed.comm.tls``)."""
    security = distributed.Security()
    if not security.tls_ca_file or not security.tls_client_cert:
        raise InputError(
            f"--on was given '{place.text}', and Dask's configuration names no certificates: set "
            "distributed.comm.tls.ca-file, client.cert and client.key in ~/.config/dask/distributed.yaml."
        )
    security.require_encryption = True
    return security


def _version_or_absent() -> Callable[[str], str]:
    """A function that a worker without circuitviz understands, too: it is sent by its value."""

    def version(name: str) -> str:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return "not installed"

    return version


def _import_dask(name: str, place: ComputePlace) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise InputError(
            f"'{place.text}' needs Dask, which is not installed ({name} is missing); "
            "'pip install \"circuitviz[cluster]\"' would be right."
        ) from None
