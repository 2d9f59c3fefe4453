"""A model writes on while features, heads, MLPs or directions are changed.

1. All texts are one batch: the plain one first, then one for each strength. They have the prompt in common,
   so that no text needs padding.
2. Hooks change each text's own nodes at its steered tokens; a feature's difference is added to what its site
   writes, so that errors and all other features stay as they are.
3. Greedy decoding takes the likeliest token. Sampling takes the largest of logits / temperature + noise, with
   the same Gumbel noise for all texts, which draws from the softmax: equal logits give equal tokens.
4. At the end the plain model reads every text once more: what it would have written there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.residual_direction import residual_direction
from circuitviz.features.steered_nodes import (
    SteeredNode,
    SteeredPositions,
    check_positions,
    find_steered_node,
)
from circuitviz.graph.steering import Continuation, GeneratedToken, SteeringQuery, SteeringResult
from circuitviz.models import Model
from circuitviz.models.generation import GenerationPass
from circuitviz.models.model import Hook
from circuitviz.progress import Progress, ProgressSteps

SMALLEST_UNIFORM = 1e-300  # of the uniform numbers that noise is made from: the logarithm of 0 is none


@torch.no_grad()
def steer_steps(
    model: Model, query: SteeringQuery, dictionaries: Mapping[str, Dictionary]
) -> ProgressSteps[SteeringResult]:
    """Write on after a prompt, plain and steered, as a generator of progress with partial results.

    Args:
        model: The model.
        query: What is changed, where, and how tokens are chosen.
        dictionaries: Dictionaries by site, for the features that are changed.

    Returns:
        The texts with the probability of each token, steered and plain.

    Raises:
        InputError: A node does not exist, or the prompt with its continuation is longer than the context.
    """
    prompt_ids = _encode_prompt(model, query)
    by_strength = list(query.changes_by_strength.items())
    nodes = make_steered_nodes(model, query, dictionaries)
    tokens = torch.tensor([prompt_ids] * (len(by_strength) + 1), device=model.device)
    generation = GenerationPass(model, tokens)
    positions = SteeredPositions(generation, len(prompt_ids), query.steered_tokens)
    hooks = [
        node.hooks(positions, [changes[node.name].amount for _, changes in by_strength]) for node in nodes
    ]
    writer = _BatchContinuation(model, query, prompt_ids, [None, *(strength for strength, _ in by_strength)])
    noise = torch.Generator().manual_seed(query.seed)
    yield Progress(0, query.max_tokens, "reading the prompt")
    logits = _run_steered(model, hooks, generation.read_prompt)
    for done in range(1, query.max_tokens + 1):
        ids = _choose_tokens(logits, query.temperature, noise)
        probabilities = logits.double().softmax(-1).gather(1, ids[:, None])[:, 0]
        writer.append(ids.tolist(), probabilities.tolist())
        if writer.is_ended or done == query.max_tokens:
            break
        yield Progress(done, query.max_tokens, f"token {done}", writer.result())
        logits = _run_steered(model, hooks, partial(generation.read_token, ids))
    yield Progress(query.max_tokens, query.max_tokens, "reading the texts without steering", writer.result())
    return _with_plain_probabilities(model, prompt_ids, writer.result())


def check_steering(model: Model, query: SteeringQuery, dictionaries: Mapping[str, Dictionary]) -> None:
    """InputError where `steer_steps` would refuse a query without directions, found without a pass."""
    _encode_prompt(model, query)
    make_steered_nodes(model, query, dictionaries)


def make_steered_nodes(
    model: Model, query: SteeringQuery, dictionaries: Mapping[str, Dictionary]
) -> list[SteeredNode]:
    """Make the nodes of a query, in the order in which their hooks act: heads before features that read them.

    Raises:
        InputError: A node or the direction that it names does not exist.
    """
    if unused := query.directions.keys() - query.changes.keys():
        raise InputError(f"The direction '{min(unused)}' was given, and nothing is done to it.")
    directions = {name: residual_direction(model, name, *texts) for name, texts in query.directions.items()}
    nodes = [
        find_steered_node(model, name, change, dictionaries, directions)
        for name, change in query.changes.items()
    ]
    return sorted(nodes, key=lambda node: node.reads_other_nodes)


def _encode_prompt(model: Model, query: SteeringQuery) -> list[int]:
    ids = model.tokens.encode(query.prompt, query.bos)
    if not ids:
        raise InputError("An empty prompt was given; a text of at least one token would be right.")
    if len(ids) + query.max_tokens > model.n_ctx:
        raise InputError(
            f"A prompt of {len(ids)} tokens and {query.max_tokens} more were asked for; '{model.name}' reads "
            f"at most {model.n_ctx}, so at most {max(0, model.n_ctx - len(ids))} more would be right."
        )
    check_positions(query.changes, len(ids), query.max_tokens)
    return ids


def _choose_tokens(logits: Tensor, temperature: float, noise: torch.Generator) -> Tensor:
    """Return the next token of each text [batch] from logits [batch, vocabulary]."""
    if temperature == 0:
        return logits.argmax(-1)
    uniform = torch.rand(logits.shape[1], generator=noise, dtype=torch.float64).clamp_min(SMALLEST_UNIFORM)
    gumbel = -(-uniform.log()).log()
    return (logits.double() / temperature + gumbel.to(logits.device)).argmax(-1)


def _run_steered(model: Model, hooks: Sequence[Mapping[str, Hook]], run: Callable[[], Tensor]) -> Tensor:
    """Return the logits of one pass with hooks, which end with it: others use the model between two.

    Raises:
        InputError: The logits are not numbers.
    """
    with ExitStack() as stack:
        for of_node in hooks:
            stack.enter_context(model.hooks(dict(of_node)))
        logits = run()
    if not bool(torch.isfinite(logits).all()):
        raise InputError(
            f"The logits of '{model.name}' are not numbers once it is steered so; a smaller strength would "
            "be right."
        )
    return logits


@dataclass
class _BatchContinuation:
    """The texts that are being written."""

    model: Model
    query: SteeringQuery
    prompt_ids: list[int]
    strengths: Sequence[float | None]

    def __post_init__(self) -> None:
        self._rows: list[list[GeneratedToken]] = [[] for _ in self.strengths]
        self._ended = [False] * len(self.strengths)
        self._prompt_tokens = tuple(self.model.tokens.token_strings(self.prompt_ids))

    @property
    def is_ended(self) -> bool:
        """Whether every text was ended by the model."""
        return all(self._ended)

    def append(self, ids: Sequence[int], probabilities: Sequence[float]) -> None:
        """Append a token to each text that is not ended."""
        tokens, eos_id = self.model.tokens, self.model.tokens.eos_id
        for number, (row, id_, probability) in enumerate(zip(self._rows, ids, probabilities, strict=True)):
            if not self._ended[number]:
                row.append(GeneratedToken(id_, tokens.token_strings([id_])[0], probability))
                self._ended[number] = id_ == eos_id

    def result(self) -> SteeringResult:
        """Return what was written so far; plain probabilities are not known yet."""
        decode = self.model.tokens.decode
        n_characters = len(decode(self.prompt_ids))
        continuations = []
        for number, (strength, row) in enumerate(zip(self.strengths, self._rows, strict=True)):
            ids = [token.id for token in (row[:-1] if self._ended[number] else row)]
            text = decode([*self.prompt_ids, *ids])[n_characters:]
            continuations.append(Continuation(strength, number == 0, text, tuple(row), self._ended[number]))
        return SteeringResult(
            self.query, self.model.weight_hash, self._prompt_tokens, tuple(continuations), is_whole=False
        )


def _with_plain_probabilities(model: Model, prompt_ids: list[int], result: SteeringResult) -> SteeringResult:
    """Return a result with what the plain model gives each token, from one pass of each text."""
    continuations = []
    for continuation in result.continuations:
        ids = [token.id for token in continuation.tokens]
        text = torch.tensor([[*prompt_ids, *ids[:-1]]], device=model.device)
        logits = model.bridge(text, attention_mask=torch.ones_like(text), use_cache=False)[0]
        chosen = torch.tensor(ids, device=model.device)[:, None]
        probabilities = logits[len(prompt_ids) - 1 :].double().softmax(-1).gather(1, chosen)[:, 0].tolist()
        tokens = tuple(
            replace(token, plain_probability=probability)
            for token, probability in zip(continuation.tokens, probabilities, strict=True)
        )
        continuations.append(replace(continuation, tokens=tokens))
    return replace(result, continuations=tuple(continuations), is_whole=True)
