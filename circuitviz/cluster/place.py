"""Where a computation runs, as ``--on`` and the window's field *Where* say it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from circuitviz.errors import InputError, suggest_name

PlaceKind = Literal["local", "address", "ssh", "slurm"]

PLACE_FORMS = (
    "local, local:4 (so many processes of this computer), tcp://127.0.0.1:8786 or tls://HOST:PORT (a "
    "scheduler of Dask that runs), ssh:USER@HOST,HOST,python=/path/to/python (processes there), "
    "slurm:partition=gpu,gpus=1,time=2:00:00,workers=4 (jobs)"
)
SCHEDULER_PORT = 8786  # Dask's own
PYTHON_KEY = "python="
SLURM_KEYS = {
    "partition": "the queue that jobs are sent to",
    "workers": "how many jobs, each one worker (default 1)",
    "cores": "processor cores of a job (default 1)",
    "memory": "of a job, such as 16GB (default 8GB)",
    "gpus": "GPUs of a job (default 0)",
    "time": "the longest that a job runs, such as 2:00:00 (default 1:00:00)",
    "account": "the account that jobs are charged to",
    "interface": "the network interface by which workers reach this computer, such as ib0",
}


@dataclass(frozen=True)
class ComputePlace:
    """Where a computation runs.

    Attributes:
        text: As a person wrote it.
        kind: ``local`` (processes here), ``address`` (a running scheduler), ``ssh`` or ``slurm``.
        workers: Number of worker processes; of ``local`` 0: in this process.
        address: Address of a running scheduler.
        hosts: Hosts of ``ssh``, each perhaps with a user.
        python: Python of the hosts; empty: that of this process, by the same path.
        slurm: Keys of ``SLURM_KEYS`` that were given.
    """

    text: str
    kind: PlaceKind
    workers: int = 0
    address: str = ""
    hosts: tuple[str, ...] = ()
    python: str = ""
    slurm: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_here(self) -> bool:
        """Whether it is this process, for which Dask is not needed."""
        return self.kind == "local" and not self.workers


def parse_place(text: str) -> ComputePlace:
    """Read a place.

    >>> parse_place("local:4").workers, parse_place("slurm:partition=gpu,gpus=1").slurm["gpus"]
    (4, '1')

    Raises:
        InputError: It has another form, or an address to which data would travel unencrypted.
    """
    kind, _, rest = text.partition(":")
    if text == "local":
        return ComputePlace(text, "local")
    if kind == "local":
        return ComputePlace(text, "local", workers=_parse_count(text, "processes", rest))
    if kind in ("tcp", "tls"):
        return ComputePlace(text, "address", address=_check_address(text))
    if kind == "ssh":
        entries = [entry.strip() for entry in rest.split(",")]
        hosts = tuple(entry for entry in entries if not entry.startswith(PYTHON_KEY))
        if not hosts or not all(hosts):
            raise InputError(f"--on was given '{text}', which names no host; ssh:user@host would be right.")
        python = next((e.removeprefix(PYTHON_KEY) for e in entries if e.startswith(PYTHON_KEY)), "")
        return ComputePlace(text, "ssh", workers=len(hosts), hosts=hosts, python=python)
    if kind == "slurm":
        given = _parse_pairs(text, rest)
        workers = _parse_count(text, "workers", given.pop("workers", "1"))
        return ComputePlace(text, "slurm", workers=workers, slurm=given)
    raise InputError(f"--on was given '{text}'; one of these would be right: {PLACE_FORMS}.")


def is_loopback(host: str) -> bool:
    """Whether a host is this computer by its loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_address(text: str) -> str:
    """The address of a scheduler; without TLS only of this computer, where an SSH tunnel may begin."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or SCHEDULER_PORT
    except ValueError:
        host, port = None, 0
    if not host:
        raise InputError(
            f"--on was given '{text}', which names no host; tcp://127.0.0.1:8786 would be right."
        )
    if parts.scheme == "tcp" and not is_loopback(host):
        raise InputError(
            f"--on was given '{text}': whoever is on the network between here and {host} could read and "
            f"change what is computed, and run programs. tls://{host}:{port} with certificates would be "
            f"right, or an SSH tunnel (ssh -L {port}:127.0.0.1:{port} {host}) and tcp://127.0.0.1:{port}."
        )
    return f"{parts.scheme}://{host if ':' not in host else f'[{host}]'}:{port}"


def _parse_count(text: str, what: str, number: str) -> int:
    if not number.isdecimal() or not 1 <= int(number) <= 10_000:
        raise InputError(
            f"--on was given '{text}', in which '{number}' is no number of {what}; 1 to 10,000 would be "
            "right."
        )
    return int(number)


def _parse_pairs(text: str, rest: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in filter(None, rest.split(",")):
        key, sign, value = pair.partition("=")
        if key not in SLURM_KEYS or not sign or not value:
            keys = "; ".join(f"{name}: {meaning}" for name, meaning in SLURM_KEYS.items())
            raise InputError(
                f"--on was given '{text}', in which '{pair}' is none of: {keys}."
                + suggest_name(key, SLURM_KEYS)
            )
        found[key] = value
    return found
