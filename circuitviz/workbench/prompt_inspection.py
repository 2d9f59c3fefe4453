"""What a model makes of prompts that are being written: tokens, faults, probabilities of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from circuitviz import lens, metrics, models, tasks
from circuitviz.errors import InputError
from circuitviz.tasks.prompt_sets import ANSWER_SEPARATOR, PromptRow, join_answers, split_answers

N_TOP_TOKENS = 5
TWO_SIDED_METRIC, ONE_SIDED_METRIC = "logit-diff", "log-prob"

AlignedPositions = tuple[int | None, int | None]
"""Positions in the clean and in the corrupted prompt that stand in one column; None: a gap."""


@dataclass(frozen=True)
class AnswerInspection:
    """An answer of a row.

    Attributes:
        text: The answer as it is written.
        is_correct: Whether it is one of the correct answers.
        pieces: Its tokens after the clean prompt.
        problem: Why it cannot be used, as half a sentence after the answer; empty where it can.
        suggestion: An answer that is one token, where this one is not or misses its space; or empty.
    """

    text: str
    is_correct: bool
    pieces: tuple[str, ...] = ()
    problem: str = ""
    suggestion: str = ""


@dataclass(frozen=True)
class PromptReading:
    """What the model says after one prompt of a row.

    Attributes:
        answers: The values of each answer of the row; None where it is not one token.
        top: The likeliest tokens, the likeliest first.
        metric: The metric; None where the pair cannot be used.
    """

    answers: tuple[lens.TokenLogit | None, ...]
    top: tuple[lens.TokenLogit, ...]
    metric: float | None


@dataclass(frozen=True)
class RowInspection:
    """A row as a model sees it.

    Attributes:
        row: The row.
        clean_tokens, corrupted_tokens: Tokens of the prompts; empty where they cannot be tokenised.
        clean_ranges: First character and end of each token of the clean prompt; empty where the tokenizer
            does not tell.
        columns: How the tokens are aligned.
        changed: Indices of the columns whose tokens differ.
        problem: Why the pair cannot be used, as a sentence; empty where it can.
        note: What is probably not meant, as a sentence.
        answers: The correct answers, then the incorrect ones.
        metric: Name of the metric of the values.
        on_clean, on_corrupted: What the model says after each prompt; None until that is known.
    """

    row: PromptRow
    clean_tokens: tuple[str, ...] = ()
    corrupted_tokens: tuple[str, ...] = ()
    columns: tuple[AlignedPositions, ...] = ()
    changed: frozenset[int] = frozenset()
    problem: str = ""
    note: str = ""
    answers: tuple[AnswerInspection, ...] = ()
    metric: str = TWO_SIDED_METRIC
    on_clean: PromptReading | None = None
    on_corrupted: PromptReading | None = None
    clean_ranges: tuple[tuple[int, int], ...] = ()

    @property
    def is_answered_correctly(self) -> bool | None:
        """Whether a correct answer is above every incorrect one, or every other token where there is none.

        Returns:
            None where the model was not asked, or the pair cannot be used.
        """
        if self.problem or self.on_clean is None:
            return None
        logits = [
            (answer.is_correct, value.logit)
            for answer, value in zip(self.answers, self.on_clean.answers, strict=True)
            if value is not None
        ]
        best = max(logit for is_correct, logit in logits if is_correct)
        rivals = [logit for is_correct, logit in logits if not is_correct]
        return best > max(rivals) if rivals else best >= self.on_clean.top[0].logit

    def with_suggestions(self) -> PromptRow:
        """The row with each answer that has a suggestion replaced by it."""
        sides = [
            join_answers(dict.fromkeys(a.suggestion or a.text for a in self.answers if a.is_correct is side))
            for side in (True, False)
        ]
        return replace(self.row, correct=sides[0], incorrect=sides[1])


def inspect_row(row: PromptRow, tokens: models.PromptTokenizer) -> RowInspection:
    """Tokenise a row and say what is wrong with it."""
    problem = ""
    prompts: list[list[int]] = []
    for text in (row.clean, row.corrupted):
        try:
            prompts.append(tokens.encode(text))
        except (InputError, UnicodeEncodeError) as error:
            prompts.append([])
            problem = problem or str(error)
    columns = _align(*prompts)
    answers = tuple(
        _inspect_answer(row, answer, is_correct, tokens)
        for side, is_correct in ((row.correct, True), (row.incorrect, False))
        for answer in split_answers(side)
    )
    problem = problem or _find_problem(row, prompts, answers, tokens)
    clean, corrupted = (tuple(tokens.token_strings(ids)) for ids in prompts)
    return RowInspection(
        row,
        clean,
        corrupted,
        columns,
        frozenset(
            i for i, (a, b) in enumerate(columns) if a is None or b is None or prompts[0][a] != prompts[1][b]
        ),
        problem,
        _note(row, prompts, problem),
        answers,
        TWO_SIDED_METRIC if split_answers(row.incorrect) else ONE_SIDED_METRIC,
        clean_ranges=_find_ranges(row.clean, tokens) if clean else (),
    )


def measure_rows(inspections: Sequence[RowInspection], model: models.Model) -> list[RowInspection]:
    """Add what the model says after the prompts: its likeliest tokens, its values of the answers, the metric.

    Args:
        inspections: Rows, few enough for one batch.
        model: The model.
    """
    prompts = [
        (i, side, model.tokens.encode(text))
        for i, one in enumerate(inspections)
        for side, (text, tokens) in enumerate(
            [(one.row.clean, one.clean_tokens), (one.row.corrupted, one.corrupted_tokens)]
        )
        if tokens
    ]
    if not prompts:
        return list(inspections)
    logits = lens.next_token_logits(model, [ids for _, _, ids in prompts])
    measured = list(inspections)
    for (i, side, _), row_logits in zip(prompts, logits, strict=True):
        one = measured[i]
        ids = [model.tokens.answer_id(one.row.clean, a.text) for a in one.answers if not a.problem]
        values = iter(lens.describe_tokens(model, row_logits, ids))
        metric = None
        if not one.problem:
            task = tasks.Task.from_pairs("own prompts", [make_pair(one.row)], model.tokens)
            compute = metrics.metrics.get(one.metric).value
            metric = float(compute(row_logits[None], task.correct, task.incorrect, None))
        reading = PromptReading(
            tuple(None if a.problem else next(values) for a in one.answers),
            lens.find_likeliest_tokens(model, row_logits, N_TOP_TOKENS),
            metric,
        )
        measured[i] = replace(one, on_corrupted=reading) if side else replace(one, on_clean=reading)
    return measured


def make_pair(row: PromptRow) -> tasks.PromptPair:
    """The row as a pair of a task."""
    return tasks.PromptPair(
        row.clean, row.corrupted, split_answers(row.correct), split_answers(row.incorrect), row.spans
    )


def row_of_pair(pair: tasks.PromptPair, tokens: models.PromptTokenizer | None) -> tuple[PromptRow, int]:
    """A pair of a task as a row that can be edited.

    Args:
        pair: The pair.
        tokens: The tokenizer that writes ids of answers as text; None where there is none.

    Returns:
        The row, and how many answers are left out because no text is read as their token.
    """
    sides, n_lost = [], 0
    for answers in (pair.correct, pair.incorrect):
        texts = []
        for answer in answers:
            text = answer
            if isinstance(text, int):
                text = tokens.token_strings([text])[0].replace("⏎", "\n") if tokens is not None else ""
                if tokens is None or tokens.answer_ids(pair.clean, text) != [answer]:
                    text = ""
            if text and ANSWER_SEPARATOR not in text:
                texts.append(text)
            else:
                n_lost += 1
        sides.append(join_answers(texts))
    return PromptRow(pair.clean, pair.corrupted, sides[0], sides[1], pair.spans), n_lost


def _find_ranges(text: str, tokens: models.PromptTokenizer) -> tuple[tuple[int, int], ...]:
    with suppress(InputError):
        return tuple(tokens.character_ranges(text))
    return ()


def _align(clean: list[int], corrupted: list[int]) -> tuple[AlignedPositions, ...]:
    """Columns of two prompts: position by position, or with gaps where their lengths differ."""
    if len(clean) == len(corrupted):
        return tuple((i, i) for i in range(len(clean)))
    columns: list[AlignedPositions] = []
    for _, a, a_end, b, b_end in SequenceMatcher(None, clean, corrupted, autojunk=False).get_opcodes():
        for step in range(max(a_end - a, b_end - b)):
            columns.append((a + step if a + step < a_end else None, b + step if b + step < b_end else None))
    return tuple(columns)


def _inspect_answer(
    row: PromptRow, answer: str, is_correct: bool, tokens: models.PromptTokenizer
) -> AnswerInspection:
    try:
        ids = tokens.answer_ids(row.clean, answer)
    except (InputError, UnicodeEncodeError) as error:
        return AnswerInspection(answer, is_correct, (), str(error))
    pieces = tuple(tokens.token_strings(ids))
    spaced = f" {answer.strip()}"
    is_spaced_token = answer != spaced and _is_one_token(row.clean, spaced, tokens)
    if not tokens.is_known(ids):
        return AnswerInspection(answer, is_correct, pieces, "is a word that the tokenizer does not know")
    if len(ids) == 1:
        is_joined = row.clean[-1:].isalnum() and answer[:1].isalnum()
        return AnswerInspection(
            answer, is_correct, pieces, suggestion=spaced if is_joined and is_spaced_token else ""
        )
    problem = f"is {len(ids)} tokens: {'|'.join(map(visible_spaces, pieces))}"
    options = [spaced, answer.strip(), pieces[0] if pieces else ""]
    suggestion = next((text for text in options if text and _is_one_token(row.clean, text, tokens)), "")
    return AnswerInspection(answer, is_correct, pieces, problem, suggestion)


def _is_one_token(prompt: str, answer: str, tokens: models.PromptTokenizer) -> bool:
    ids = tokens.answer_ids(prompt, answer)
    return len(ids) == 1 and tokens.is_known(ids)


def _find_problem(
    row: PromptRow,
    prompts: list[list[int]],
    answers: tuple[AnswerInspection, ...],
    tokens: models.PromptTokenizer,
) -> str:
    if not row.clean:
        return "There is no clean prompt."
    if not row.corrupted:
        return "There is no corrupted prompt; one that differs from the clean one in a word would be right."
    n_clean, n_corrupted = map(len, prompts)
    if n_clean != n_corrupted:
        return (
            f"The clean prompt has {n_clean} tokens and the corrupted one {n_corrupted}; "
            "both must have the same number."
        )
    if not any(answer.is_correct for answer in answers):
        return "There is no correct answer; one token such as '·Paris' would be right."
    for answer in answers:
        if answer.problem:
            right = f"; '{visible_spaces(answer.suggestion)}' is one" if answer.suggestion else ""
            return f"The answer '{visible_spaces(answer.text)}' {answer.problem}{right}."
    try:
        tasks.encode_pair(make_pair(row), tokens, None, "This pair")
    except tasks.UnusablePairError as error:
        return f"This pair cannot be used: {error.reason}."
    return ""


def _note(row: PromptRow, prompts: list[list[int]], problem: str) -> str:
    if row.clean.endswith(" ") or row.corrupted.endswith(" "):
        return "A prompt ends with a space; most tokenizers want the space in the answer, as in '·Paris'."
    if not problem and prompts[0] == prompts[1]:
        return "Both prompts are the same, so nothing is changed."
    return ""


def visible_spaces(text: str) -> str:
    """A text whose outer spaces are shown as ·.

    >>> visible_spaces(" Paris")
    '·Paris'
    """
    bare = text.strip(" ")
    if not bare:
        return "·" * len(text)
    start = len(text) - len(text.lstrip(" "))
    return "·" * start + bare + "·" * (len(text) - start - len(bare))
