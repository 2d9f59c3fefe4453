"""Models and tasks that many tests share, made once a process."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
import torch
from slow_path import DEMO, STORIES, SlowModel, plain

torch.set_num_threads(1)
NAMES = ("demo", "stories", "neox")


@dataclass(frozen=True)
class Case:
    """A model opened by circuitviz, its slow twin, and a task of few prompts."""

    name: str
    model: Any
    slow: SlowModel
    task: Any

    def slow_outputs(self) -> tuple[torch.Tensor, Any, torch.Tensor, Any]:
        """Clean logits and outputs, corrupted logits and outputs, by the slow path."""
        at = self.task.lengths - 1
        return (*self.slow.run(self.task.clean, at), *self.slow.run(self.task.corrupted, at))


@pytest.fixture(scope="session", params=NAMES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each of the three families: GPT-2 (demo), Llama (stories260K), parallel blocks (random)."""
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
    from transformers import AutoTokenizer, GPTNeoXConfig, GPTNeoXForCausalLM

    torch.manual_seed(0)
    config = GPTNeoXConfig(
        num_hidden_layers=3,
        num_attention_heads=4,
        hidden_size=32,
        intermediate_size=64,
        vocab_size=1300,
        initializer_range=0.25,
        attn_implementation="eager",
    )
    hf = GPTNeoXForCausalLM(config)
    twin = copy.deepcopy(hf)
    model = from_hugging_face(hf, AutoTokenizer.from_pretrained(DEMO), "EleutherAI/pythia-70m")
    return Case(name, model, SlowModel(twin), load_task("gender", model, prompts=4))
