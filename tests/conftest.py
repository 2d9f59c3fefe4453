"""Models and tasks that many tests share, made once a process."""

from __future__ import annotations

import copy
import gc
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
import torch
from hypothesis import HealthCheck, settings
from slow_path import DEMO, STORIES, SlowModel, plain

from circuitviz.discovery import optimal_ablation
from circuitviz.models import list_shipped_models, model_loading
from circuitviz.models.weight_hash import parameter_hash

torch.set_num_threads(1)
# how long an example takes is the machine's: on a busy one a slow example is no fault
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
gc.disable()  # until all tests are imported: modules stay, and to sweep them took a fifth of the time
NAMES = ("demo", "stories", "neox", "attention-only", "gemma2", "plain")
HALF_NAMES = ("gpt2-bfloat16", "llama-float16")


@dataclass(frozen=True)
class Case:
    """A model opened by circuitviz, its slow twin, and a task of few prompts."""

    name: str
    model: Any
    slow: SlowModel
    task: Any
    _ablations: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def slow_outputs(self) -> tuple[torch.Tensor, Any, torch.Tensor, Any]:
        """Clean logits and outputs, corrupted logits and outputs, by the slow path, which runs once."""
        clean, ours, corrupted, theirs = self._slow_outputs
        return clean, dict(ours), corrupted, dict(theirs)

    @cached_property
    def _slow_outputs(self) -> tuple[torch.Tensor, Any, torch.Tensor, Any]:
        at = self.task.lengths - 1
        return (*self.slow.run(self.task.clean, at), *self.slow.run(self.task.corrupted, at))

    def slow_ablation(self, name: str) -> Any:
        """Ablation values of every sender, [batch, time, d], without the engine; computed once."""
        if name not in self._ablations:
            self._ablations[name] = self._slow_ablation(name)
        return dict(self._ablations[name])

    def _slow_ablation(self, name: str) -> Any:
        _, ours, _, theirs = self.slow_outputs()
        if name == "corrupted":
            return theirs
        real = torch.arange(self.task.clean.shape[1])[None] < self.task.lengths[:, None]
        found = {}
        for sender, values in ours.items():
            masked = values * real[..., None]
            if name == "mean":
                found[sender] = (masked.sum((0, 1), keepdim=True) / real.sum()).expand_as(values)
            elif name == "mean-positional":
                count = real.sum(0).clamp_min(1)[None, :, None]
                found[sender] = (masked.sum(0, keepdim=True) / count).expand_as(values)
            else:
                found[sender] = torch.zeros_like(values)  # an MLP's output bias goes, too (methods.md)
        return found


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the run that measures."""
    parser.addoption(
        "--stalls", action="store_true", help="run the tests marked `stalls`, and hold them to limits of time"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the long tests: the short ones then fill both processes to the end."""
    if config.getoption("stalls"):
        config.hook.pytest_deselected(items=[item for item in items if not item.get_closest_marker("stalls")])
        items[:] = [item for item in items if item.get_closest_marker("stalls")]
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Sweep what tests make from now on, and not the modules, which stay to the end."""
    gc.enable()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def own_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where local models lie is written down for the tests, not for the person who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


_open_model = model_loading._open_model
_opened: dict[tuple[Any, ...], tuple[Any, str]] = {}  # each with its hash


def _open_once(name: str, location: str, device: str, dtype: str, is_reachable: bool) -> Any:
    """A model that ships is read from its files and checked once a process; each caller has a copy around it.

    Once for the tests and once for workers: a test may compute while a worker does, and hooks are set on modules.
    """
    if device != "cpu" or name not in list_shipped_models():
        return _open_model(name, location, device, dtype, is_reachable)
    key = (name, location, dtype, threading.current_thread() is threading.main_thread())
    if key not in _opened:
        model = _open_model(name, location, device, dtype, is_reachable)
        _opened[key] = model, parameter_hash(model.parameters)
    return copy.copy(_opened[key][0])


@pytest.fixture(autouse=True, scope="session")
def shared_models() -> Iterator[None]:
    """Commands, windows and tests share the weights of the models that ship: nothing but a test changes them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_loading, "_open_model", _open_once)
        yield
    for (name, *_), (model, opened_hash) in _opened.items():
        assert parameter_hash(model.parameters) == opened_hash, f"a test has changed the weights of {name}"


@pytest.fixture
def own_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of this test alone, which changes their weights or the memory that they are opened in."""
    monkeypatch.setattr(model_loading, "_open_model", _open_model)


@pytest.fixture(autouse=True)
def input_devices_at_rest() -> Iterator[None]:
    """A button held down, a menu left open or a cursor left behind changes what later tests' clicks do."""
    yield
    if "PySide6.QtWidgets" not in sys.modules:
        return
    from PySide6.QtWidgets import QApplication, QWidget

    if isinstance(QApplication.instance(), QApplication):
        left = {
            "pressed mouse buttons": QApplication.mouseButtons().value,
            "a mouse grabber": QWidget.mouseGrabber(),
            "an open popup": QApplication.activePopupWidget(),
            "an open modal dialog": QApplication.activeModalWidget(),
            "an override cursor": QApplication.overrideCursor(),
        }
        assert not any(left.values()), (
            f"the test leaves {', '.join(name for name, value in left.items() if value)}"
        )


@pytest.fixture(scope="session", params=NAMES)
def case(request: pytest.FixtureRequest) -> Case:
    """GPT-2 (demo), Llama (stories260K); random: parallel blocks, no MLPs, normalised outputs, no norms.

    Tests may name those in half precision, too (``HALF_NAMES``), and hold them to the same bounds: their slow twins
    have the same rounded weights, and all else is computed in float32.
    """
    return make_case(request.param)


_cases: dict[str, Case] = {}


def make_case(name: str) -> Case:
    """Open a model by both ways; kept for the process."""
    if name not in _cases:
        _cases[name] = _made(name)
    return _cases[name]


@pytest.fixture(scope="session")
def demo() -> Case:
    """The demo model with IOI."""
    return make_case("demo")


@pytest.fixture
def few_learning_steps(demo: Case, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Constants of optimal ablation as they are after a tenth of the steps, whose number is returned.

    For tests of what is done with constants, whatever they are: how well they are learned is tested by itself.
    """
    options = optimal_ablation.OptimalAblationOptions(steps=10)
    monkeypatch.setattr(optimal_ablation.learn_constants_steps, "__defaults__", (options,))
    before = demo.task.constants.learned
    yield options.steps
    demo.task.constants.learned = before


def _made(name: str) -> Case:
    from circuitviz.models import from_hugging_face, load_model
    from circuitviz.tasks import load_task

    if name == "demo":
        model = load_model("demo")
        return Case(name, model, SlowModel(plain(DEMO)), load_task("ioi", model, prompts=6, seed=3))
    if name == "stories":
        if not STORIES.is_dir():
            pytest.skip("stories260K is not beside this checkout")
        model = load_model(str(STORIES))
        return Case(name, model, SlowModel(plain(STORIES)), load_task("gender", model, prompts=5))
    from transformers import AutoTokenizer

    torch.manual_seed(0)
    hf = RANDOM[name]()
    twin = copy.deepcopy(hf)
    known = {"neox": "EleutherAI/pythia-70m", "gemma2": "google/gemma-2-2b"}.get(name, name)
    model = from_hugging_face(hf, AutoTokenizer.from_pretrained(DEMO), known)
    return Case(name, model, SlowModel(twin), load_task("gender", model, prompts=4))


def _neox() -> Any:
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    config = GPTNeoXConfig(
        num_hidden_layers=3,
        num_attention_heads=4,
        hidden_size=32,
        intermediate_size=64,
        vocab_size=1300,
        initializer_range=0.25,
        attn_implementation="eager",
    )
    return GPTNeoXForCausalLM(config)


def _attention_only() -> Any:
    """A Llama whose MLPs have no neurons."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        num_hidden_layers=3,
        num_attention_heads=4,
        hidden_size=32,
        intermediate_size=0,
        vocab_size=1300,
        initializer_range=0.25,
        attn_implementation="eager",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch: initialising empty weights does nothing
        return LlamaForCausalLM(config)


def _gemma2() -> Any:
    """Norms before and after each sublayer, grouped queries, caps, and a short sliding window."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        hidden_size=32,
        intermediate_size=64,
        vocab_size=1300,
        sliding_window=5,
        query_pre_attn_scalar=16,
        pad_token_id=None,
        initializer_range=0.25,
        attn_implementation="eager",
    )
    hf = Gemma2ForCausalLM(config)
    for name, parameter in hf.named_parameters():
        if "norm" in name:  # transformers starts them at nothing, where a mistake would not show
            parameter.data.normal_(0, 0.3)
    return hf


def _plain() -> Any:
    """No normalisation, as compiled models have it."""
    from circuitviz.models.unnormalised_gpt2 import PlainConfig, PlainForCausalLM, register_architecture

    register_architecture()
    config = PlainConfig(
        n_layer=3,
        n_head=4,
        n_embd=32,
        vocab_size=2048,
        n_positions=64,
        activation_function="gelu_new",  # smooth: integrated gradients add up sooner
        tie_word_embeddings=False,
        initializer_range=0.26,
        attn_implementation="eager",
        architectures=[PlainForCausalLM.__name__],
    )
    hf = PlainForCausalLM(config)
    for name, parameter in hf.named_parameters():
        if name.endswith("bias"):  # transformers starts them at nothing, where a mistake would not show
            parameter.data.normal_(0, 0.2)
    hf.transformer.wpe.weight.data.mul_(0.2)  # words count for more than places, as in trained models
    return hf


def _gpt2_bfloat16() -> Any:
    """One matrix for queries, keys and values; all weights rounded to 8 bits."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        n_layer=3, n_head=4, n_embd=32, vocab_size=1300, initializer_range=0.25, attn_implementation="eager"
    )
    hf = GPT2LMHeadModel(config)
    hf.transformer.wpe.weight.data.mul_(0.2)
    return hf.to(torch.bfloat16)


def _llama_float16() -> Any:
    """Grouped queries; all weights rounded to 11 bits."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        hidden_size=32,
        intermediate_size=40,
        vocab_size=1300,
        initializer_range=0.25,
        attn_implementation="eager",
    )
    return LlamaForCausalLM(config).to(torch.float16)


RANDOM = {
    "neox": _neox,
    "attention-only": _attention_only,
    "gemma2": _gemma2,
    "plain": _plain,
    "gpt2-bfloat16": _gpt2_bfloat16,
    "llama-float16": _llama_float16,
}
