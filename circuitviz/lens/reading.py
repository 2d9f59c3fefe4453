"""What one node does on one prompt: logit lens, direct logit attribution, attention."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import Kind
from circuitviz.models import Model, record
from circuitviz.models.activations import Activations
from circuitviz.models.model import Hook
from circuitviz.tasks import Task


@dataclass(frozen=True, slots=True)
class TokenLogit:
    """One token of a logit lens: its text, logit, probability, and rank from the top (0 first)."""

    token: str
    logit: float
    probability: float
    rank: int


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
    if not 0 <= prompt < len(task):
        raise InputError(
            f"Prompt {prompt} was asked for; the task has {len(task)}, numbered from 0 to "
            f"{len(task) - 1}."
        )
    part = task.subset([prompt])
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
        logits = _direct(model, _output(model, run, node), final)
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
        *_lens(model, part, logits, top),
        _attribution(part, logits),
        None if pattern is None else pattern.tolist(),
        None if weighted is None else weighted.tolist(),
    )


def _output(model: Model, run: Activations, node: str) -> Tensor:
    """What a sender writes at the last position, [d]."""
    entry = model.graph.node(node)
    if entry.kind is Kind.INPUT:
        return run.embed[0, -1] * model.embed_scale
    assert entry.layer is not None
    if entry.kind is Kind.MLP:
        out, bias = run.mlp[entry.layer][0, -1], model.layers[entry.layer].mlp_bias
        return out if bias is None else out - bias
    assert entry.head is not None
    return run.z[entry.layer][0, -1, entry.head] @ model.layers[entry.layer].o[entry.head]


def _direct(model: Model, output: Tensor, final: Tensor) -> Tensor:
    """A node's own share of every logit [vocabulary], with the final normalisation's scale of
    that run: these shares, the biases' and the positions' add up to the logits."""
    norm = model.final_norm
    _, inverse = norm.parts(final)
    if norm.centred:
        output = output - output.mean()
    return model.unembedding @ (output * inverse * norm.weight)


def _lens(
    model: Model, part: Task, logits: Tensor, top: int
) -> tuple[list[TokenLogit], list[TokenLogit], list[TokenLogit]]:
    probabilities = logits.softmax(-1)
    order = logits.argsort(descending=True)
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order), device=order.device)

    def entries(ids: Tensor) -> list[TokenLogit]:
        texts = model.tokens.strings(ids.tolist())
        return [
            TokenLogit(text, float(logits[i]), float(probabilities[i]), int(ranks[i]))
            for text, i in zip(texts, ids.tolist(), strict=True)
        ]

    answers = torch.cat([part.correct[0], part.incorrect[0]])
    kept = answers[answers >= 0]
    kept = kept[logits[kept].argsort(descending=True)][:20]
    return entries(order[:top]), entries(order[-top:].flip(0)), entries(kept)


def _attribution(part: Task, logits: Tensor) -> float | None:
    """Mean share of the correct minus mean share of the incorrect answers' logits."""
    correct, incorrect = (a[0][a[0] >= 0] for a in (part.correct, part.incorrect))
    if not len(incorrect):
        return None
    return float(logits[correct].mean() - logits[incorrect].mean())
