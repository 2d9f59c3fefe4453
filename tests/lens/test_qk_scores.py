"""What a head's query matches, against the attention of plain Hugging Face models of every family."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from families import FAMILIES, LAYERS, random_model, tokenizer

from circuitviz.errors import InputError
from circuitviz.lens import read_head
from circuitviz.models import from_hugging_face
from circuitviz.tasks import PromptPair, Task
from circuitviz.workbench.requests.read_ov_qk import qk_table

PROMPT = "w3 w17 w40 w5 w62"
KEYS = 30  # tokens that stand as keys before the query
HEAD, LAYER = 2, LAYERS - 1
OPENED = [name for name, family in FAMILIES.items() if family.layout is not None]
# attention is left to Hugging Face, which does not tell its scores
UNTOLD = {
    "gpt-neo",
    "gpt-j",
    "llama4",
    "llama4-all-routed",
    "phimoe",
    "opt",
    "xglm",
    "mpt",
    "gemma4-equal-heads",
    "gemma4-moe",
}
BIASED_BY_POSITION = {"bloom", "falcon-alibi", "falcon-grouped-alibi"}  # by ALiBi, whatever position_ids say


@torch.no_grad()
def attention_on_embeddings(hf: Any, name: str, tokens: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Log of the attention that the last position's query pays to the embeddings of ``keys``, [KEYS].

    The plain model runs on the prompt; then the last layer gets embeddings of these tokens and that run's
    stream at the last position, all at position 0, so that no position tells them apart.
    """
    layout = FAMILIES[name].layout
    assert layout is not None
    block = hf.get_submodule(f"{layout.blocks}.{LAYER}")
    stream = hf(tokens, use_cache=False, output_hidden_states=True).hidden_states[LAYER][:, -1:]
    every = hf.get_input_embeddings()(keys[None])
    if name == "bloom":
        every = hf.transformer.word_embeddings_layernorm(every)
    if "gemma" in name and "ForCausalLM" in type(hf).__name__:
        scale = every.shape[-1] ** 0.5
        first = hf(tokens, use_cache=False, output_hidden_states=True).hidden_states[0]
        plain = hf.get_input_embeddings()(tokens)
        every = every * (scale if not torch.allclose(first, plain) else 1.0)
    rows = torch.cat([every, stream], dim=1)

    def replace(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if "hidden_states" in kwargs:
            return args, {**kwargs, "hidden_states": rows}
        return (rows, *args[1:]), kwargs

    handle = block.register_forward_pre_hook(replace, with_kwargs=True)
    try:
        ids = torch.zeros(1, KEYS + 1, dtype=torch.long)
        mask = torch.ones_like(ids)  # without it, positions of 0 are taken for 31 texts one after another
        found = hf(
            ids, attention_mask=mask, position_ids=ids, use_cache=False, output_attentions=True
        ).attentions[LAYER]
    finally:
        handle.remove()
    return found[0, HEAD, -1, :KEYS].log()


@pytest.mark.parametrize("name", OPENED)
def test_what_a_head_matches_is_what_it_attends_to_without_positions(name: str) -> None:
    hf = random_model(name)
    tokens = torch.tensor([[int(word[1:]) for word in PROMPT.split()]])
    right = attention_on_embeddings(hf, name, tokens, torch.arange(KEYS))
    if name in BIASED_BY_POSITION:
        right = right - attention_on_embeddings(hf, name, tokens, torch.full((KEYS,), 7))
    model = from_hugging_face(random_model(name), tokenizer(), name)
    task = Task.from_pairs(name, [PromptPair(PROMPT, PROMPT, ("w11",), ("w70",))], model.tokens)
    reading = read_head(model, task, f"a{LAYER}.h{HEAD}", 0, top=model.tokens.vocabulary_size)
    assert reading.promoted_tokens
    if name in UNTOLD:
        with pytest.raises(InputError, match="not made from queries and keys"):
            qk_table(reading)
        return
    assert reading.match_error == ""
    scores = {cell.token: cell.logit for cell in reading.matched_tokens[-1]}
    ours = torch.tensor([scores[f"w{i}"] for i in range(KEYS)])
    cap = getattr(hf.config, "attn_logit_softcapping", None)
    if cap:
        ours = torch.tanh(ours / cap) * cap
    seen = torch.isfinite(right)  # a sliding window hides the rest
    assert seen.sum() >= 2
    difference = (ours - ours[seen][-1])[seen] - (right - right[seen][-1])[seen]
    assert ours[seen].std() > 1e-2
    assert difference.abs().max() < 1e-3 * max(1.0, float(ours.abs().max()))
