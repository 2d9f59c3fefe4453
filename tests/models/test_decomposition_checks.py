"""What is tested when a model is opened refuses a model that is broken on purpose, and says where."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
import torch
from families import random_model, tokenizer

from circuitviz.errors import InputError
from circuitviz.models import Model, bridge_corrections, from_hugging_face, hugging_face

Break = Callable[[Any], None]


def _open(name: str) -> Model:
    return from_hugging_face(random_model(name), tokenizer(), name)


def _refusal(name: str, monkeypatch: pytest.MonkeyPatch, damage: Break) -> str:
    """Why a model is refused whose TransformerLens view is damaged after it is made."""
    build_bridge = hugging_face.build_bridge

    def damaged(hf: Any, given: str) -> Any:
        bridge = build_bridge(hf, given)
        damage(bridge)
        return bridge

    monkeypatch.setattr(hugging_face, "build_bridge", damaged)
    with pytest.raises(InputError) as refused:
        _open(name)
    return str(refused.value)


def _replace_forward(module: Any, forward: Callable[..., Any]) -> None:
    object.__setattr__(module, "forward", forward)


@pytest.mark.parametrize(
    ("name", "correction", "why"),
    [
        ("phi3", "_call_fused_mlp", "the MLP of layer 0 is not reached"),
        ("glm4", "_call_fused_mlp", "the MLP of layer 0 is not reached"),
        ("gpt2-unscaled", "_leave_scores_unscaled", "beginning with what layer 0 writes"),
        pytest.param(
            *("hunyuan", "_normalise_after_rotation", "beginning with what layer 0 writes"),
            marks=pytest.mark.skipif(
                not version("transformer-lens").startswith("3."), reason="version 4 does it"
            ),
        ),
    ],
)
def test_models_are_refused_that_the_bridge_computes_otherwise(
    name: str, correction: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without our correction of TransformerLens, the check alone finds each of them."""
    _open(name)
    monkeypatch.setattr(bridge_corrections, correction, lambda part: None)
    with pytest.raises(InputError, match=why):
        _open(name)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("name", ["gpt2", "llama-grouped", "gpt-neox", "gemma2"])
@pytest.mark.parametrize("part", ["q", "k", "v", "MLP"])
def test_a_replacement_that_is_not_reached(
    name: str, part: str, layer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge has the right numbers, but does not call what a patched pass stands in for."""

    def bypass(bridge: Any) -> None:
        block = bridge.blocks[layer]
        module = block.mlp if part == "MLP" else getattr(block.attn, part)
        own = module.original_component
        compute = type(own).forward

        def forward(x: torch.Tensor, *_rest: Any, **_named: Any) -> torch.Tensor:
            out: torch.Tensor = module.hook_out(compute(own, module.hook_in(x)))
            return out

        _replace_forward(module, forward)

    what = "the MLP" if part == "MLP" else f"the {part} projection"
    assert f"{what} of layer {layer} is not reached" in _refusal(name, monkeypatch, bypass)


@pytest.mark.parametrize(
    "point",
    ["embed.hook_out", "blocks.1.hook_in", "blocks.0.attn.hook_pattern", "blocks.1.attn.q.hook_out",
     "blocks.0.attn.o.hook_in", "blocks.1.mlp.hook_out", "blocks.1.ln2.hook_in", "ln_final.hook_in"],
)  # fmt: skip
@pytest.mark.parametrize("times", [0, 2])
def test_a_hook_that_does_not_fire_once(point: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def rewire(bridge: Any) -> None:
        hook = bridge.get_submodule(point)

        def fire(x: torch.Tensor) -> torch.Tensor:
            for _ in range(times):
                for function in list(hook._forward_hooks.values()):
                    function(hook, (x,), x)
            return x

        hook.__class__ = type("Rewired", (type(hook),), {"__call__": lambda _self, x: fire(x)})

    refusal = _refusal("llama", monkeypatch, rewire)
    shown = "blocks.0.attn.hook_z" if point.endswith("o.hook_in") else point
    assert f"the hook point {shown} fires {times} times in a pass" in refusal


@pytest.mark.parametrize("layer", [0, 1])
def test_the_layer_is_named_where_the_bridge_begins_to_differ(
    layer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One percent more of one matrix is refused; a millionth, as rounding makes, is not."""

    def scale(factor: float) -> Break:
        def damage(bridge: Any) -> None:
            bridge.blocks[layer].mlp.original_component.down_proj.original_component.weight.mul_(factor)

        return damage

    with monkeypatch.context() as patch:
        refusal = _refusal("llama", patch, scale(1.01))
    assert (
        f"TransformerLens' view of it gives other numbers, beginning with what layer {layer} writes"
        in refusal
    )
    build_bridge = hugging_face.build_bridge

    def almost(hf: Any, given: str) -> Any:
        bridge = build_bridge(hf, given)
        scale(1 + 1e-6)(bridge)
        return bridge

    monkeypatch.setattr(hugging_face, "build_bridge", almost)
    _open("llama")


def test_unembedding_of_its_own_is_compared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resumed passes end in our own unembedding: a cap that it leaves out is found."""
    hf = random_model("gemma2")
    hf.config.final_logit_softcapping = 1.5
    with monkeypatch.context() as patch:
        patch.setattr(Model, "_scale_logits", lambda _model, logits: logits)
        with pytest.raises(InputError, match="its blocks called one by one from layer 1 give other numbers"):
            from_hugging_face(hf, tokenizer(), "gemma2")


def test_blocks_that_need_more_than_their_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that only works within a whole pass cannot be resumed."""

    def count(bridge: Any) -> None:
        started: list[int] = []
        bridge.embed.register_forward_hook(lambda *_: started.append(1))

        def shifted(_block: Any, _args: Any, out: Any) -> Any:
            first = out[0] if isinstance(out, tuple) else out
            changed = first if started else first.roll(1, -1)
            started.clear()
            return (changed, *out[1:]) if isinstance(out, tuple) else changed

        bridge.blocks[1].register_forward_hook(shifted)

    assert "its blocks called one by one" in _refusal("llama", monkeypatch, count)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("place", ["model.embed_tokens", "model.layers.1.mlp.up_proj", "lm_head"])
def test_a_model_that_gives_no_numbers(place: str, value: float) -> None:
    hf = random_model("llama")
    hf.get_submodule(place).weight.data.fill_(value)
    with pytest.raises(InputError, match="logits that are not numbers"):
        from_hugging_face(hf, tokenizer(), "llama")


def test_double_precision_is_opened() -> None:
    assert (
        from_hugging_face(random_model("gpt2").double(), tokenizer(), "gpt2").unembedding.dtype
        == torch.float64
    )


@pytest.mark.parametrize("name", ["gpt-j", "gpt-neo", "llama4"])
def test_patterns_that_cannot_be_set_are_not_set_in_silence(name: str) -> None:
    """Where attention is left to Hugging Face, patterns can be read; holding them would have no effect."""
    model, tokens = _open(name), torch.tensor([[3, 17, 40]])
    seen: list[torch.Tensor] = []
    with model.hooks({"blocks.0.attn.hook_pattern": seen.append}):
        model.logits(tokens, torch.tensor([2]))
    assert seen[0].sum(-1).allclose(torch.ones(()))
    with (
        pytest.raises(InputError, match=f"The attention patterns of '{name}' can be read, but not set"),
        model.hooks({"blocks.0.attn.hook_pattern": torch.zeros_like}),
    ):
        model.logits(tokens, torch.tensor([2]))
