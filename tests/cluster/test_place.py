"""Places are read from one line; what is wrong in it is said, and nothing travels unencrypted between machines."""

from __future__ import annotations

import pytest

from circuitviz.cluster import parse_place
from circuitviz.errors import InputError


def test_each_form_of_a_place_is_read() -> None:
    assert parse_place("local").is_here and not parse_place("local:1").is_here
    assert parse_place("local:4").workers == 4
    for text, address in (
        ("tcp://127.0.0.1:8786", "tcp://127.0.0.1:8786"),
        ("tcp://localhost", "tcp://localhost:8786"),
        ("tcp://[::1]:9000", "tcp://[::1]:9000"),
        ("tls://gpu.example.org:8786", "tls://gpu.example.org:8786"),
    ):
        place = parse_place(text)
        assert (place.kind, place.address, place.text) == ("address", address, text)
    place = parse_place("ssh:me@a,b")
    assert (place.kind, place.hosts, place.workers) == ("ssh", ("me@a", "b"), 2)
    place = parse_place("slurm:partition=gpu,gpus=1,time=2:00:00,workers=3")
    assert (place.kind, place.workers) == ("slurm", 3)
    assert dict(place.slurm) == {"partition": "gpu", "gpus": "1", "time": "2:00:00"}
    assert parse_place("slurm").workers == 1 and parse_place("slurm:").slurm == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("here", "given 'here'; one of these would be right: local, local:4"),
        ("", "given ''; one of these"),
        ("local:0", "'0' is no number of processes"),
        ("local:x", "'x' is no number of processes"),
        ("local:99999", "'99999' is no number of processes"),
        ("tcp://", "names no host"),
        ("tcp://127.0.0.1:port", "names no host"),
        (
            "tcp://10.0.0.7:8786",
            "tls://10.0.0.7:8786 with certificates .*ssh -L 8786:127.0.0.1:8786 10.0.0.7",
        ),
        ("tcp://gpu.example.org", "run programs"),
        ("ssh:", "names no host"),
        ("ssh:a,,b", "names no host"),
        ("slurm:part=gpu", "'part=gpu' is none of: partition: .*Did you mean 'partition'"),
        ("slurm:partition", "'partition' is none of"),
        ("slurm:workers=none", "'none' is no number of workers"),
    ],
)
def test_what_is_wrong_in_a_place_is_said(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_place(text)
