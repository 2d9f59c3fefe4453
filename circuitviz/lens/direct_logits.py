"""Functions shared by readings: one prompt's tokens, a node's output, its contribution to the logits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph import NodeKind
from circuitviz.models import Model
from circuitviz.models.sender_activations import Activations
from circuitviz.tasks import Task


@dataclass(frozen=True, slots=True)
class TokenLogit:
    """One token of a reading.

    Attributes:
        token: Its text as shown.
        logit: Its logit.
        probability: Its probability.
        rank: Its rank from the top, 0 first.
    """

    token: str
    logit: float
    probability: float
    rank: int


def select_prompt(task: Task, prompt: int) -> Task:
    """A task of one prompt alone.

    Raises:
        InputError: There is no such prompt.
    """
    if not 0 <= prompt < len(task):
        raise InputError(
            f"Prompt {prompt} was asked for; the task has {len(task)}, numbered from 0 to {len(task) - 1}."
        )
    return task.subset([prompt])


def node_output(model: Model, run: Activations, node: str) -> Tensor:
    """What a sender writes in a recorded run, [batch, time, d_model]; an MLP's output bias is part of it.

    Raises:
        InputError: There is no such node, or it is ``logits``, which is no sender.
    """
    entry = model.graph.node(node)
    if entry.kind is NodeKind.LOGITS:
        raise InputError(
            f"'{node}' writes nothing into the residual stream; input, an MLP or a head like a1.h2 would be "
            "right."
        )
    if entry.kind is NodeKind.INPUT:
        return run.embed * model.embed_scale
    assert entry.layer is not None
    if entry.kind is NodeKind.MLP:
        return run.mlp[entry.layer]
    assert entry.head is not None
    return run.z[entry.layer][:, :, entry.head] @ model.layers[entry.layer].o[entry.head]


def direct_logits(model: Model, output: Tensor, final: Tensor) -> Tensor:
    """Contributions of outputs to every logit, with the final normalisation's scale of the run.

    These contributions, the biases' and the positions' add up to the logits (before a soft cap).

    Args:
        model: The model.
        output: Outputs [..., d_model].
        final: The last residual stream at the same positions [..., d_model].

    Returns:
        [..., vocabulary].
    """
    norm = model.final_norm
    _, inverse = norm.normalise_parts(final)
    if norm.is_centred:
        output = output - output.mean(-1, keepdim=True)
    return (output * inverse * norm.weight) @ model.unembedding.T


def rank_tokens(
    model: Model, subtask: Task, logits: Tensor, top: int
) -> tuple[list[TokenLogit], list[TokenLogit], list[TokenLogit]]:
    """The top and bottom tokens of logits, and the prompt's answers, best first.

    Args:
        model: The model.
        subtask: A task of one prompt.
        logits: [vocabulary].
        top: Number of tokens on either side.
    """
    probabilities = logits.softmax(-1)
    order = logits.argsort(descending=True)
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order), device=order.device)

    def entries(ids: Tensor) -> list[TokenLogit]:
        texts = model.tokens.token_strings(ids.tolist())
        return [
            TokenLogit(text, float(logits[i]), float(probabilities[i]), int(ranks[i]))
            for text, i in zip(texts, ids.tolist(), strict=True)
        ]

    answers = torch.cat([subtask.correct[0], subtask.incorrect[0]])
    answer_ids = answers[answers >= 0]
    answer_ids = answer_ids[logits[answer_ids].argsort(descending=True)][:20]
    return entries(order[:top]), entries(order[-top:].flip(0)), entries(answer_ids)


def answer_logit_diff(subtask: Task, logits: Tensor) -> float | None:
    """Correct minus incorrect answers' mean logit of a task of one prompt; None without incorrect answers.

    Args:
        subtask: A task of one prompt.
        logits: [vocabulary].
    """
    correct, incorrect = (a[0][a[0] >= 0] for a in (subtask.correct, subtask.incorrect))
    if not len(incorrect):
        return None
    return float(logits[correct].mean() - logits[incorrect].mean())


def mean_unembedding(model: Model, answers: Tensor) -> Tensor:
    """Mean unembedding row of each prompt's answers, [batch, d_model].

    Args:
        model: The model.
        answers: Token ids [batch, answers], −1 where there is none.
    """
    rows = model.unembedding_rows(answers.clamp_min(0))
    mask = (answers >= 0).to(rows)
    rows = rows * mask[..., None]
    return rows.sum(1) / mask.sum(1, keepdim=True)
