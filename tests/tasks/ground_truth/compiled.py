"""RASP programs that Tracr compiles (Lindner et al. 2023), laid out among heads that do not matter.

Needs ``tracr-pypi`` 1.0.0 and jax, which users of the application never do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from layout import BOS, D_HEAD, D_MODEL, UNKNOWN, Head, Mlp, Plan
from tracr.compiler import compiling
from tracr.rasp import rasp

LONGEST = 9  # positions after the beginning of the sequence


def reverse() -> Plan:
    """``a b c | c b`` → ``a``: what stands as far before the bar as the answer will stand behind it."""
    words = ["a", "b", "c", "d", "e", "|"]

    def source(bar: int, here: int) -> int:
        return max(0, min(LONGEST - 1, 2 * bar - 1 - here))

    bar = rasp.Aggregate(rasp.Select(rasp.tokens, rasp.tokens, lambda k, _: k == "|"), rasp.indices)
    place = rasp.SequenceMap(source, bar.named("bar"), rasp.indices).named("source")
    flip = rasp.Select(rasp.indices, place, rasp.Comparison.EQ)
    program = rasp.Aggregate(flip, rasp.tokens).named("answer")
    return _laid_out(program, words, places={0: 2, 1: 1}, answers=10.0)


def x_proportion() -> Plan:
    """``a x b x`` → how many of the words so far are x: the logit of x is the proportion itself."""
    is_x = rasp.numerical(rasp.tokens == "x").named("is_x")
    before = rasp.Select(rasp.indices, rasp.indices, rasp.Comparison.LEQ)
    program = rasp.numerical(rasp.Aggregate(before, is_x, default=0)).named("answer")
    return _laid_out(program, ["a", "b", "c", "x"], places={1: 3}, answers=1.0, number_of="x")


def _laid_out(
    program: Any, words: Sequence[str], places: dict[int, int], answers: float, number_of: str = ""
) -> Plan:
    """``places``: the head of each layer that the compiled one becomes."""
    made = compiling.compile_rasp_to_model(
        program, vocab=set(words), max_seq_len=LONGEST, compiler_bos="BOS", causal=True
    )
    dimensions = list(made.residual_labels)
    ours = [BOS, UNKNOWN, *words]

    def padded(matrix: Any, rows: int | None = None, columns: int | None = None) -> np.ndarray:
        matrix = np.asarray(matrix, dtype=np.float64)
        whole = np.zeros((rows or matrix.shape[0], columns or matrix.shape[1]))
        whole[: matrix.shape[0], : matrix.shape[1]] = matrix
        return whole

    tokens = np.zeros((len(ours), D_MODEL))
    unembedding = np.zeros((len(ours), D_MODEL))
    for row, word in enumerate(ours):
        if word == UNKNOWN:
            continue
        tokens[row, dimensions.index(f"tokens:{'BOS' if word == BOS else word}")] = 1.0
    tokens[:, dimensions.index("one")] = 1.0
    outputs = [name for name in dimensions if name.startswith("answer")]
    for name in outputs:
        unembedding[ours.index(number_of or name.partition(":")[2]), dimensions.index(name)] = answers
    given = made.params
    _check_embeddings(given, dimensions, tokens, ours)
    plan = Plan(
        ours,
        dimensions,
        tokens,
        padded(given["pos_embed"]["embeddings"], columns=D_MODEL),
        unembedding,
        made.model_config.num_layers,
    )
    size = made.model_config.key_size
    for layer in range(plan.layers):
        part = f"transformer/layer_{layer}"
        maps = {name: given[f"{part}/attn/{name}"] for name in ("query", "key", "value", "linear")}
        assert not any(np.any(m["b"]) for m in maps.values()), "compiled attention has no biases"
        if layer in places:
            q, k, v = (padded(maps[n]["w"], D_MODEL, D_HEAD) for n in ("query", "key", "value"))
            q *= math.sqrt(D_HEAD / size)  # scores are divided by √d_head, which is larger here
            plan.heads[layer, places[layer]] = Head(q, k, v, padded(maps["linear"]["w"], D_HEAD, D_MODEL))
        else:
            assert not np.any(maps["linear"]["w"]), f"layer {layer} has a head that no place was given"
        first, second = given[f"{part}/mlp/linear_1"], given[f"{part}/mlp/linear_2"]
        assert not np.any(second["b"])
        if np.any(second["w"]):
            plan.mlps[layer] = Mlp(
                padded(first["w"], rows=D_MODEL),
                np.asarray(first["b"], dtype=np.float64),
                padded(second["w"], columns=D_MODEL),
            )
    return plan


def _check_embeddings(given: Any, dimensions: list[str], tokens: np.ndarray, ours: list[str]) -> None:
    """Tracr sorts its vocabulary by itself; ours must be the same rows under other numbers."""
    theirs = np.asarray(given["token_embed"]["embeddings"])
    wanted = {tuple(row[: len(dimensions)]) for i, row in enumerate(tokens) if ours[i] != UNKNOWN}
    assert wanted <= {tuple(row) for row in theirs}, "the embedding is not one-hot with a constant"
