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

MAX_ANSWERS = 20
MAX_RANKED_LOGITS = 2**22  # logits that are sorted at once


@dataclass(frozen=True, slots=True)
class TokenLogit:
    """One token of a reading.

    Attributes:
        token: Its text as shown.
        logit: Its logit.
        probability: Its probability.
        rank: Its rank from the top, 0 first.
        answer: ``correct`` or ``incorrect`` where it is an answer of the prompt, else empty.
    """

    token: str
    logit: float
    probability: float
    rank: int
    answer: str = ""


@dataclass(frozen=True, slots=True)
class TokenRanking:
    """The tokens of one row of logits.

    Attributes:
        top: The most likely tokens.
        bottom: The least likely tokens, the least first.
        answers: The prompt's answers, best first, at most ``MAX_ANSWERS``.
        rank: Rank of the best correct answer, 0 first.
        logit_diff: Correct minus incorrect answers' mean logit; None without incorrect answers.
    """

    top: list[TokenLogit]
    bottom: list[TokenLogit]
    answers: list[TokenLogit]
    rank: int
    logit_diff: float | None


def select_prompt(task: Task, prompt: int) -> Task:
    """A task of one prompt alone.

    Raises:
        InputError: There is no such prompt.
    """
    if not 0 <= prompt < len(task):
        raise InputError(
            f"Prompt {prompt} was asked for; the task has {len(task)}, numbered from 0 to {len(task) - 1}."
        )
    return task.subset(range(prompt, prompt + 1))


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


class TokenRanker:
    """Ranks tokens of many rows of logits on the device, and fetches all numbers in one copy.

    A number fetched alone makes the host wait for the device, and a map of all layers and positions has
    thousands of them.

    Args:
        model: The model.
        subtask: A task of one prompt, whose answers are ranked, too.
        top: Number of tokens on either side.
    """

    def __init__(self, model: Model, subtask: Task, top: int) -> None:
        self._model, self._top = model, top
        correct, incorrect = (
            [token for token in answers[0].tolist() if token >= 0]
            for answers in (subtask.on_host.correct, subtask.on_host.incorrect)
        )
        self._sides = dict.fromkeys(incorrect, "incorrect") | dict.fromkeys(correct, "correct")
        self._n_correct, self._n_answers = len(correct), len(correct) + len(incorrect)
        self._answers = torch.tensor(correct + incorrect, device=model.device)
        self._numbers: list[Tensor] = []

    def add(self, logits: Tensor) -> None:
        """Rank the tokens of rows of logits [rows, vocabulary]."""
        for rows in logits.split(max(1, MAX_RANKED_LOGITS // logits.shape[1])):
            self._numbers.append(self._rank(rows))

    def _rank(self, logits: Tensor) -> Tensor:
        """Everything that is told of each row, float64 [rows, 2 + 4 · tokens]."""
        order = logits.argsort(dim=-1, descending=True)
        places = torch.arange(logits.shape[1], device=logits.device).expand_as(order)
        ranks = torch.empty_like(order).scatter_(1, order, places)
        of_answers = logits[:, self._answers]
        best_answers = self._answers[of_answers.argsort(dim=-1, descending=True)][:, :MAX_ANSWERS]
        ids = torch.cat([order[:, : self._top], order[:, -self._top :].flip(1), best_answers], dim=1)
        right, wrong = of_answers[:, : self._n_correct], of_answers[:, self._n_correct :]
        numbers = [
            (logits > right.amax(1, keepdim=True)).sum(1, keepdim=True),
            right.mean(1, keepdim=True) - wrong.mean(1, keepdim=True),  # NaN without incorrect answers
            ids,
            logits.gather(1, ids),
            logits.softmax(-1).gather(1, ids),
            ranks.gather(1, ids),
        ]
        return torch.cat([part.double() for part in numbers], dim=1)

    def rankings(self) -> list[TokenRanking]:
        """The rankings of all rows so far, in order."""
        return [self._ranking(row) for row in torch.cat(self._numbers).tolist()]

    def _ranking(self, row: list[float]) -> TokenRanking:
        (rank, logit_diff), numbers = row[:2], row[2:]
        size = len(numbers) // 4
        ids, logits, probabilities, ranks = (numbers[i * size : (i + 1) * size] for i in range(4))
        token_ids = [int(token) for token in ids]
        texts = self._model.tokens.token_strings(token_ids)
        tokens = [
            TokenLogit(text, logit, probability, int(rank), self._sides.get(token, ""))
            for token, text, logit, probability, rank in zip(
                token_ids, texts, logits, probabilities, ranks, strict=True
            )
        ]
        n_listed = (size - min(MAX_ANSWERS, self._n_answers)) // 2
        has_incorrect = self._n_answers > self._n_correct
        return TokenRanking(
            tokens[:n_listed],
            tokens[n_listed : 2 * n_listed],
            tokens[2 * n_listed :],
            int(rank),
            logit_diff if has_incorrect else None,
        )


def rank_rows(model: Model, subtask: Task, logits: Tensor, top: int) -> list[TokenRanking]:
    """The rankings of rows of logits, fetched in one copy.

    Args:
        model: The model.
        subtask: A task of one prompt.
        logits: [rows, vocabulary].
        top: Number of tokens on either side.
    """
    ranker = TokenRanker(model, subtask, top)
    ranker.add(logits)
    return ranker.rankings()


def rank_tokens(
    model: Model, subtask: Task, logits: Tensor, top: int
) -> tuple[list[TokenLogit], list[TokenLogit], list[TokenLogit]]:
    """The top and bottom tokens of logits, and the prompt's answers, best first.

    Args:
        model: The model.
        subtask: A task of one prompt.
        logits: [vocabulary]; ``rank_rows`` ranks many of them with one copy.
        top: Number of tokens on either side.
    """
    (ranking,) = rank_rows(model, subtask, logits[None], top)
    return ranking.top, ranking.bottom, ranking.answers


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
