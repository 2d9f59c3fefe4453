"""Built-in tasks that are data: each file of ``resources/tasks`` is one (tasks.md, Files of built-in tasks).

A file lists words and the prompts that they are put into. The clean and the corrupted prompt of a pair are
the same template with other words in some places, so a pair differs in these places only.
"""

from __future__ import annotations

import logging
import random
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from circuitviz.errors import InputError
from circuitviz.models import PromptTokenizer
from circuitviz.options import option
from circuitviz.resources import resource_path
from circuitviz.tasks.pairs import PromptPair
from circuitviz.tasks.registry import draw_pairs, require_words, tasks
from circuitviz.tasks.spans import SLOT_PATTERN, CharacterSpan, fill_slots

VOCABULARY = "vocabulary"
MAX_VOCABULARY_WORDS = 400
MIN_WORD_LETTERS = 3
HALVES = ("all", "first", "second")

logger = logging.getLogger(__name__)

Row = Mapping[str, str]
"""A row of a word list, by column."""


@dataclass(frozen=True)
class TemplateOptions:
    """Which words the prompts are made of."""

    words: str = option(
        "all",
        "which rows of the word lists are drawn from: all, or one of two halves that share none, so that a "
        "circuit found on one is tested on words that it was not found on",
        choices=HALVES,
    )


@dataclass(frozen=True)
class WordList:
    """Words that are drawn from.

    Attributes:
        name: What they are, in the plural.
        columns: Names of the columns; the first is what a role stands for.
        rows: The rows; None where they are words of the tokenizer's vocabulary.
        least: How many of them a tokenizer has to have.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...] | None
    least: int


@dataclass(frozen=True)
class PromptForm:
    """A prompt with places for words.

    Attributes:
        prompt: Its text; ``{role}`` is the first column of what is drawn for a role, ``{role.column}``
            another.
        clean: Further roles: which drawn role each stands for in the clean prompt.
        corrupted: The same in the corrupted prompt.
        correct: Templates of the correct answers.
        incorrect: Templates of the incorrect answers.
        different: Templates of texts no two of which may be equal.
    """

    prompt: str
    clean: Mapping[str, str]
    corrupted: Mapping[str, str]
    correct: tuple[str, ...]
    incorrect: tuple[str, ...]
    different: tuple[str, ...]

    @property
    def answers(self) -> tuple[str, ...]:
        """Templates of all answers."""
        return self.correct + self.incorrect

    @property
    def answer_context(self) -> str:
        """What an answer follows: the end of the prompt, as far as it is the same for all words."""
        return SLOT_PATTERN.split(self.prompt)[-1] or "Then"


@dataclass(frozen=True)
class TaskTemplate:
    """What a file of ``resources/tasks`` says.

    Attributes:
        name: The task's name: that of the file.
        summary: One line about it.
        reference: Source of the idea, as the user reads it.
        metric: The metric by which it is scored by default.
        word_lists: The words, by name.
        draw: Which list each role is drawn from; no row is drawn for two roles.
        variants: Forms of the prompts; the first variant whose answers the tokenizer has is used.
    """

    name: str
    summary: str
    reference: str
    metric: str
    word_lists: Mapping[str, WordList]
    draw: Mapping[str, str]
    variants: tuple[tuple[PromptForm, ...], ...]

    def __post_init__(self) -> None:
        """Raise InputError where a role, a column or a list is named that is not there."""
        for role, name in self.draw.items():
            if name not in self.word_lists:
                raise InputError(f"{self.name}: the role '{role}' is drawn from '{name}', which is no list.")
        for form in (form for variant in self.variants for form in variant):
            if form.clean.keys() != form.corrupted.keys():
                raise InputError(f"{self.name}: clean and corrupted prompts have different roles.")
            for role, column in _roles(form.prompt):
                self._check_role(form.clean.get(role, role), column)
                self._check_role(form.corrupted.get(role, role), column)
            for text in (*form.answers, *form.different):
                for role, column in _roles(text):
                    self._check_role(role, column)

    def _check_role(self, role: str, column: str) -> None:
        known = self.draw.get(role)
        if known is None or (column and column not in self.word_lists[known].columns):
            name = f"{role}.{column}" if column else role
            raise InputError(f"{self.name}: there is no '{name}' to put into a prompt.")


def read_template(path: Path) -> TaskTemplate:
    """Read a file of ``resources/tasks``; errors are those of ``parse_template``."""
    return parse_template(path, path.read_text(encoding="utf-8"))


def parse_template(path: Path, text: str) -> TaskTemplate:
    """The template that the text of a file says.

    Args:
        path: The file, which names the task, and beside which other files are whose words it takes.
        text: Its text.

    Raises:
        InputError: It names a role, a column or a list that is not there.
        KeyError: A key is missing.
        ValueError: It is not TOML.
    """
    data = tomllib.loads(text)
    draw = dict(data["draw"])
    variants = [{**data, **variant} for variant in data.get("variants", [{}])]
    return TaskTemplate(
        path.stem,
        data.get("summary", ""),
        data.get("reference", ""),
        data.get("metric", "logit-diff"),
        {
            name: _parse_word_list(path, name, table, list(draw.values()).count(name))
            for name, table in data["words"].items()
        },
        draw,
        tuple(tuple(_parse_form({**variant, **form}) for form in variant["forms"]) for variant in variants),
    )


def _parse_word_list(path: Path, name: str, table: Mapping[str, Any], n_roles: int) -> WordList:
    if "file" in table:  # the words of another task
        other = read_template(path.with_name(table["file"])).word_lists[name]
        return WordList(name, other.columns, other.rows, table.get("least", other.least))
    columns, rows = tuple(table.get("columns", ("word",))), None
    if table["rows"] != VOCABULARY:
        given = table["rows"]
        texts = [row.split("/") for row in (given.split() if isinstance(given, str) else given)]
        rows = tuple(dict(zip(columns, text, strict=True)) for text in texts)
    return WordList(name, columns, rows, max(n_roles, table.get("least", n_roles)))


def _parse_form(values: Mapping[str, Any]) -> PromptForm:
    return PromptForm(
        values["prompt"],
        dict(values["clean"]),
        dict(values["corrupted"]),
        tuple(values["correct"]),
        tuple(values["incorrect"]),
        tuple(values.get("different", ())),
    )


def make_template_pairs(
    template: TaskTemplate,
    tokens: PromptTokenizer,
    prompts: int,
    seed: int,
    options: TemplateOptions,
    may_be_fewer: bool = False,
) -> list[PromptPair]:
    """Pairs of a task that is data, with words whose answers are one token each.

    Args:
        template: The task.
        tokens: The tokenizer.
        prompts: Number of pairs.
        seed: Seed of the draw.
        options: Which words are drawn from.
        may_be_fewer: Return what there is where there are fewer different pairs.

    Raises:
        InputError: The tokenizer has too few of the words, or too few different pairs can be made of them.
    """
    forms, rows = _choose_variant(template, tokens, options)
    count_tokens = _token_counter(tokens)

    def make(pick: random.Random) -> PromptPair | None:
        form = pick.choice(forms)
        drawn: dict[str, Row] = {}
        for name, usable in rows.items():
            roles = [role for role, of in template.draw.items() if of == name]
            drawn.update(zip(roles, pick.sample(usable, len(roles)), strict=True))
        clean, corrupted = (
            drawn | {role: drawn[source] for role, source in roles.items()}
            for roles in (form.clean, form.corrupted)
        )
        texts = [_fill(text, drawn) for text in form.different]
        places = [(role, column) for role, column in _roles(form.prompt) if role in form.clean]
        if len({*texts}) < len(texts) or any(
            count_tokens(_word(clean[role], column)) != count_tokens(_word(corrupted[role], column))
            for role, column in places
        ):
            return None
        correct, incorrect = (
            tuple(dict.fromkeys(_fill(text, drawn) for text in answers))
            for answers in (form.correct, form.incorrect)
        )
        if {*correct} & {*incorrect}:
            return None
        clean_prompt, spans = _fill_prompt(form.prompt, clean)
        return PromptPair(clean_prompt, _fill(form.prompt, corrupted), correct, incorrect, spans)

    return draw_pairs(template.name, prompts, seed, tokens, make, may_be_fewer)


def load_template(path: Path) -> TaskTemplate:
    """Read a template's file that a person gave.

    Raises:
        InputError: The file cannot be read as a template.
    """
    try:
        return read_template(path)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"The template '{path}' cannot be read: {error.strerror}.") from None
    except KeyError as error:
        raise InputError(f"{path.name}: the key {error} is missing; tasks.md lists the keys.") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path.name} is not a template of a task: {str(error)[:200]}.") from None


def find_usable_words(template: TaskTemplate, tokens: PromptTokenizer) -> dict[str, list[Row]]:
    """The rows of each list that are drawn from with a tokenizer.

    Raises:
        InputError: The tokenizer has too few of the words.
    """
    return _choose_variant(template, tokens, TemplateOptions())[1]


def _choose_variant(
    template: TaskTemplate, tokens: PromptTokenizer, options: TemplateOptions
) -> tuple[tuple[PromptForm, ...], dict[str, list[Row]]]:
    """The first variant for which the tokenizer has the answers, with the rows that can be drawn."""
    first_error: InputError | None = None
    for forms in template.variants:
        try:
            return forms, {
                words.name: _usable_rows(template, words, forms, tokens, options)
                for words in template.word_lists.values()
            }
        except InputError as error:
            first_error = first_error or error
    assert first_error is not None
    raise first_error


def _usable_rows(
    template: TaskTemplate,
    words: WordList,
    forms: Sequence[PromptForm],
    tokens: PromptTokenizer,
    options: TemplateOptions,
) -> list[Row]:
    """The rows of a list whose words the tokenizer knows, and which are one token where they are answers.

    Raises:
        InputError: There are too few; or an answer without words is not one token.
    """
    answers = {(form.answer_context, text) for form in forms for text in form.answers}
    fixed = [(context, text) for context, text in answers if not _roles(text)]
    usable_fixed = [text for context, text in fixed if _fits(tokens, context, text)]
    require_words(usable_fixed, len(fixed), template.name, "answers")
    rows = _vocabulary_rows(words, tokens) if words.rows is None else words.rows
    usable = [
        row
        for row in rows
        if all(tokens.is_known(tokens.answer_ids("Then", f" {word}")) for word in row.values())
        and all(
            _fits(tokens, context, _fill(text, dict.fromkeys(template.draw, row)))
            for context, text in answers
            if any(template.draw[role] == words.name for role, _ in _roles(text))
        )
    ]
    if options.words != "all":
        usable = usable[HALVES.index(options.words) - 1 :: 2]
    require_words([_word(row, "") for row in usable], words.least, template.name, words.name)
    return usable


def _fits(tokens: PromptTokenizer, context: str, answer: str) -> bool:
    ids = tokens.answer_ids(context, answer)
    return len(ids) == 1 and tokens.is_known(ids)


def _vocabulary_rows(words: WordList, tokens: PromptTokenizer) -> list[Row]:
    """Words of the vocabulary that begin with a space, drawn with a seed of their own."""
    ids = tokens.text_token_ids
    random.Random(0).shuffle(ids)
    rows: list[Row] = []
    for token in ids:
        (text,) = tokens.token_strings([token])
        word = text[1:]
        if (
            text.startswith(" ")
            and len(word) >= MIN_WORD_LETTERS
            and word.isascii()
            and word.isalpha()
            and word.islower()
            and tokens.answer_ids("Then", text) == [token]
        ):
            rows.append({words.columns[0]: word})
            if len(rows) == MAX_VOCABULARY_WORDS:
                break
    return rows


def _token_counter(tokens: PromptTokenizer) -> Callable[[str], int]:
    counts: dict[str, int] = {}

    def count(word: str) -> int:
        if word not in counts:
            counts[word] = len(tokens.answer_ids("Then", f" {word}"))
        return counts[word]

    return count


def _roles(text: str) -> list[tuple[str, str]]:
    """The roles of a template with their columns; an empty column is the first one."""
    return [(role, column) for role, _, column in (m[1].partition(".") for m in SLOT_PATTERN.finditer(text))]


def _word(row: Row, column: str | None) -> str:
    return row[column] if column else next(iter(row.values()))


def _fill(text: str, rows: Mapping[str, Row]) -> str:
    return _fill_prompt(text, rows)[0]


def _fill_prompt(text: str, rows: Mapping[str, Row]) -> tuple[str, tuple[CharacterSpan, ...]]:
    return fill_slots(text, lambda slot: _word(rows[slot.partition(".")[0]], slot.partition(".")[2]))


for _path in sorted(resource_path("tasks").glob("*.toml")):
    try:
        _template = read_template(_path)
    except (KeyError, OSError, ValueError) as error:  # one file that is wrong disables no other task
        tasks.import_errors[_path.name] = f"{type(error).__name__}: {error}"
        logger.info("could not read %s", _path, exc_info=True)
    else:
        tasks.register(
            _template.name,
            summary=_template.summary,
            reference=_template.reference,
            options=TemplateOptions,
            metric=_template.metric,
        )(partial(make_template_pairs, _template))
