"""Tasks: pairs of prompts that differ in one thing, with the answers to the clean one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuitviz.errors import InputError
from circuitviz.graph.ablation_constants import ConstantStore
from circuitviz.graph.spans import PromptSpans
from circuitviz.models import PromptTokenizer
from circuitviz.tasks.spans import CharacterSpan, token_spans

Answer = str | int
EncodedPair = tuple[list[int], list[int], list[int], list[int]]
"""Ids of the clean and the corrupted prompt, and of the correct and the incorrect answers."""


class UnusablePairError(InputError):
    """A pair that no circuit can be measured on.

    Args:
        message: What is wrong with this pair.
        reason: The same in words that many pairs share, so that they can be counted.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class PromptPair:
    """A clean and a corrupted prompt, and the answers to the clean one.

    An answer is a token as text after the prompt (``" Mary"``), or its id in the vocabulary: not every token
    can be written as text.

    Attributes:
        clean: The clean prompt.
        corrupted: The corrupted prompt, of the same number of tokens.
        correct: Correct answers.
        incorrect: Incorrect answers; if empty, only metrics of the correct answers apply.
        spans: Names of parts of the clean prompt, in their order.
    """

    clean: str
    corrupted: str
    correct: tuple[Answer, ...]
    incorrect: tuple[Answer, ...] = ()
    spans: tuple[CharacterSpan, ...] = ()


Pair = PromptPair
"""The name of ``PromptPair`` in the Python API: ``cv.Pair(clean, corrupted, correct, incorrect)``."""

TENSOR_FIELDS = ("clean", "corrupted", "lengths", "correct", "incorrect")
HOST = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Task:
    """Pairs of prompts as token batches.

    Attributes:
        name: Name of the task.
        pairs: The pairs.
        metric: The metric by which it is scored by default.
        clean: Token ids of the clean prompts [prompts, time], padded on the right.
        corrupted: Token ids of the corrupted prompts [prompts, time].
        lengths: Number of tokens [prompts]; the answer is read at ``lengths − 1``.
        correct: Ids of correct answers [prompts, answers], −1 where a prompt has fewer.
        incorrect: Ids of incorrect answers [prompts, answers], −1 where a prompt has fewer.
        tokens: The tokenizer.
        seed: Seed of the draw, and of bootstrap intervals.
        bos: False where the beginning-of-sequence token is left out.
        options: Options of a built-in task, ready for JSON.
        constants: Constants of optimal ablation, shared with parts of the task.
        whole: The task that this one is a part of, and on whose prompts constants are learned; None where it
            is no part.
        host_copy: The same task on the host, where this one is on another device. What the host asks of a
            task (lengths, its hash, positions of words) is answered there, so that no device is waited for.
    """

    name: str
    pairs: tuple[PromptPair, ...]
    metric: str
    clean: Tensor
    corrupted: Tensor
    lengths: Tensor
    correct: Tensor
    incorrect: Tensor
    tokens: PromptTokenizer = field(repr=False)
    seed: int = 0
    bos: bool | None = None
    options: dict[str, Any] = field(default_factory=dict)
    constants: ConstantStore = field(default_factory=ConstantStore, repr=False)
    whole: Task | None = field(default=None, repr=False)
    host_copy: Task | None = field(default=None, repr=False)

    @staticmethod
    def from_pairs(
        name: str,
        pairs: Sequence[PromptPair],
        tokens: PromptTokenizer,
        metric: str = "logit-diff",
        seed: int = 0,
        bos: bool | None = None,
        encoded: Sequence[EncodedPair] | None = None,
        options: dict[str, Any] | None = None,
    ) -> Task:
        """Tokenise pairs.

        Args:
            name: Name of the task.
            pairs: The pairs.
            tokens: The tokenizer.
            metric: The metric by which it is scored by default.
            seed: Seed of bootstrap intervals.
            bos: False to leave out the beginning-of-sequence token.
            encoded: Token ids of the pairs where they are known already.
            options: What documents store beside it.

        Raises:
            InputError: There is no pair; the prompts of a pair have different lengths; an answer is not one
                token, outside the vocabulary, or both correct and incorrect.
        """
        if not pairs:
            raise InputError(f"The task '{name}' holds no pair of prompts; it needs at least one.")
        rows = encoded or [encode_pair(pair, tokens, bos, f"pair {i + 1}") for i, pair in enumerate(pairs)]
        clean, corrupted, correct, incorrect = zip(*rows, strict=True)
        return Task(
            name,
            tuple(pairs),
            metric,
            _pad(clean, 0),
            _pad(corrupted, 0),
            torch.tensor([len(row) for row in clean]),
            _pad(correct, -1),
            _pad(incorrect, -1),
            tokens,
            seed,
            bos,
            dict(options or {}),
        )

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def on_host(self) -> Task:
        """The same task with its tensors on the host."""
        return self.host_copy or self

    @property
    def first_changed_position(self) -> int:
        """The first position at which a corrupted token differs on some prompt; the last where none does."""
        host = self.on_host
        different = (host.clean != host.corrupted).any(0).nonzero()
        return int(different[0, 0]) if len(different) else host.clean.shape[1] - 1

    @cached_property
    def hash(self) -> str:
        """SHA-256 over prompts, answers and token ids."""
        digest = hashlib.sha256()
        texts = [[p.clean, p.corrupted, list(p.correct), list(p.incorrect)] for p in self.pairs]
        digest.update(json.dumps(texts, ensure_ascii=False).encode())
        host = self.on_host
        for tensor in (host.clean, host.corrupted, host.correct, host.incorrect):
            digest.update(str(tuple(tensor.shape)).encode() + tensor.numpy().tobytes())
        return digest.hexdigest()

    @property
    def two_sided(self) -> bool:
        """Whether every prompt has incorrect answers."""
        incorrect = self.on_host.incorrect
        return bool(incorrect.shape[1]) and bool((incorrect >= 0).any(1).all())

    def split_off(self, indices: Iterable[int]) -> Task:
        """Some of the prompts as a task of their own, which learns its own constants of optimal ablation."""
        return replace(self.subset(indices), constants=ConstantStore(), whole=None)

    def subset(self, indices: Iterable[int]) -> Task:
        """The same task with some of its prompts, a part that shares its constants of optimal ablation."""
        rows = list(indices)
        if isinstance(indices, range) and indices.step == 1 and indices.start >= 0:
            pick: slice | Tensor = slice(indices.start, indices.stop)  # a batch: nothing is copied
        else:
            pick = torch.tensor(rows, dtype=torch.long, device=self.clean.device)
        return replace(
            self,
            pairs=tuple(self.pairs[i] for i in rows),
            whole=self.whole or self,
            host_copy=None if self.host_copy is None else self.host_copy.subset(rows),
            **{name: getattr(self, name)[pick] for name in TENSOR_FIELDS},
        )

    def to(self, device: torch.device) -> Task:
        """The same task with its tensors on a device."""
        if self.clean.device == device:
            return self
        if device == HOST:
            return self.on_host
        moved = {name: getattr(self, name).to(device) for name in TENSOR_FIELDS}
        return replace(self, host_copy=self.on_host, **moved)

    def resolve_position(self, index: int, name: str) -> int:
        """The position in one prompt that a name means.

        ``END``: the last token; ``IO``: the first occurrence of a correct answer; ``S1``, ``S2``: the first
        and the second of an incorrect one; ``S1+1``, ``END-2``: relative to these; or a number from 0, from
        the end where negative.

        Args:
            index: Number of the prompt.
            name: Name of the position.

        Raises:
            InputError: The name means no position in this prompt.
        """
        host = self.on_host
        length = int(host.lengths[index])
        match = re.fullmatch(r"(END|IO|S1|S2)([+-]\d+)?", name.strip().upper())
        if match is None and not re.fullmatch(r"-?\d+", name.strip()):
            raise InputError(
                f"'{name}' names no position; END, IO, S1, S2, one beside these (S1+1), or a number would "
                "be right."
            )
        if match is None:
            position = int(name) + (length if int(name) < 0 else 0)
        elif match[1] == "END":
            position = length - 1 + int(match[2] or 0)
        else:
            answers = host.correct[index] if match[1] == "IO" else host.incorrect[index]
            row = host.clean[index, :length]
            occurrences = torch.isin(row, answers[answers >= 0]).nonzero()[:, 0].tolist()
            occurrence = 1 if match[1] == "S2" else 0
            if len(occurrences) <= occurrence:
                raise InputError(
                    f"Prompt {index} has no position {match[1]}: "
                    f"{'a correct' if match[1] == 'IO' else 'an incorrect'} answer stands there "
                    f"{len(occurrences)} times. Give the position as a number, or choose other prompts."
                )
            position = occurrences[occurrence] + int(match[2] or 0)
        if not 0 <= position < length:
            raise InputError(f"Prompt {index} has {length} tokens, so there is no position '{name}' in it.")
        return position

    def span_names(self, index: int) -> list[str]:
        """The span of each token of one prompt, clean and corrupted (tasks.md, Spans).

        Args:
            index: Number of the prompt.

        Raises:
            InputError: The pair names spans, and the tokenizer does not tell which characters a token stands
                for.
        """
        pair, length = self.pairs[index], int(self.on_host.lengths[index])
        ranges = self.tokens.character_ranges(pair.clean, self.bos) if pair.spans else [(0, 0)] * length
        return token_spans(pair.spans, ranges, pair.clean)

    @cached_property
    def spans(self) -> PromptSpans:
        """The spans of all prompts."""
        return PromptSpans.of_prompts([self.span_names(index) for index in range(len(self))])

    def span_indices(self, spans: PromptSpans) -> NDArray[np.intp]:
        """The span of each token [prompts, time] as its index, −1 in padding.

        Args:
            spans: The spans of this task, or of one that this is a part of.

        Raises:
            InputError: A prompt has a span that is not among them.
        """
        index = {name: i for i, name in enumerate(spans.names)}
        rows = [self.span_names(prompt) for prompt in range(len(self))]
        if unknown := {name for row in rows for name in row} - index.keys():
            raise InputError(
                f"The prompts of '{self.name}' have the span '{min(unknown)}'; the circuit has "
                f"{', '.join(spans.names)}. Prompts with these spans would be right."
            )
        width = self.clean.shape[1]
        return np.array(
            [[*(index[name] for name in row), *[-1] * (width - len(row))] for row in rows], np.intp
        )

    def prompt_strings(self, index: int, corrupted: bool = False) -> list[str]:
        """Tokens of one prompt as they are shown, without padding."""
        host = self.on_host
        row = (host.corrupted if corrupted else host.clean)[index, : int(host.lengths[index])]
        return self.tokens.token_strings(row.tolist())


def encode_pair(pair: PromptPair, tokens: PromptTokenizer, bos: bool | None, place: str) -> EncodedPair:
    """Token ids of a pair's prompts and answers.

    Args:
        pair: The pair.
        tokens: The tokenizer.
        bos: False to leave out the beginning-of-sequence token.
        place: Where the pair is, for error messages, such as ``ioi.csv line 3``.

    Raises:
        UnusablePairError: The pair cannot be used.
    """
    for text in (pair.clean, pair.corrupted, *pair.correct, *pair.incorrect):
        if isinstance(text, str) and not _is_unicode(text):
            raise UnusablePairError(
                f"{place}: {text[:60]!a} holds half of a surrogate pair, which is no character; write the "
                "character itself.",
                "a text holds half of a surrogate pair",
            )
    try:
        clean, corrupted = tokens.encode(pair.clean, bos), tokens.encode(pair.corrupted, bos)
    except InputError as error:
        raise UnusablePairError(
            f"{place}: {error}", "a prompt is too long or holds a word that the tokenizer does not know"
        ) from None
    if not clean:
        raise UnusablePairError(
            f"{place}: the clean prompt is empty; it needs at least one token.", "a prompt is empty"
        )
    if len(clean) != len(corrupted):
        raise UnusablePairError(
            f"{place}: the clean prompt has {len(clean)} tokens and the corrupted one "
            f"{len(corrupted)}; both must have the same number. Clean: "
            f"“{'|'.join(tokens.token_strings(clean))}”; "
            f"corrupted: “{'|'.join(tokens.token_strings(corrupted))}”.",
            "the prompts have different numbers of tokens",
        )
    if not pair.correct:
        raise UnusablePairError(
            f"{place}: there is no correct answer; give at least one token.", "there is no correct answer"
        )
    try:
        correct = [_answer_id(answer, pair.clean, tokens) for answer in pair.correct]
        incorrect = [_answer_id(answer, pair.clean, tokens) for answer in pair.incorrect]
    except UnusablePairError as error:
        raise UnusablePairError(f"{place}: {error}", error.reason) from None
    except InputError as error:
        raise UnusablePairError(f"{place}: {error}", "an answer is not one token") from None
    if ambiguous := set(correct) & set(incorrect):
        shown = tokens.token_strings(ambiguous)[0]
        raise UnusablePairError(
            f"{place}: the answer {shown!r} is given as correct and as incorrect.",
            "an answer is correct and incorrect",
        )
    return clean, corrupted, correct, incorrect


def _answer_id(answer: Answer, prompt: str, tokens: PromptTokenizer) -> int:
    """The token id of an answer that is given as an id or as text."""
    if isinstance(answer, str):
        return tokens.answer_id(prompt, answer)
    if not 0 <= answer < tokens.vocabulary_size:
        number = answer if abs(answer) < 10**20 else "of many digits"
        raise UnusablePairError(
            f"index {number} is outside this model's vocabulary of {tokens.vocabulary_size}; was the "
            "file made for another model?",
            "an id is outside the vocabulary",
        )
    return answer


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _pad(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    longest = max((len(row) for row in rows), default=0)
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows], dtype=torch.long).view(
        len(rows), longest
    )
