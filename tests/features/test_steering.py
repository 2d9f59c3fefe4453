"""Steering equals the plain Hugging Face model with hooks written by hand, decoded without kept keys."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
import torch
from families import random_model, tokenizer
from slow_features import random_dictionaries
from slow_path import DEMO, plain
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features import steer_steps
from circuitviz.graph import Intervention
from circuitviz.graph.steering import SteeringQuery, SteeringResult
from circuitviz.models import from_hugging_face, load_model
from circuitviz.models.generation import GenerationPass
from circuitviz.progress import ProgressRunner, run_to_completion

N_TOKENS = 4
PROMPT = {"demo": "When Mary and John went to the store,", "gpt2": "w3 w9 w31", "llama": "w3 w9 w31"}
KINDS = {"m1": "transcoder", "a1": "standard", "m0": "topk/written"}


@dataclass(frozen=True)
class SteeredCase:
    """A model in float64 with dictionaries, its plain twin, and where the twin's modules are."""

    name: str
    model: Any
    hf: Any
    dictionaries: dict[str, Any]

    @property
    def blocks(self) -> Any:
        return self.hf.model.layers if self.name == "llama" else self.hf.transformer.h

    def attention_out(self, layer: int) -> Any:
        block = self.blocks[layer]
        return block.self_attn.o_proj if self.name == "llama" else block.attn.c_proj

    def steer(self, changes: dict[str, Intervention], **more: Any) -> SteeringResult:
        query = SteeringQuery(self.name, PROMPT[self.name], changes, **{"max_tokens": N_TOKENS, **more})
        return run_to_completion(steer_steps(self.model, query, self.dictionaries))


@cache
def steered_case(name: str) -> SteeredCase:
    from transformers import AutoTokenizer

    hf = plain(DEMO) if name == "demo" else random_model(name)
    twin = copy.deepcopy(hf).double().eval()
    words = AutoTokenizer.from_pretrained(DEMO) if name == "demo" else tokenizer()
    model = from_hugging_face(hf.double(), words, "gpt2" if name == "demo" else name)
    made = {one.site.name: one for one in random_dictionaries(model, KINDS)}
    return SteeredCase(name, model, twin, made)


@pytest.fixture(params=list(PROMPT))
def case(request: pytest.FixtureRequest) -> SteeredCase:
    return steered_case(request.param)


def encode_by_hand(dictionary: Any, x: Tensor) -> Tensor:
    """Activations of a standard or a top-k dictionary, [..., features]."""
    value = (x @ dictionary.encoder + dictionary.bias).clamp_min(0)
    if dictionary.k is None:
        return value
    kth = value.topk(dictionary.k, -1).values[..., -1:]
    return torch.where(value >= kth, value, 0.0)


def changed(value: Tensor, action: str, amount: float) -> Tensor:
    return {"scale": value * amount, "set": value * 0 + amount, "add": value + amount, "zero": value * 0}[
        action
    ]


@contextmanager
def hooked(
    case: SteeredCase, node: str, change: Intervention, is_steered: Callable[[int], Tensor], direction: Any
) -> Iterator[None]:
    """Hooks on the plain model's own modules; is_steered: of so many tokens, which are changed [time, 1]."""
    layer = int("".join(c for c in node.partition(".")[0] if c.isdigit()))
    action, amount = change.value, change.amount

    def feature_output(x: Tensor, out: Tensor) -> Tensor:
        one, feature = case.dictionaries[node.partition(".")[0]], int(node.partition(".f")[2])
        own = encode_by_hand(one, x)[..., feature, None]
        return (
            out
            + torch.where(is_steered(out.shape[1]), changed(own, action, amount) - own, 0.0)
            * (one.decoder[feature])
        )

    def mlp(_module: Any, args: Any, out: Tensor) -> Tensor:
        if node == f"m{layer}":
            return torch.where(is_steered(out.shape[1]), out * changed(torch.ones(1), action, amount), out)
        return feature_output(out if case.dictionaries[f"m{layer}"].site.reads == "written" else args[0], out)

    def head_values(_module: Any, args: Any) -> Any:
        (z,) = args
        if ".f" in node:
            return (feature_output(z, z),)
        width = z.shape[-1] // case.model.shape.n_heads
        part = slice(int(node.partition(".h")[2]) * width, (int(node.partition(".h")[2]) + 1) * width)
        new = z.clone()
        new[..., part] = torch.where(
            is_steered(z.shape[1]), z[..., part] * changed(torch.ones(1), action, amount), z[..., part]
        )
        return (new,)

    def stream(_module: Any, args: Any) -> Any:
        share = (args[0] @ direction / (direction @ direction))[..., None]
        difference = changed(share, action, amount) - share
        return (args[0] + torch.where(is_steered(args[0].shape[1]), difference, 0.0) * direction, *args[1:])

    def neuron(_module: Any, args: Any) -> Any:
        item = int(node.partition(".n")[2])
        new = args[0].clone()
        own = new[..., item, None]
        new[..., item, None] = torch.where(is_steered(new.shape[1]), changed(own, action, amount), own)
        return (new,)

    block = case.blocks[layer]
    if ".n" in node:
        out = block.mlp.down_proj if case.name == "llama" else block.mlp.c_proj
        handle = out.register_forward_pre_hook(neuron)
    elif node.startswith("resid"):
        handle = block.register_forward_pre_hook(stream)
    elif node[0] == "m":
        handle = block.mlp.register_forward_hook(mlp)
    else:
        handle = case.attention_out(layer).register_forward_pre_hook(head_values)
    try:
        yield
    finally:
        handle.remove()


@torch.no_grad()
def write_by_hand(
    case: SteeredCase,
    changes: dict[str, Intervention],
    steered_tokens: str = "generated",
    directions: dict[str, Tensor] | None = None,
) -> tuple[list[int], list[float], list[float]]:
    """Greedy decoding of the plain model: ids, their probabilities, and those without hooks."""
    ids = case.model.tokens.encode(PROMPT[case.name])
    start = len(ids)

    def is_steered(change: Intervention) -> Callable[[int], Tensor]:
        def at(time: int) -> Tensor:
            if change.positions:
                wanted = [p if p >= 0 else start + p for p in change.positions]
            else:
                wanted = {
                    "generated": range(start - 1, time), "all": range(time), "prompt": range(start)
                }[steered_tokens]  # fmt: skip
            return torch.tensor([[p in wanted] for p in range(time)])

        return at

    probabilities, plain_probabilities = [], []
    for _ in range(N_TOKENS):
        text = torch.tensor([ids])
        with ExitStack() as stack:
            for node, change in changes.items():
                direction = (directions or {}).get(node)
                stack.enter_context(hooked(case, node, change, is_steered(change), direction))
            steered = case.hf(text, use_cache=False).logits[0, -1].softmax(-1)
        ids.append(int(steered.argmax()))
        probabilities.append(float(steered[ids[-1]]))
        plain_probabilities.append(float(case.hf(text, use_cache=False).logits[0, -1].softmax(-1)[ids[-1]]))
    return ids[start:], probabilities, plain_probabilities


def strong_feature(case: SteeredCase, site: str) -> str:
    """A feature that is active on the last token of the prompt."""
    from circuitviz.features import node_table, run_prompt

    table = node_table(run_prompt(case.model, PROMPT[case.name]), [case.dictionaries[site]])
    return table.node(int(table.features_at(site, table.run.time - 1)[0])).name.partition("@")[0]


def assert_equals_by_hand(case: SteeredCase, result: SteeringResult, number: int, by_hand: Any) -> None:
    ids, probabilities, plain_probabilities = by_hand
    tokens = result.continuations[number].tokens
    assert [token.id for token in tokens] == ids
    assert [token.probability for token in tokens] == pytest.approx(probabilities, rel=1e-6)
    assert [token.plain_probability for token in tokens] == pytest.approx(plain_probabilities, rel=1e-6)


@pytest.mark.parametrize(("site", "action"), [("m1", "set"), ("a1", "scale"), ("m0", "add")])
def test_features_equal_hooks_by_hand(case: SteeredCase, site: str, action: str) -> None:
    name, strengths = strong_feature(case, site), (-3.0, 6.0)
    result = case.steer({name: Intervention(action)}, strengths=strengths)
    assert_equals_by_hand(case, result, 0, write_by_hand(case, {}))
    for number, strength in enumerate(strengths, start=1):
        assert_equals_by_hand(
            case, result, number, write_by_hand(case, {name: Intervention(action, strength)})
        )
    probabilities = [[token.probability for token in one.tokens] for one in result.continuations]
    assert probabilities[0] != probabilities[1] != probabilities[2]  # steering did something


def test_heads_mlps_and_directions_equal_hooks_by_hand(case: SteeredCase) -> None:
    first, second = PROMPT[case.name].split()[:2]
    streams = []
    for word in (first, second):
        ids = torch.tensor([case.model.tokens.encode(word)])
        with torch.no_grad():
            streams.append(case.hf(ids, output_hidden_states=True).hidden_states[1][0, -1])
    directions = {"resid1": streams[0] - streams[1]}
    named = {"directions": {"resid1": (first, second)}}
    for changes, steered_tokens, more in (
        ({"a1.h2": Intervention("scale", -2.0), "m1": Intervention("add", 0.5)}, "all", {}),
        ({"a0.h1": Intervention("zero"), "a1.h2": Intervention("set", 3.0, (0, -1))}, "prompt", {}),
        ({"resid1": Intervention("add", 2.0)}, "prompt", named),
        ({"resid1": Intervention("set", -1.5)}, "generated", named),
    ):
        result = case.steer(changes, steered_tokens=steered_tokens, **more)
        assert [one.is_plain for one in result.continuations] == [True, False]
        by_hand = write_by_hand(case, changes, steered_tokens, directions)
        assert_equals_by_hand(case, result, 1, by_hand)


def test_neurons_equal_hooks_by_hand(case: SteeredCase) -> None:
    """Of the plain model: what the MLP's output matrix reads, also where it is gated."""
    changes = {"m1.n3": Intervention("set", 4.0), "m0.n5": Intervention("scale", -3.0, (0, -1))}
    result = case.steer(changes, steered_tokens="all")
    assert_equals_by_hand(case, result, 1, write_by_hand(case, changes, "all"))
    assert result.continuations[0].tokens != result.continuations[1].tokens


def test_heads_act_before_features_of_their_layer(case: SteeredCase) -> None:
    changes = {strong_feature(case, "a1"): Intervention("add", 4.0), "a1.h0": Intervention("scale", 3.0)}
    by_hand = write_by_hand(case, dict(reversed(changes.items())))
    assert_equals_by_hand(case, case.steer(changes), 1, by_hand)


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_no_change_gives_the_plain_text_exactly(case: SteeredCase, temperature: float) -> None:
    name = strong_feature(case, "m1")
    for changes in (
        {name: Intervention("scale", 1.0), "a0.h0": Intervention("scale", 1.0)},
        {name: Intervention("add", 0.0), "m0": Intervention("add", 0.0)},
    ):
        plain_text, steered = case.steer(changes, temperature=temperature, seed=4).continuations
        assert steered.tokens == plain_text.tokens and steered.text == plain_text.text
        assert steered.mean_log_probability_ratio == pytest.approx(0.0, abs=1e-9)


def test_sampling_is_repeatable_and_draws_from_the_softmax(case: SteeredCase) -> None:
    changes = {"m1": Intervention("scale", 0.5)}
    first = case.steer(changes, temperature=1.0, seed=3)
    assert case.steer(changes, temperature=1.0, seed=3) == first
    texts = {
        tuple(
            t.id
            for t in case.steer(changes, temperature=1.0, seed=seed, max_tokens=2).continuations[0].tokens
        )
        for seed in range(4)
    }
    assert len(texts) > 1


def test_drawn_tokens_follow_the_temperature() -> None:
    from circuitviz.features.steering import _choose_tokens

    logits, noise = torch.tensor([[0.0, 1.0, 3.0]]), torch.Generator().manual_seed(0)
    draws = torch.cat([_choose_tokens(logits, 2.0, noise) for _ in range(4000)])
    shares = draws.bincount(minlength=3) / len(draws)
    assert torch.allclose(shares, (logits[0] / 2).softmax(0), atol=0.03)


def test_partial_texts_come_token_by_token() -> None:
    case = steered_case("llama")
    query = SteeringQuery("llama", PROMPT["llama"], {"m1": Intervention("zero")}, max_tokens=4)
    runner = ProgressRunner(steer_steps(case.model, query, {}))
    lengths = [len(step.partial.continuations[1].tokens) for step in runner if step.partial is not None]
    assert lengths == [1, 2, 3, 4] and runner.result.is_whole


def test_a_text_that_the_model_ends_is_no_longer_written(monkeypatch: pytest.MonkeyPatch) -> None:
    case = steered_case("gpt2")
    written = case.steer({"m1": Intervention("zero")}).continuations
    end = written[1].tokens[2].id
    monkeypatch.setattr(type(case.model.tokens), "eos_id", end)
    again = case.steer({"m1": Intervention("zero")}).continuations
    number = [t.id for t in written[1].tokens].index(end)
    assert again[1].is_ended and len(again[1].tokens) == number + 1
    assert [t.id for t in again[1].tokens] == [t.id for t in written[1].tokens[: number + 1]]
    assert again[1].text == " ".join(t.text for t in written[1].tokens[:number])


@pytest.mark.parametrize("is_kept", [True, False])
@pytest.mark.parametrize("name", ["mpt", "gpt2"])
def test_generation_gives_the_logits_of_the_whole_text(
    name: str, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With keys kept or not: versions of TransformerLens differ in whether MPT's can be (it counts positions)."""
    if not is_kept:
        monkeypatch.setattr("circuitviz.models.generation.CLOSE_LOGITS", -1.0)
    model = from_hugging_face(random_model(name), tokenizer(), name)
    ids = torch.tensor([[3, 9, 31, 4], [5, 6, 7, 8]])
    generation = GenerationPass(model, ids[:, :2])
    generation.read_prompt()
    logits = generation.read_token(ids[:, 2])
    logits = generation.read_token(ids[:, 3])
    if name == "gpt2" or not is_kept:
        assert generation.keeps_keys is is_kept
    with torch.no_grad():
        assert torch.allclose(logits, random_model(name)(ids, use_cache=False).logits[:, -1], atol=1e-4)


def test_what_cannot_be_steered_is_said() -> None:
    case = steered_case("demo")
    for changes, more, said in (
        ({"m9.f1": Intervention("add", 1.0)}, {}, "dictionary of m9, and there is one of"),
        ({"m1.f99999": Intervention("add", 1.0)}, {}, "has 60 features"),
        ({"m1.f3@2": Intervention("add", 1.0)}, {}, "'m1.f3' would be right"),
        ({"a1.h99": Intervention("add", 1.0)}, {}, "cannot be steered"),
        ({"m1.n9999": Intervention("add", 1.0)}, {}, "it has 0 to"),
        ({"m9.n0": Intervention("add", 1.0)}, {}, "it has no neurons"),
        ({"logits": Intervention("add", 1.0)}, {}, "cannot be steered"),
        ({"resid1": Intervention("add", 1.0)}, {}, "two texts"),
        ({"resid1": Intervention("add", 1.0)}, {"directions": {"resid1": ("Mary", "Mary")}}, "no direction between"),
        ({"m1": Intervention("add", 1.0)}, {"directions": {"resid1": ("Mary", "John")}}, "nothing is done to it"),
        ({"resid77": Intervention("add", 1.0)}, {"directions": {"resid77": ("Mary", "John")}}, "resid0 to resid4"),
        ({"m1": Intervention("add", 1.0)}, {"max_tokens": 200}, "reads at most 128"),
        ({"m1": Intervention("add", 1.0, (-11,))}, {"max_tokens": 3}, "position -11; .* -10 to 11 would be"),
        ({"m1": Intervention("add", 1.0, (12,))}, {"max_tokens": 3}, "position 12; .* -10 to 11 would be"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            case.steer(changes, **more)


@pytest.mark.parametrize("position", [-10, 11])
def test_the_first_and_the_last_position_are_steered(position: int) -> None:
    changes = {"m1": Intervention("scale", -20.0, (position,))}
    result = steered_case("demo").steer(changes, max_tokens=3)
    plain_text, steered = ([token.probability for token in one.tokens] for one in result.continuations)
    assert steered != plain_text
    assert (steered[:2] == plain_text[:2]) == (position == 11)


def test_logits_that_are_no_numbers_are_refused() -> None:
    query = SteeringQuery("demo", "When Mary", {"m1": Intervention("scale", 3e38)}, max_tokens=1)
    with pytest.raises(InputError, match="not numbers once it is steered"):
        run_to_completion(steer_steps(load_model("demo"), query, {}))


def test_queries_that_make_no_sense_are_refused() -> None:
    query = SteeringQuery("demo", "x", {"m1": Intervention("add", 1.0)})
    for fields, said in (
        ({"changes": {}}, "Nothing was named"),
        ({"changes": {"m1": Intervention("mean")}}, "no way to steer"),
        ({"steered_tokens": "some"}, "generated, all, prompt"),
        ({"strengths": (float("inf"),)}, "finite"),
        ({"strengths": (1e39,)}, "3.4e.38"),
        ({"max_tokens": 0}, "1 to"),
        ({"max_tokens": 2001}, "1 to"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": 1e39}, "3.4e.38"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "9,223,372,036,854,775,807"),
    ):
        with pytest.raises(InputError, match=said):
            replace(query, **fields)


def test_a_plain_pass_between_two_tokens_is_plain_and_changes_no_text(case: SteeredCase) -> None:
    """Other computations use the model between two steps, with a number of texts of their own."""
    changes = {"a1.h1": Intervention("scale", 3.0), "m0": Intervention("scale", -2.0)}
    ids = torch.tensor([case.model.tokens.encode(PROMPT[case.name])])
    query = SteeringQuery(case.name, PROMPT[case.name], changes, max_tokens=N_TOKENS)
    steps = ProgressRunner(steer_steps(case.model, query, case.dictionaries))
    with torch.no_grad():
        expected = case.hf(ids, use_cache=False).logits
        for _step in steps:
            torch.testing.assert_close(case.model.bridge(ids, use_cache=False), expected)
    assert_equals_by_hand(case, steps.result, 1, write_by_hand(case, changes))
