"""Logit lens: what the model would predict at each layer and position if it ended there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.graph import NodeKind
from circuitviz.lens.direct_logits import (
    TokenLogit,
    TokenRanker,
    direct_logits,
    node_output,
    select_prompt,
)
from circuitviz.models import Model, record_activations
from circuitviz.models.forward_overrides import Hook
from circuitviz.tasks import Task


@dataclass(frozen=True, slots=True)
class LensCell:
    """One layer at one position.

    Attributes:
        top: The most likely tokens.
        answers: The prompt's answers, best first.
        rank: Rank of the best correct answer, 0 first.
        logit_diff: Correct minus incorrect answers' mean logit; None without incorrect answers.
    """

    top: list[TokenLogit]
    answers: list[TokenLogit]
    rank: int
    logit_diff: float | None


@dataclass(frozen=True)
class LensGrid:
    """A logit lens over a prompt.

    Attributes:
        node: The node that is read; empty for the residual stream.
        prompt: Number of the prompt in its task.
        rows: Names of what is read.
        nodes: The node that each row belongs to, or an empty string.
        tokens: Tokens of the prompt as shown.
        cells: Cells by row and position.
    """

    node: str
    prompt: int
    rows: list[str]
    nodes: list[str]
    tokens: list[str]
    cells: list[list[LensCell]]


@torch.no_grad()
def read_lens_grid(model: Model, task: Task, node: str = "", prompt: int = 0, top: int = 10) -> LensGrid:
    """Read the residual stream after each layer, or one node's output, at every position.

    The stream goes through the model's final normalisation and unembedding [nostalgebraist2020logit]; a
    node's output through the scale that the normalisation has at that position in the full run, so that
    nodes' logits add up.

    Args:
        model: The model.
        task: The task.
        node: Name of a node; empty for the residual stream.
        prompt: Number of the prompt in the task.
        top: Number of tokens listed in a cell.

    Raises:
        InputError: There is no such node or prompt.
    """
    subtask, tokens = select_prompt(task, prompt).to(model.device), task.prompt_strings(prompt)
    length, ranker = len(tokens), TokenRanker(model, subtask, top)
    if node and model.graph.node(node).kind is not NodeKind.LOGITS:
        final_residuals: list[Tensor] = []
        with model.hooks({"ln_final.hook_in": final_residuals.append}):
            run = record_activations(model, subtask.clean[:, :length], subtask.lengths - 1)
        logits = direct_logits(model, node_output(model, run, node)[0], final_residuals[0][0])
        ranker.add(logits.expand(length, -1))
        return LensGrid(node, prompt, [node], [node], tokens, _lens_cells(ranker, length))
    streams: list[Tensor] = []
    hooks: dict[str, Hook] = {
        f"blocks.{layer}.hook_in": streams.append for layer in range(model.shape.n_layers)
    }
    hooks["ln_final.hook_in"] = streams.append
    with model.hooks(hooks):
        model.logits(subtask.clean[:, :length], subtask.lengths - 1)
    first_row, names = (len(streams) - 1 if node else 0), ["embedding"]
    names += [f"after layer {layer}" for layer in range(model.shape.n_layers)]
    for stream in streams[first_row:]:
        ranker.add(model.unembed(stream[0]))
    nodes = ["input", *[""] * (model.shape.n_layers - 1), "logits"]  # in between, many nodes wrote the stream
    return LensGrid(node, prompt, names[first_row:], nodes[first_row:], tokens, _lens_cells(ranker, length))


def _lens_cells(ranker: TokenRanker, length: int) -> list[list[LensCell]]:
    """Cells by row and position, from the rankings of all rows one after another."""
    cells = [LensCell(r.top, r.answers, r.rank, r.logit_diff) for r in ranker.rankings()]
    return [cells[start : start + length] for start in range(0, len(cells), length)]
