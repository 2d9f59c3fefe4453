"""Dictionaries by name come from the hub when a person asks, then from its cache; a small hub of our own answers."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import yaml
from huggingface_hub import constants, hf_api
from safetensors.numpy import save_file

from circuitviz.errors import InputError
from circuitviz.features import absolute_or_name, dictionary_names, find_dictionary_paths, load_dictionary
from circuitviz.features.dictionary_loading import read_sources_steps
from circuitviz.features.dictionary_names import HubFolder, SaelensRelease, parse_dictionary_name
from circuitviz.models.hub import forbid_downloads
from circuitviz.progress import run_to_completion

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WIDTH, FEATURES = 8, 12
NPZ = "google/gemma-scope-2b-pt-transcoders/layer_{}/width_16k/average_l0_7/params.npz"
TABLE = {
    "tiny-transcoders": {
        "repo_id": "google/gemma-scope-2b-pt-transcoders",
        "conversion_func": "gemma_2_transcoder",
        "saes": [{"id": f"layer_{n}/mine", "path": f"layer_{n}/width_16k/average_l0_7"} for n in range(2)],
    },
    "tiny-widths": {
        "repo_id": "somebody/widths",
        "conversion_func": "gemma_2",
        "saes": [{"id": f"layer_0/width_{n}k", "path": f"layer_0/width_{n}k"} for n in (16, 65)],
    },
}


def arrays(**more: tuple[int, ...]) -> dict[str, Any]:
    draw = np.random.default_rng(0)
    shapes = {"W_enc": (FEATURES, WIDTH), "W_dec": (FEATURES, WIDTH), "b_enc": (FEATURES,), "b_dec": (WIDTH,)}
    return {name: draw.normal(size=shape).astype("float32") for name, shape in {**shapes, **more}.items()}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repositories as folders: a set whose second layer is another repository's file, and one of many widths."""
    root = tmp_path_factory.mktemp("served")
    for layer in range(2):
        place = root / NPZ.format(layer)
        place.parent.mkdir(parents=True)
        np.savez(place, **arrays(W_enc=(WIDTH, FEATURES), threshold=(FEATURES,)))
    own = root / "somebody" / "transcoders"
    own.mkdir(parents=True)
    hooks = {"feature_input_hook": "ln2.hook_normalized", "feature_output_hook": "hook_mlp_out"}
    listed = ["first.safetensors", f"hf://{NPZ.format(1)}"]
    (own / "config.yaml").write_text(yaml.safe_dump({"model_name": "m", **hooks, "transcoders": listed}))
    save_file(arrays(), own / "first.safetensors")
    (own / "big.bin").write_bytes(b"never asked for")
    for width in (16, 65):
        place = root / "somebody" / "widths" / "layer_0" / f"width_{width}k" / "params.npz"
        place.parent.mkdir(parents=True)
        np.savez(place, **arrays())
    (root / "somebody" / "pickles").mkdir()
    (root / "somebody" / "pickles" / "layer0.sae.pt").write_bytes(b"code")
    return root


@pytest.fixture
def asked(served: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """A hub that answers, with a cache of its own: what it was asked for."""
    paths: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self.wfile.write(self._answer())

        def _answer(self) -> bytes:
            content = self._content()
            self.send_response(404 if content is None else 200)
            if content is None:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(content or b"").hexdigest()}"')
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            return content or b""

        def _content(self) -> bytes | None:
            if tree := re.match(r"/api/models/([^/]+/[^/]+)/tree/", self.path):
                folder = served / tree[1]
                files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
                rows = [
                    {"type": "file", "path": path.relative_to(folder).as_posix(), "size": 1, "oid": "0"}
                    for path in files
                ]
                return json.dumps(rows).encode() if folder.is_dir() else None
            if file := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", self.path):
                paths.append(f"{file[1]}/{file[2]}")
                path = served / file[1] / file[2]
                return path.read_bytes() if path.is_file() else None
            return b"" if self.path == "/" else None

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(hf_api.api, "endpoint", address)
    template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(dictionary_names, "read_release_table", lambda: TABLE)
    huggingface_hub.close_session()
    yield paths
    huggingface_hub.close_session()
    server.shutdown()
    server.server_close()
    thread.join()


def sites(name: str) -> list[str]:
    return [one.site.name for one in run_to_completion(read_sources_steps(find_dictionary_paths(name)))]


def test_a_repository_is_downloaded_once_with_the_files_that_it_names(asked: list[str]) -> None:
    assert sites("somebody/transcoders") == ["m0", "m1"]
    assert {path.rpartition("/")[2] for path in asked} == {"config.yaml", "first.safetensors", "params.npz"}
    with forbid_downloads():  # as where a circuit's file names it
        del asked[:]
        assert sites("somebody/transcoders") == ["m0", "m1"] and not asked


def test_a_release_is_read_here_by_its_form(asked: list[str]) -> None:
    one = load_dictionary("tiny-transcoders/layer_1/mine")
    assert (one.name, one.site.name, one.architecture) == (
        "tiny-transcoders/layer_1/mine",
        "m1",
        "jumprelu_transcoder",
    )
    assert one.is_mapped and {path for path in asked} == {NPZ.format(1)}
    assert sites("tiny-transcoders") == ["m0", "m1"]
    assert sites("google/gemma-scope-2b-pt-transcoders/layer_0") == ["m0"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("somebody/widths", "2 dictionaries, several of them for one layer; name one, for example 'somebody/widths/layer_0/width_16k'"),
        ("tiny-widths", "2 dictionaries, several of them for one layer; name one, for example 'tiny-widths/layer_0/width_16k'"),
        ("somebody/pickles", "no dictionaries in safetensors or npz files; it has layer0.sae.pt, a torch file, which is never unpickled"),
        ("somebody/nothing", "Hugging Face did not give 'somebody/nothing'.*check the name"),
    ],
)  # fmt: skip
def test_what_a_name_cannot_give_is_told(asked: list[str], name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sites(name)
    assert not asked


def test_without_a_network_one_sentence_says_so(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for name in ("somebody/transcoders", "tiny-transcoders/layer_1/mine"):
        with pytest.raises(
            InputError, match="not downloaded before, and Hugging Face does not answer"
        ) as told:
            sites(name)
        assert "\n" not in str(told.value)
        with forbid_downloads(), pytest.raises(InputError, match="only when a person asks for it"):
            sites(name)
    assert not asked


def test_names_and_paths_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dictionary_names, "read_release_table", lambda: TABLE)
    (tmp_path / "somebody" / "here").mkdir(parents=True)
    right = {
        "somebody/here": None,
        "somebody/there": HubFolder("somebody/there", "", None),
        "somebody/there/layers.3@v2": HubFolder("somebody/there", "layers.3", "v2"),
        "hf://somebody/there/a.npz?revision=v2": HubFolder("somebody/there", "a.npz", "v2"),
        "tiny-widths": SaelensRelease("tiny-widths", ""),
        "tiny-widths/layer_0/width_16k": SaelensRelease("tiny-widths", "layer_0/width_16k"),
        "saelens:x/y/z": SaelensRelease("x", "y/z"),
        "/somebody/there": None,
        "./somebody/there": None,
        "there": None,
    }
    assert {name: parse_dictionary_name(name) for name in right} == right
    assert parse_dictionary_name(tmp_path / "not" / "there") is None
    kept = {name: absolute_or_name(name) for name in ("somebody/here", "somebody/there", "saelens:x/y")}
    assert kept == {
        "somebody/here": str(tmp_path / "somebody" / "here"), "somebody/there": "somebody/there", "saelens:x/y": "saelens:x/y",
    }  # fmt: skip


def test_saelens_table_has_the_forms_that_are_read_here() -> None:
    """Each of its loaders that is named here exists, and the names of SAELens' table are found."""
    table = dictionary_names.read_release_table()
    if not table:
        pytest.skip("SAELens is not installed")
    forms = {record.get("conversion_func") for record in table.values()}
    assert set(dictionary_names._FILES_OF_FORMS) <= forms
    assert {
        "gemma-scope-2b-pt-transcoders",
        "llama_scope_lxm_8x",
        "mwhanna-qwen3-4b-transcoders",
    } <= table.keys()
