"""Weights of known heads and MLPs become a GPT-2-shaped model, among others that do not matter.

Residual dimensions have names. Heads and neurons that are not given are drawn at random: they read
everything and write into spare dimensions, which only they read. So they are as busy as the known ones
and yet no edge from or to them can change an answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

HEADS, D_HEAD = 4, 16
D_MODEL = HEADS * D_HEAD
BOS, UNKNOWN = "<bos>", "<unk>"
Matrix = np.ndarray


@dataclass
class Head:
    """Maps from the residual stream [d_model, d_head] and back [d_head, d_model]; scores are q·k/√d_head.

    ``always`` [d_head] is added to every value: it comes through whatever the head reads.
    """

    q: Matrix
    k: Matrix
    v: Matrix
    o: Matrix
    always: Matrix = field(default_factory=lambda: np.zeros(D_HEAD))


@dataclass
class Mlp:
    """ReLU neurons: what each reads [d_model, n], its bias [n], what it writes [n, d_model]."""

    read: Matrix
    bias: Matrix
    write: Matrix


@dataclass
class Plan:
    """A model to be: its words, the names of its dimensions, and its known parts by place."""

    words: Sequence[str]
    dimensions: Sequence[str]
    tokens: Matrix  # [words, d_model]
    positions: Matrix  # [longest, d_model]
    unembedding: Matrix  # [words, d_model]
    layers: int
    heads: dict[tuple[int, int], Head] = field(default_factory=dict)
    mlps: dict[int, Mlp] = field(default_factory=dict)


def write(plan: Plan, folder: Path, seed: int, neurons: int = 96) -> None:
    """Write config.json, model.safetensors and the tokenizer's files, the same bytes for the same plan."""
    draw = np.random.default_rng(seed)
    spare = range(len(plan.dimensions), D_MODEL)
    found = {
        "transformer.wte.weight": plan.tokens,
        "transformer.wpe.weight": plan.positions,
        "lm_head.weight": plan.unembedding,
    }
    for layer in range(plan.layers):
        heads = [plan.heads.get((layer, i)) or _bystander(draw, spare) for i in range(HEADS)]
        mlp = plan.mlps.get(layer)
        known = 0 if mlp is None else len(mlp.bias)
        other = _idle_neurons(draw, spare, neurons - known)
        mlps = [other] if mlp is None else [mlp, other]
        block = f"transformer.h.{layer}"
        found |= {
            f"{block}.attn.c_attn.weight": np.hstack([getattr(h, c) for c in "qkv" for h in heads]),
            f"{block}.attn.c_attn.bias": np.concatenate([np.zeros(2 * D_MODEL), *(h.always for h in heads)]),
            f"{block}.attn.c_proj.weight": np.vstack([h.o for h in heads]),
            f"{block}.attn.c_proj.bias": np.zeros(D_MODEL),
            f"{block}.mlp.c_fc.weight": np.hstack([m.read for m in mlps]),
            f"{block}.mlp.c_fc.bias": np.concatenate([m.bias for m in mlps]),
            f"{block}.mlp.c_proj.weight": np.vstack([m.write for m in mlps]),
            f"{block}.mlp.c_proj.bias": np.zeros(D_MODEL),
        }
    folder.mkdir(parents=True, exist_ok=True)
    exact = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in found.items()}
    save_file(exact, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["PlainForCausalLM"],
        "model_type": "circuitviz-plain",
        "activation_function": "relu",
        "n_embd": D_MODEL,
        "n_head": HEADS,
        "n_inner": neurons,
        "n_layer": plan.layers,
        "n_positions": len(plan.positions),
        "vocab_size": len(plan.words),
        "bos_token_id": 0,
        "eos_token_id": 0,
        "attn_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "resid_pdrop": 0.0,
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    _write_tokenizer(plan.words, folder)


def onto(names: Sequence[str], rows: Sequence[str], columns: dict[str, int] | None = None) -> Matrix:
    """[d_model, d_head] that copies the named dimensions ``rows`` to columns 0, 1, …"""
    matrix = np.zeros((D_MODEL, D_HEAD))
    for column, row in enumerate(rows):
        matrix[names.index(row), column if columns is None else columns[row]] = 1.0
    return matrix


def _bystander(draw: np.random.Generator, spare: Sequence[int]) -> Head:
    q, k, v = (draw.normal(0, 0.5, (D_MODEL, D_HEAD)) for _ in range(3))
    return Head(q, k, v, _spare(draw.normal(0, 0.25, (D_HEAD, D_MODEL)), spare))


def _idle_neurons(draw: np.random.Generator, spare: Sequence[int], number: int) -> Mlp:
    write = _spare(draw.normal(0, 0.25, (number, D_MODEL)), spare)
    return Mlp(draw.normal(0, 0.5, (D_MODEL, number)), draw.normal(0, 0.25, number), write)


def _spare(matrix: Matrix, spare: Sequence[int]) -> Matrix:
    kept = np.zeros_like(matrix)
    kept[:, list(spare)] = matrix[:, list(spare)]
    return kept


def _write_tokenizer(words: Sequence[str], folder: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": BOS, "unk_token": UNKNOWN}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
