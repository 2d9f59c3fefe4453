"""All readings of one node on one prompt: logit lens, direct logit attribution, attention."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import NodeKind
from circuitviz.graph.names import split_span
from circuitviz.lens.direct_logits import (
    TokenLogit,
    direct_logits,
    node_output,
    rank_rows,
    select_prompt,
)
from circuitviz.models import Model, record_activations
from circuitviz.models.forward_overrides import Hook
from circuitviz.notebook_methods import NotebookObject
from circuitviz.tasks import Task


@dataclass(frozen=True)
class NodeReading(NotebookObject):
    """Readings of a node on one prompt, at the answer position or at the last token of the node's span.

    Attributes:
        node: Name of the node.
        prompt: Number of the prompt in its task.
        tokens: Tokens of the prompt as shown.
        top: Tokens that the node promotes most.
        bottom: Tokens that it promotes least.
        answers: The prompt's answers, best first.
        direct_logit_attribution: Correct minus incorrect answers' mean logit, in logits; None without
            incorrect answers.
        attention: Pattern [query, key]; of heads only.
        weighted: The pattern times the norm of the value that each weight carries, divided by the largest; of
            heads only.
        position: Token position of the readings; the answer position by default.
    """

    node: str
    prompt: int
    tokens: list[str]
    top: list[TokenLogit]
    bottom: list[TokenLogit]
    answers: list[TokenLogit]
    direct_logit_attribution: float | None
    attention: list[list[float]] | None = None
    weighted: list[list[float]] | None = None
    position: int = -1


@torch.no_grad()
def read_node(model: Model, task: Task, node: str, prompt: int = 0, top: int = 10) -> NodeReading:
    """Read a node on one prompt of a task.

    Args:
        model: The model.
        task: The task.
        node: Name of the node; ``a5.h3@S2`` is read at its span's last token.
        prompt: Number of the prompt in the task.
        top: Number of tokens listed.

    Raises:
        InputError: There is no such node or prompt, or the prompt does not have its span.
    """
    component, span = split_span(node)
    entry = model.graph.node(component)
    subtask, strings = select_prompt(task, prompt).to(model.device), task.prompt_strings(prompt)
    at = _last_position(task, prompt, span) if span else len(strings) - 1
    tokens, position = subtask.clean[:, : len(strings)], subtask.lengths - 1
    tensors: dict[str, Tensor] = {}
    hooks: dict[str, Hook] = {"ln_final.hook_in": lambda x: tensors.__setitem__("final", x)}
    if entry.kind is NodeKind.HEAD:
        attention = f"blocks.{entry.layer}.attn"
        hooks[f"{attention}.hook_pattern"] = lambda x: tensors.__setitem__("pattern", x)
        hooks[f"{attention}.v.hook_out"] = lambda x: tensors.__setitem__("v", x)
    with model.hooks(hooks):
        run = record_activations(model, tokens, position)
    assert run.logits is not None
    final = tensors["final"][0, at]
    if entry.kind is NodeKind.LOGITS:
        logits = run.logits[0]
    else:
        logits = direct_logits(model, node_output(model, run, component)[0, at], final)
    pattern = weighted = None
    if entry.kind is NodeKind.HEAD and entry.head is not None:
        pattern = tensors["pattern"][0, entry.head]
        values = tensors["v"][0, :, entry.head // model.shape.queries_per_kv_head]
        carried = pattern * values.norm(dim=-1)[None]
        weighted = carried / carried.max().clamp_min(1e-12)
    (ranking,) = rank_rows(model, subtask, logits[None], top)
    return NodeReading(
        node,
        prompt,
        strings,
        ranking.top,
        ranking.bottom,
        ranking.answers,
        ranking.logit_diff,
        None if pattern is None else pattern.tolist(),
        None if weighted is None else weighted.tolist(),
        at,
    )


def _last_position(task: Task, prompt: int, span: str) -> int:
    names = task.span_names(prompt)
    if span not in names:
        raise InputError(f"Prompt {prompt} has no span '{span}'; it has {', '.join(dict.fromkeys(names))}.")
    return len(names) - 1 - names[::-1].index(span)
