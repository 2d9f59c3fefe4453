"""A Hugging Face name with a network, with one that is silent, and with none: a small hub of our own answers."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest
import transformers.utils.hub
from huggingface_hub import constants, hf_api
from mutations import heads
from pytestqt.qtbot import QtBot
from safetensors.torch import load_file, save_file

from circuitviz.cli import run
from circuitviz.discovery import discover
from circuitviz.document import Document
from circuitviz.errors import InputError
from circuitviz.features import load_dictionaries
from circuitviz.formats import save_document
from circuitviz.jobs import Worker
from circuitviz.models import hub, is_local_model, load_model
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.tasks import load_task
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.record_origin import select_circuit
from circuitviz.workbench.requests.discover_circuit import DiscoverCircuit
from circuitviz.workbench.requests.messages import JobFailed, ProgressReported, WorkerIdle

NAME, COMMIT = "somebody/small-model", "0123456789abcdef0123456789abcdef01234567"
RELEASE = "saelens:gpt2-small-hook-z-kk/blocks.1.hook_z"


class Hub(BaseHTTPRequestHandler):
    """Gives the files of ``folder`` as Hugging Face gives a repository's; all else is not found."""

    folder = Path(str(resource_path("demo", "model")))

    def do_HEAD(self) -> None:
        self._give()

    def do_GET(self) -> None:
        self.wfile.write(self._give())

    def _give(self) -> bytes:
        asked = re.fullmatch(rf"/{NAME}/resolve/(main|{COMMIT})/(.+)", self.path)
        path = self.folder / (asked[2] if asked else "nowhere")
        if not path.is_file():
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return b""
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """The library as it is where the network is on, with a cache of its own."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    huggingface_hub.close_session()
    yield monkeypatch
    huggingface_hub.close_session()


def ask_at(patch: pytest.MonkeyPatch, port: int) -> None:
    """Take a port of this machine for Hugging Face."""
    patch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    for api in (hf_api.api, transformers.utils.hub.hf_api()):  # each keeps the address it was made with
        patch.setattr(api, "endpoint", f"http://127.0.0.1:{port}")
    template = f"http://127.0.0.1:{port}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def online(elsewhere: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    ask_at(elsewhere, server.server_address[1])
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def refused(elsewhere: pytest.MonkeyPatch) -> None:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ask_at(elsewhere, port)


@pytest.fixture
def silent(elsewhere: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody listens and never says a word, as behind many a wall."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ask_at(elsewhere, server.getsockname()[1])
        yield


def test_with_a_network_a_name_is_downloaded_and_stays_for_days_without(
    online: ThreadingHTTPServer, elsewhere: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert run_to_completion(hub.probe_hub_steps())
    found = load_model(NAME)
    assert found.parameter_hash == load_model("demo").parameter_hash
    assert not constants.HF_HUB_OFFLINE
    with pytest.raises(InputError, match=r"'somebody/else' here.*Hugging Face did not give it"):
        load_model("somebody/else")

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ask_at(elsewhere, port)  # nobody listens there any more
    with caplog.at_level(logging.WARNING):
        assert load_model(NAME).parameter_hash == found.parameter_hash
    assert not caplog.records and not constants.HF_HUB_OFFLINE


@pytest.mark.usefixtures("refused")
def test_without_a_network_one_sentence_comes_after_one_try(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG, "huggingface_hub"), pytest.raises(InputError) as told:
        load_model("gpt2")
    assert str(told.value) == (
        "There is no model 'gpt2' here: it is neither 'demo' nor a folder, Hugging Face does not answer (no network), "
        "and it was not downloaded before. Try again online, or give a folder."
    )
    _check_one_try(caplog, capfd)


@pytest.mark.usefixtures("refused")
def test_without_a_network_a_release_gives_one_sentence_after_one_try(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], demo
) -> None:
    pytest.importorskip("sae_lens", exc_type=ImportError)
    with (
        caplog.at_level(logging.DEBUG, "huggingface_hub"),
        pytest.raises(
            InputError, match=r"'blocks.1.hook_z' of the release.*no network.*or give its folder\."
        ),
    ):
        load_dictionaries([RELEASE], demo.model)
    _check_one_try(caplog, capfd)


def _check_one_try(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    tries = [record for record in caplog.records if record.getMessage().startswith("Request")]
    assert len(tries) <= 1 and not any("Retrying" in record.getMessage() for record in caplog.records)
    assert capfd.readouterr().err == ""
    assert not constants.HF_HUB_OFFLINE, "the next try asks the network again"


@pytest.mark.usefixtures("silent")
def test_silence_ends_the_patience_and_no_more(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.setattr(hub, "HUB_TIMEOUT_S", 0.3)
    steps = list(hub.probe_hub_steps())
    assert 2 <= len(steps) <= 5
    with pytest.raises(InputError, match="does not answer"):
        load_model("gpt2")


def test_a_network_that_somebody_switched_off_is_not_asked(
    online: ThreadingHTTPServer, elsewhere: pytest.MonkeyPatch
) -> None:
    elsewhere.setattr(constants, "HF_HUB_OFFLINE", True)
    assert not run_to_completion(hub.probe_hub_steps())
    with pytest.raises(InputError, match="does not answer"):
        load_model(NAME)
    assert constants.HF_HUB_OFFLINE


@pytest.mark.usefixtures("silent")
def test_waiting_for_a_network_can_be_cancelled(qtbot: QtBot, elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.setattr(hub, "HUB_TIMEOUT_S", 600.0)  # longer than this test would wait
    worker, seen = Worker(Engine()), []
    worker.replied.connect(seen.append)
    worker.start()
    try:
        worker.submit(DiscoverCircuit("gpt2", "ioi", None, 4, 0, "eap", {}, "", "corrupted", "top", 20))
        waits = "Connecting to Hugging Face"
        qtbot.waitUntil(
            lambda: any(isinstance(r, ProgressReported) and r.message == waits for r in seen), timeout=30_000
        )
        worker.cancel_all()
        qtbot.waitUntil(lambda: any(isinstance(r, WorkerIdle) for r in seen), timeout=30_000)
    finally:
        worker.stop()
    assert not any(isinstance(reply, JobFailed) for reply in seen)


@pytest.mark.parametrize(
    "verb", [["evaluate"], ["inspect", "--node", "a2.h6"], ["export", "-o", "a.svg"], ["label", "list"]]
)
def test_what_a_file_names_is_not_asked_of_the_network(
    elsewhere: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: list[str]
) -> None:
    """A stranger's circuit names a model on Hugging Face, and dictionaries: only ``--model`` downloads it."""
    asked: list[str] = []
    earlier = {thread for thread in threading.enumerate() if thread is not threading.current_thread()}

    def connect(_socket: object, address: object) -> None:
        if threading.current_thread() not in earlier:
            asked.append(str(address))
        raise OSError("no network in this test")

    elsewhere.setattr(socket.socket, "connect", connect)
    elsewhere.setattr(socket, "getaddrinfo", lambda *address, **_: connect(None, address))
    state = heads().state
    assert state.origin is not None
    where = replace(state.origin, model=NAME, options={**state.origin.options, "dictionaries": RELEASE})
    path = tmp_path / "theirs.circuit"
    save_document(Document(replace(state, origin=where)), path)
    words = [str(tmp_path / word) if word == "a.svg" else word for word in verb]
    count = 2 if words[0] == "label" else 1
    code = run([*words[:count], str(path), *words[count:]])
    errors = capsys.readouterr().err
    assert not asked and not constants.HF_HUB_OFFLINE and not hub.is_download_forbidden()
    if words[0] in ("evaluate", "inspect"):
        assert code == 2 and f"--model {NAME}' does." in errors and errors.count("\n") == 1
        assert run([*words[:count], str(path), *words[count:], "--model", NAME]) == 2
        assert asked and "Hugging Face does not answer" in capsys.readouterr().err
    else:
        assert code == 0, errors


def test_a_model_that_a_file_names_opens_from_what_was_downloaded(
    online: ThreadingHTTPServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once a person has asked for it, its files are computed on without a question to the hub."""
    model = load_model(NAME)
    task = load_task("ioi", model, prompts=4)
    state = select_circuit(
        model, task, discover(model, task, "eap"), "logit-diff", "corrupted", "greedy", 40, 1.0
    )
    save_document(Document(state), tmp_path / "a.circuit")
    online.shutdown()
    online.server_close()
    assert run(["evaluate", str(tmp_path / "a.circuit"), "--json", "--no-random"]) == 0
    assert "faithfulness" in capsys.readouterr().out


REFUSED_FILES = {
    "quantised": ("config.json", {"quantization_config": {"quant_method": "gptq", "bits": 4}}, r"quantised \(gptq\)"),
    "an adapter": ("adapter_config.json", {"base_model_name_or_path": "a/b"}, "holds an adapter .* for the model 'a/b'"),
    "an adapter alone": ("adapter_config.json", None, "holds an adapter .adapter_config.json., and no model alone"),
    "code of its own": ("config.json", {"model_type": "own", "auto_map": {"AutoConfig": "own.C"}}, "which is never run"),
    "code elsewhere": ("config.json", {"model_type": "own", "auto_map": {"AutoConfig": "x/y--own.C"}}, "is never run"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED_FILES)
@pytest.mark.usefixtures("online")
def test_what_cannot_be_used_is_refused_before_weights_or_code_are_downloaded(
    kind: str, elsewhere: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name, values, said = REFUSED_FILES[kind]
    shutil.copytree(Hub.folder, tmp_path / "files")
    config = json.loads((tmp_path / "files" / "config.json").read_text())
    (tmp_path / "files" / name).write_text(json.dumps({**config, **(values or {})}))
    (tmp_path / "files" / "own.py").write_text("raise AssertionError('it ran')\n")
    if values is None:
        (tmp_path / "files" / "config.json").unlink()
    elsewhere.setattr(Hub, "folder", tmp_path / "files")
    with pytest.raises(InputError, match=said):
        load_model(NAME)
    downloaded = {path.name for path in (tmp_path / "cache").rglob("snapshots/*/*")}
    assert downloaded and downloaded <= {"config.json", "adapter_config.json"}


def test_a_download_that_broke_off_is_not_taken_for_none(
    online: ThreadingHTTPServer, elsewhere: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Offline, the shard that did not come is named; where even the list of shards is gone, it is only a part."""
    expected = load_model(NAME).parameter_hash
    elsewhere.setattr(constants, "HF_HUB_OFFLINE", True)
    (snapshot,) = (tmp_path / "cache").rglob("snapshots/*")
    tensors = load_file(snapshot / "model.safetensors")
    (snapshot / "model.safetensors").unlink()
    names = sorted(tensors)
    for i in range(2):
        save_file(
            {name: tensors[name] for name in names[i::2]}, snapshot / f"{i}.safetensors", {"format": "pt"}
        )
    index = {"metadata": {}, "weight_map": {name: f"{i % 2}.safetensors" for i, name in enumerate(names)}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    assert load_model(NAME).parameter_hash == expected
    (snapshot / "1.safetensors").unlink()
    with pytest.raises(InputError) as told:
        load_model(NAME)
    assert str(told.value) == (
        f"'{NAME}' lacks 1 of the 2 shards that model.safetensors.index.json names, the first: '1.safetensors'. "
        "Download what is missing, or all of it again."
    )
    (snapshot / "model.safetensors.index.json").unlink()
    with pytest.raises(InputError, match="no network., and it was downloaded only in part before"):
        load_model(NAME)


def test_which_models_are_local(tmp_path: Path) -> None:
    assert (
        is_local_model("demo")
        and is_local_model(str(resource_path("demo", "model")))
        and not is_local_model(NAME)
    )
    with pytest.raises(InputError, match="without config.json"):
        is_local_model(str(tmp_path))
