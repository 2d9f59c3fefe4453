"""Workers started by SSH: a server of this test's own, with its own keys, on a port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from circuitviz.errors import InputError
from circuitviz.progress import Progress
from circuitviz.sweeps import parse_plan, run_cells_here

pytest.importorskip("distributed")
pytest.importorskip("asyncssh")

from circuitviz.cluster import open_connection, parse_place, run_cells_on

pytestmark = pytest.mark.long
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
CONFIG = """
Host 127.0.0.1
  Port {port}
  IdentityFile {folder}/client
  UserKnownHostsFile {folder}/known_hosts
"""
SERVER_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv PYTHONPATH
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder whose SSH configuration reaches a server on this computer."""
    if not Path(SSHD).is_file() or not shutil.which("ssh-keygen"):
        pytest.skip("no SSH server is installed")
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{port} {(tmp_path / 'host.pub').read_text()}")
    (home / ".ssh" / "config").write_text(CONFIG.format(port=port, folder=tmp_path))
    (tmp_path / "sshd_config").write_text(SERVER_CONFIG.format(port=port, folder=tmp_path))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where the server keeps its unprivileged half
    command = [SSHD, "-D", "-e", "-f", str(tmp_path / "sshd_config")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    monkeypatch.setenv("HOME", str(home))
    yield tmp_path
    process.terminate()
    process.wait(10)


def test_cells_on_a_host_are_those_of_this_process(server: Path) -> None:
    plan = parse_plan(
        {"methods": ["eap", "gim"], "sizes": [0.02], "prompts": 3, "search_prompts": 3}, "p", Path(".")
    )
    folders = set(Path("/var/tmp").glob("circuitviz-*"))
    with open_connection(parse_place("ssh:127.0.0.1")) as connection:
        assert connection.client.scheduler.address.startswith("tls://")
        (made,) = set(Path("/var/tmp").glob("circuitviz-*")) - folders
        assert made.stat().st_mode & 0o777 == 0o700
        assert all(file.stat().st_mode & 0o777 == 0o600 for file in made.iterdir())
        assert connection.check_workers() == []
        there = {
            e[0].digest: e[1].points
            for e in run_cells_on(connection, plan.cells)
            if not isinstance(e, Progress)
        }
    here = {e[0].digest: e[1].points for e in run_cells_here(plan.cells) if not isinstance(e, Progress)}
    assert there == here
    assert not made.exists()


def test_a_host_that_does_not_answer_or_has_no_such_python_is_said(server: Path) -> None:
    with pytest.raises(InputError, match=r"No worker of 'ssh:127.0.0.1,python=/nowhere/python' starts"):
        open_connection(parse_place("ssh:127.0.0.1,python=/nowhere/python"))
    (server / "known_hosts").write_text("")
    with pytest.raises(InputError, match=r"'127.0.0.1' of 'ssh:127.0.0.1' cannot be reached by SSH"):
        open_connection(parse_place("ssh:127.0.0.1"))
