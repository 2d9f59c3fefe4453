"""Workers on a few machines that SSH reaches, with TLS between all of them.

Dask's ``SSHCluster`` starts processes by SSH, but lets them talk without encryption. Certificates are made
for one connection and copied by SSH into a folder that only their user reads; Dask's own configuration, which
the processes inherit, names the files.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
from contextlib import ExitStack
from typing import Any

import asyncssh
import dask.config
import distributed

from circuitviz.cluster.place import ComputePlace
from circuitviz.errors import InputError, first_error_line

ROLES = ("scheduler", "worker", "client")


def open_ssh_workers(place: ComputePlace, resources: ExitStack) -> Any:
    """Start a scheduler on the first host, and a worker on each.

    Args:
        place: The place; how hosts are reached (port, key, proxy) says ``~/.ssh/config``.
        resources: Gets what is to be removed when the connection is closed.

    Returns:
        Dask's cluster.

    Raises:
        InputError: A host cannot be reached, or does not start Python with Dask.
    """
    security = distributed.Security.temporary()
    folder = f"/var/tmp/circuitviz-{secrets.token_hex(8)}"
    files = {
        "ca.pem": security.tls_ca_file,
        "cert.pem": security.tls_client_cert,
        "key.pem": security.tls_client_key,
    }
    hosts = list(dict.fromkeys(place.hosts))
    for host in hosts:
        try:
            asyncio.run(_write_files(host, folder, files))
        except (OSError, asyncssh.Error) as error:
            raise InputError(
                f"'{host}' of '{place.text}' cannot be reached by SSH ({first_error_line(error)}); 'ssh "
                f"{host}' without a password would have to work."
            ) from None
        resources.callback(_remove_folder, host, folder)
    settings: dict[str, Any] = {
        "distributed.comm.tls.ca-file": f"{folder}/ca.pem",
        "distributed.comm.require-encryption": True,
        "distributed.comm.default-scheme": "tls",
    }
    for role in ROLES:
        settings[f"distributed.comm.tls.{role}.cert"] = f"{folder}/cert.pem"
        settings[f"distributed.comm.tls.{role}.key"] = f"{folder}/key.pem"
    try:
        with dask.config.set(settings):
            return distributed.SSHCluster(
                [_address(host) for host in (place.hosts[0], *place.hosts)],
                connect_options=[_connect_options(host) for host in (place.hosts[0], *place.hosts)],
                scheduler_options={
                    "port": 0,
                    "dashboard": False,
                    "dashboard_address": "127.0.0.1:0",
                    "protocol": "tls",
                },
                worker_options={"nthreads": 1, "protocol": "tls", "dashboard_address": "127.0.0.1:0"},
                remote_python=place.python or None,
                security=security,
            )
    except Exception as error:  # Dask raises Exception itself where a process does not start
        raise InputError(
            f"No worker of '{place.text}' starts ({first_error_line(error)}); Python with "
            "circuitviz[cluster] would have to be there by the same path as here, or where python=… says."
        ) from None


async def _write_files(host: str, folder: str, files: dict[str, str]) -> None:
    async with asyncssh.connect(_address(host), **_connect_options(host)) as connection:
        await connection.run(f"umask 077 && mkdir {shlex.quote(folder)}", check=True)
        for name, text in files.items():
            await connection.run(
                f"umask 077 && cat > {shlex.quote(f'{folder}/{name}')}", input=text, check=True
            )


def _remove_folder(host: str, folder: str) -> None:
    async def remove() -> None:
        async with asyncssh.connect(_address(host), **_connect_options(host)) as connection:
            await connection.run(f"rm -rf {shlex.quote(folder)}")

    asyncio.run(remove())


def _address(host: str) -> str:
    return host.rpartition("@")[2]


def _connect_options(host: str) -> dict[str, Any]:
    user = host.rpartition("@")[0]
    return {"username": user} if user else {}
