"""Small models in float64 with random dictionaries on their sites, shared by the tests of features."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from slow_features import EVERY_KIND, SlowEdges, random_dictionaries
from slow_path import DEMO, plain

KINDS = {
    "demo": EVERY_KIND,
    "gpt2": {"m0": "transcoder", "a1": "standard", "m1": "standard/written", "m2": "skip_transcoder"},
    "neox": {"a0": "standard", "m0": "transcoder", "a1": "topk", "m2": "transcoder"},
}


@dataclass(frozen=True)
class FeatureCase:
    """A model in float64, its plain twin, dictionaries, and one prompt's table of nodes.

    close: how near two float64 numbers are; GPT-NeoX' own softmax is in float32, whatever it is given.
    """

    model: Any
    hf: Any
    dictionaries: list[Any]
    table: Any
    close: float

    def slow(self) -> SlowEdges:
        return SlowEdges(self.hf, self.table)


_made: dict[str, FeatureCase] = {}


def make_feature_case(name: str) -> FeatureCase:
    """Made once a process: the demo, a random GPT-2 with heads and leaves among features, a NeoX."""
    if name not in _made:
        from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM

        from circuitviz.features import node_table, run_prompt
        from circuitviz.models import from_hugging_face

        torch.manual_seed(0)
        small = {"vocab_size": 1300, "attn_implementation": "eager", "initializer_range": 0.25}
        if name == "demo":
            hf = plain(DEMO)
        elif name == "gpt2":
            hf = GPT2LMHeadModel(GPT2Config(n_layer=3, n_head=4, n_embd=32, **small))
        else:
            hf = GPTNeoXForCausalLM(
                GPTNeoXConfig(
                    num_hidden_layers=3,
                    num_attention_heads=4,
                    hidden_size=32,
                    intermediate_size=64,
                    **small,
                )
            )
        if name != "demo":
            for key, parameter in hf.named_parameters():
                if key.endswith(
                    "bias"
                ):  # transformers starts them at nothing, where a mistake would not show
                    parameter.data.normal_(0, 0.2)
        twin = copy.deepcopy(hf).double().eval()
        known = {"demo": "gpt2", "neox": "EleutherAI/pythia-70m"}.get(name, name)
        model = from_hugging_face(hf.double(), AutoTokenizer.from_pretrained(DEMO), known)
        dictionaries = random_dictionaries(model, KINDS[name])
        close = 2e-6 if name == "neox" else 1e-9
        run = run_prompt(model, [0, 5, 9, 21, 4, 33, 8])
        _made[name] = FeatureCase(model, twin, dictionaries, node_table(run, dictionaries), close)
    return _made[name]


@pytest.fixture(params=list(KINDS))
def features(request: pytest.FixtureRequest) -> FeatureCase:
    """Each of the small models."""
    return make_feature_case(request.param)


@pytest.fixture
def demo_features() -> FeatureCase:
    """The demo model with a dictionary of another architecture on every site."""
    return make_feature_case("demo")


@pytest.fixture(scope="session")
def gpt2_features() -> FeatureCase:
    """A random GPT-2."""
    return make_feature_case("gpt2")
