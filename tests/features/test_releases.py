"""What is published is opened by the code that ships: SAELens' own loaders, and old files as they really are."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
import types
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from circuitviz.cli import run
from circuitviz.errors import InputError
from circuitviz.features import (
    DictionarySite,
    WeightProcessing,
    dictionary_loading,
    load_dictionaries,
    load_dictionary,
)
from circuitviz.progress import Progress

WIDTH, FEATURES = 128, 24
RELEASE = "saelens:gpt2-small-hook-z-kk/blocks.1.hook_z"


def saelens_loaders() -> Any:
    """SAELens' module that downloads; what it imports warns of what it imports."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("sae_lens.loading.pretrained_sae_loaders", exc_type=ImportError)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, torch.Tensor]:
    """The hub's files of that release, in the form that they have there; nothing is downloaded."""
    loaders = saelens_loaders()
    draw = torch.Generator().manual_seed(0)
    sizes = {"W_enc": (WIDTH, FEATURES), "b_enc": (FEATURES,), "W_dec": (FEATURES, WIDTH), "b_dec": (WIDTH,)}
    weights = {name: torch.randn(size, generator=draw) for name, size in sizes.items()}

    def download(repo_id: str, filename: str, force_download: bool = False) -> str:
        assert repo_id == "ckkissane/attn-saes-gpt2-small-all-layers" and "_L1_Hcat_z_" in filename
        path = tmp_path / filename
        if filename.endswith(".json"):
            width, number = weights["W_enc"].shape
            told = {"act_size": width, "dict_size": number, "act_name": "blocks.1.attn.hook_z"}
            path.write_text(json.dumps(told))
        else:
            torch.save(weights, path)
        return str(path)

    monkeypatch.setattr(loaders, "hf_hub_download", download)
    return weights


def test_a_release_goes_through_saelens_own_loader(hub: dict[str, torch.Tensor]) -> None:
    sae_lens = pytest.importorskip("sae_lens", exc_type=ImportError)
    ours = load_dictionary(RELEASE)
    assert (ours.site, ours.features, ours.model) == (DictionarySite(1, "a", "z"), FEATURES, "gpt2-small")
    theirs = sae_lens.SAE.from_pretrained("gpt2-small-hook-z-kk", "blocks.1.hook_z", device="cpu")
    x = torch.randn(5, WIDTH)
    with torch.no_grad():
        torch.testing.assert_close(ours.encode(x), theirs.encode(x.view(5, 2, 64)), rtol=1e-5, atol=1e-4)
    values = torch.relu((x - hub["b_dec"]) @ hub["W_enc"] + hub["b_enc"])
    torch.testing.assert_close(ours.encode(x), values, rtol=1e-5, atol=1e-4)


def test_a_release_for_another_model_is_refused(hub: dict[str, torch.Tensor], demo: Any) -> None:
    torch.manual_seed(0)
    hub["W_enc"], hub["W_dec"] = torch.randn(64, FEATURES), torch.randn(FEATURES, 64)
    hub["b_dec"] = torch.randn(64)
    with pytest.raises(
        InputError, match=r"reads vectors of width 64; at a1 'demo' has width 128.*gpt2-small"
    ):
        load_dictionaries([RELEASE], demo.model)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("saelens:gpt2-small-hook-z-kk/blocks.77.hook_z", "ID blocks.77.hook_z not found in release"),
        ("saelens:nonesuch/a", "Release nonesuch not found in pretrained SAEs directory"),
    ],
)
def test_a_wrong_name_is_told_without_a_network(name: str, says: str) -> None:
    pytest.importorskip("sae_lens", exc_type=ImportError)
    with pytest.raises(InputError, match=says):
        load_dictionary(name)


GAVE_NOTHING = (
    "SAELens did not give the dictionary 'blocks.1.hook_z' of the release 'gpt2-small-hook-z-kk' (An error "
    "happened while trying to locate the file on the Hub and we cannot find the requested files in the local "
    "cache); check both names and the network, or download it and give its folder."
)
NO_NETWORK = (
    "The dictionary 'blocks.1.hook_z' of the release 'gpt2-small-hook-z-kk' was not downloaded before, and "
    "Hugging Face does not answer (no network); try again with a network, or give its folder."
)


def silent_hub() -> Iterator[Progress]:
    """Nobody answers."""
    yield Progress(0, 1)
    return False


def willing_hub() -> Iterator[Progress]:
    """Somebody answers."""
    yield Progress(0, 1)
    return True


@pytest.mark.parametrize(("hears", "says"), [(willing_hub, GAVE_NOTHING), (silent_hub, NO_NETWORK)])
def test_no_network_is_one_sentence(
    hub: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch, hears: Any, says: str
) -> None:
    monkeypatch.setattr(dictionary_loading, "probe_hub_steps", hears)
    loaders = saelens_loaders()

    def fail(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError(
            "An error happened while trying to locate the file on the Hub and we cannot find the requested "
            "files in the local cache. Please check your connection and try again or make sure your Internet "
            "connection is on."
        )

    monkeypatch.setattr(loaders, "hf_hub_download", fail)
    with pytest.raises(InputError) as told:
        load_dictionary(RELEASE)
    assert str(told.value) == says


@pytest.mark.parametrize("fault", [ModuleNotFoundError, ImportError, RuntimeError])
def test_without_saelens_a_sentence_says_what_needs_it(
    fault: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is absent, or raises while it is imported, as versions made for another TransformerLens do."""

    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name.partition(".")[0] == "sae_lens":
                raise fault(f"cannot import {name}")

    for name in [name for name in sys.modules if name.partition(".")[0] == "sae_lens"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    monkeypatch.setattr(dictionary_loading, "probe_hub_steps", silent_hub)
    expected = (
        "The dictionary 'blocks.1.hook_z' of the release 'gpt2-small-hook-z-kk' is downloaded by SAELens, which cannot "
        "be imported here (cannot import sae_lens); install it ('pip install sae-lens', which also installs a "
        "TransformerLens that it works with), or download the dictionary and give its folder."
    )
    with pytest.raises(InputError) as told:
        load_dictionary(RELEASE)
    assert str(told.value) == expected
    assert run(["attribute", "-p", "Once", "-m", "demo", "--dictionaries", RELEASE]) == 2
    assert capsys.readouterr().err.endswith(f"circuitviz: {expected}\n")


@dataclass
class LanguageModelSAERunnerConfig:
    """The attributes of the published files' configuration, with the types that they have."""

    model_name: str = "gpt2-small"
    hook_point: str = "blocks.2.ln2.hook_normalized"
    hook_point_layer: int = 2
    hook_point_head_index: int | None = None
    d_in: int = WIDTH
    device: torch.device = field(default_factory=lambda: torch.device("cuda"))
    dtype: torch.dtype = torch.float32
    is_transcoder: bool = True
    out_hook_point: str = "blocks.2.hook_mlp_out"
    d_out: int = WIDTH
    use_ghost_grads: tuple[bool] = (False,)  # a comma too many, which the files have
    lr: float = 4e-4
    more: Any = None


def published(
    monkeypatch: pytest.MonkeyPatch, path: Path, more: Any = None, **gone: bool
) -> dict[str, torch.Tensor]:
    """A file as ``save_model`` of transcoder_circuits writes it, read later where its modules do not exist."""
    module = types.ModuleType("sae_training.config")
    made = type(
        LanguageModelSAERunnerConfig.__name__,
        (LanguageModelSAERunnerConfig,),
        {"__module__": module.__name__},
    )
    module.LanguageModelSAERunnerConfig = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sae_training", types.ModuleType("sae_training"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    draw = torch.Generator().manual_seed(1)
    sizes = {"W_enc": (WIDTH, FEATURES), "b_enc": (FEATURES,), "W_dec": (FEATURES, WIDTH), "b_dec": (WIDTH,)}
    sizes["b_dec_out"] = (WIDTH,)
    held = torch.nn.ParameterDict(
        {n: torch.nn.Parameter(torch.randn(s, generator=draw)) for n, s in sizes.items() if not gone.get(n)}
    )
    torch.save({"cfg": made(more=more), "state_dict": held.state_dict()}, path)
    for name in ("sae_training", module.__name__):
        monkeypatch.delitem(sys.modules, name)
    return {name: value.detach() for name, value in held.items()}


def test_a_published_transcoder_is_read_as_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = published(monkeypatch, tmp_path / "final_sparse_autoencoder_gpt2-small_24576.pt")
    (ours,) = [load_dictionary(path) for path in tmp_path.glob("*.pt")]
    assert (ours.site, ours.model, ours.processing) == (
        DictionarySite(2, "m", "normalised"),
        "gpt2-small",
        WeightProcessing(True, True, True),
    )
    x = torch.randn(6, WIDTH)
    values = torch.relu((x - state["b_dec"]) @ state["W_enc"] + state["b_enc"])
    torch.testing.assert_close(ours.encode(x), values, rtol=1e-5, atol=1e-4)
    assert "sae_training" not in sys.modules


def test_another_object_in_such_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(monkeypatch, tmp_path / "a.pt", more=Path("anything"))
    with pytest.raises(
        InputError, match=r"could not be read as a transcoder \(.*Path.*\); a .pt file may hold"
    ):
        load_dictionary(tmp_path / "a.pt")
    published(monkeypatch, tmp_path / "b.pt", b_dec_out=True)
    with pytest.raises(InputError, match="holds no transcoder: it needs 'cfg' and a 'state_dict' with"):
        load_dictionary(tmp_path / "b.pt")


def large(folder: Path, features: int) -> Path:
    """A SAELens folder whose weights are a hole in the disk: the sizes of a large one, and no bytes."""
    folder.mkdir(parents=True)
    at, header = 0, {}
    for name, shape in {
        "W_enc": [WIDTH, features],
        "W_dec": [features, WIDTH],
        "b_enc": [features],
        "b_dec": [WIDTH],
    }.items():
        size = 4 * int(torch.tensor(shape).prod())
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with open(folder / "sae_weights.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)
    config = {"architecture": "standard", "d_in": WIDTH, "d_sae": features, "apply_b_dec_to_input": False,
              "normalize_activations": "none", "reshape_activations": "hook_z",
              "metadata": {"sae_lens_version": "6.54.0", "hook_name": "blocks.1.attn.hook_z"}}  # fmt: skip
    (folder / "cfg.json").write_text(json.dumps(config))
    return folder


def test_ten_gigabytes_on_a_small_machine_are_refused_before_they_are_read(
    tmp_path: Path, demo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    large(tmp_path / "set" / "a1", 10 * 2**30 // (8 * WIDTH))
    free = types.SimpleNamespace(available=4 * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    began = time.process_time()
    with pytest.raises(InputError, match=r"take about 5.0 GB, and 4.0 GB of memory are free"):
        load_dictionaries([tmp_path / "set"], demo.model)
    assert time.process_time() - began < 5
    used = psutil.Process().memory_info().rss
    assert used < 4 * 2**30


def test_files_of_this_version_are_opened_without_saelens(tmp_path: Path) -> None:
    """What takes seconds to import is not needed for them."""
    code = (
        "import sys\nfrom circuitviz.features import load_dictionary\n"
        "from circuitviz.resources import resource_path\n"
        "one = load_dictionary(resource_path('demo', 'dictionaries', 'a2'))\n"
        "assert one.features == 768 and 'sae_lens' not in sys.modules, sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
