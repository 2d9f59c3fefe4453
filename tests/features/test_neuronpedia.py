"""Features of Neuronpedia over its API: what is asked, kept and told, against a server on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from neuronpedia_server import NeuronpediaServer, feature_answer, serve_neuronpedia

from circuitviz.errors import ComputationError, InputError
from circuitviz.features import explanations
from circuitviz.features.explanations import (
    fetch_feature_steps,
    neuronpedia,
    parse_address,
    read_example_texts,
)
from circuitviz.models.hub import forbid_downloads
from circuitviz.progress import run_to_completion

ADDRESS = parse_address("gpt2-small/5-tres-dc/123")
PATH = f"/api/feature/{ADDRESS}"
TEXTS = [["<|endoftext|>", "When", " Mary", " and", " John"], ["Mary", " went", " to", " the", " store"]]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NeuronpediaServer]:
    monkeypatch.setattr(neuronpedia, "FIRST_WAIT_S", 0.01)
    monkeypatch.delenv("NEURONPEDIA_API_KEY", raising=False)
    with serve_neuronpedia() as served:
        served.put(feature_answer("gpt2-small", "5-tres-dc", 123, TEXTS))
        yield served


def fetch(server: NeuronpediaServer, folder: Path, address: Any = ADDRESS) -> explanations.NeuronpediaFeature:
    return run_to_completion(fetch_feature_steps(address, server.url, folder))


def test_a_feature_is_fetched_once_and_kept(server: NeuronpediaServer, tmp_path: Path) -> None:
    found = fetch(server, tmp_path)
    assert (found.site, found.n_examples, found.is_from_cache) == ("m5", 2, False)
    assert found.statistics == {
        "max_activation": 12.5, "density": 0.0021, "promoted": [[" Mary", 1.5], [" Ann", 1.25]],
        "suppressed": [[" the", -0.5]],
    }  # fmt: skip
    (one,) = found.explanations
    assert (one.text, one.source, one.link) == ("names of people", "gpt-4o-mini", ADDRESS.link)
    assert read_example_texts(found.path) == ["When Mary and John", "Mary went to the store"]
    again = fetch(server, tmp_path)
    assert again.is_from_cache and again.explanations == found.explanations
    ((path, headers),) = server.requests
    assert path == PATH and headers["user-agent"].startswith("circuitviz/") and "x-api-key" not in headers


def test_a_key_of_the_environment_is_sent(
    server: NeuronpediaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURONPEDIA_API_KEY", "sk-np-test")
    fetch(server, tmp_path)
    assert server.requests[0][1]["x-api-key"] == "sk-np-test"


def test_a_busy_server_is_asked_again(server: NeuronpediaServer, tmp_path: Path) -> None:
    good = server.answers[PATH]
    server.answers[PATH] = [(503, b"busy"), (429, b"too many", {"Retry-After": "0"}), good]
    assert fetch(server, tmp_path).n_examples == 2 and len(server.requests) == 3


@pytest.mark.parametrize(
    ("answer", "n_requests", "error", "told"),
    [
        ((404, b"{}"), 1, InputError, "has no feature 'gpt2-small/5-tres-dc/123'"),
        ((401, b"{}"), 1, InputError, "set NEURONPEDIA_API_KEY"),
        ((500, b"oops"), 3, ComputationError, r"could not give .* \(status 500\)"),
        ((429, b"slow down", {"Retry-After": "0"}), 3, ComputationError, "was asked too often"),
        ((301, b""), 1, ComputationError, "status 301"),
        ((200, b"<html>hello</html>"), 1, ComputationError, "is no feature of Neuronpedia"),
        ((200, b"[1, 2]"), 1, ComputationError, "is no feature of Neuronpedia"),
        ((200, b"\xff\xfe\x00"), 1, ComputationError, "is no feature of Neuronpedia"),
        ((200, b"[" * 100_000), 1, ComputationError, "is no feature of Neuronpedia"),
        ((200, b'{"activations": 3}'), 1, ComputationError, "is no feature of Neuronpedia"),
        ((200, json.dumps(feature_answer("gpt2-small", "5-tres-dc", 9, [])).encode()), 1, ComputationError,
         "gave 'gpt2-small/5-tres-dc/9'"),
        ((200, b'{"activations": []', {"Content-Length": "5000"}), 3, ComputationError, "could not be reached"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_in_a_sentence(
    answer: Any, n_requests: int, error: type, told: str, server: NeuronpediaServer, tmp_path: Path
) -> None:
    server.answers[PATH] = answer
    with pytest.raises(error, match=told) as caught:
        fetch(server, tmp_path)
    assert len(server.requests) == n_requests and "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.json"))  # nothing of it is kept


def test_rubbish_inside_a_feature_is_left_out(server: NeuronpediaServer, tmp_path: Path) -> None:
    answer = feature_answer("gpt2-small", "5-tres-dc", 123, TEXTS)
    answer["activations"] += [None, {"tokens": "text"}, {"tokens": []}, 3]
    answer |= {"explanations": [None, {"description": 7}, {"description": "real"}], "maxActApprox": "many"}
    answer |= {"pos_str": [1, 2], "pos_values": [None, float("nan")], "frac_nonzero": float("inf")}
    server.put(answer)
    found = fetch(server, tmp_path)
    assert [one.text for one in found.explanations] == ["real"]
    assert found.statistics == {"promoted": [], "suppressed": [[" the", -0.5]]}
    assert len(read_example_texts(found.path)) == 2


def test_an_endless_answer_and_a_slow_server_are_given_up(
    server: NeuronpediaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neuronpedia, "MAX_ANSWER_BYTES", 100)
    with pytest.raises(ComputationError, match="answer is longer"):
        fetch(server, tmp_path)
    monkeypatch.setattr(neuronpedia, "READ_TIMEOUT_S", 0.05)
    server.delay_s = 0.4
    server.requests.clear()
    with pytest.raises(ComputationError, match="does not answer in time"):
        fetch(server, tmp_path)
    assert len(server.requests) == neuronpedia.MAX_ATTEMPTS


def test_waiting_can_be_ended(server: NeuronpediaServer, tmp_path: Path) -> None:
    server.delay_s = 0.5
    steps = fetch_feature_steps(ADDRESS, server.url, tmp_path)
    assert "gpt2-small/5-tres-dc/123" in next(steps).message
    steps.close()


def test_without_a_network_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neuronpedia, "FIRST_WAIT_S", 0.0)
    with pytest.raises(ComputationError, match="could not be reached .* a network connection is needed"):
        run_to_completion(fetch_feature_steps(ADDRESS, "http://127.0.0.1:9", tmp_path))


def test_nothing_is_fetched_where_nobody_asked(server: NeuronpediaServer, tmp_path: Path) -> None:
    with forbid_downloads(), pytest.raises(ComputationError, match="nobody asked"):
        fetch(server, tmp_path)
    assert not server.requests
    fetch(server, tmp_path)
    with forbid_downloads():
        assert fetch(server, tmp_path).is_from_cache


def test_a_damaged_file_of_the_cache_is_fetched_anew(server: NeuronpediaServer, tmp_path: Path) -> None:
    path = fetch(server, tmp_path).path
    path.write_bytes(b"{")
    assert not fetch(server, tmp_path).is_from_cache and len(server.requests) == 2


@pytest.mark.parametrize(
    "text", ["", "gpt2-small", "a/b/c", "a/../3", "a/b/3/4", "https://example.org/a/b/3"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="MODEL/LAYER-SET/INDEX"):
        parse_address(text)
