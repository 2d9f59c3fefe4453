"""What one node does on one prompt: logit lens, direct logit attribution, attention."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.graph import Kind
from circuitviz.lens.shares import TokenLogit, apart, direct_logits, node_output, pick, ranked
from circuitviz.models import Model, record
from circuitviz.models.model import Hook
from circuitviz.tasks import Task


@dataclass(frozen=True)
class NodeReading:
    """Everything the inspector shows of a node on one prompt, at the answer position.

    attention: [time, time], row = query position; ``weighted`` scales each weight by the size of
    the value it carries, relative to the largest. Both only for heads.
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


@torch.no_grad()
def read_node(model: Model, task: Task, node: str, prompt: int = 0, top: int = 10) -> NodeReading:
    """Read a node on one prompt of a task; InputError on an unknown node or prompt."""
    entry = model.graph.node(node)
    part = pick(task, prompt)
    length = int(part.lengths[0])
    tokens, position = part.clean[:, :length], part.lengths - 1
    seen: dict[str, Tensor] = {}
    hooks: dict[str, Hook] = {"ln_final.hook_in": lambda x: seen.__setitem__("final", x)}
    if entry.kind is Kind.HEAD:
        attention = f"blocks.{entry.layer}.attn"
        hooks[f"{attention}.hook_pattern"] = lambda x: seen.__setitem__("pattern", x)
        hooks[f"{attention}.v.hook_out"] = lambda x: seen.__setitem__("v", x)
    with model.hooks(hooks):
        run = record(model, tokens, position)
    assert run.logits is not None
    final = seen["final"][0, -1]
    if entry.kind is Kind.LOGITS:
        logits = run.logits[0]
    else:
        logits = direct_logits(model, node_output(model, run, node)[0, -1], final)
    pattern = weighted = None
    if entry.kind is Kind.HEAD and entry.head is not None:
        pattern = seen["pattern"][0, entry.head]
        values = seen["v"][0, :, entry.head // model.shape.group]
        carried = pattern * values.norm(dim=-1)[None]
        weighted = carried / carried.max().clamp_min(1e-12)
    return NodeReading(
        node,
        prompt,
        task.prompt_strings(prompt),
        *ranked(model, part, logits, top),
        apart(part, logits),
        None if pattern is None else pattern.tolist(),
        None if weighted is None else weighted.tolist(),
    )
