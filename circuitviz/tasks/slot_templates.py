"""Templates that a person writes: prompts with slots, words for them, and what the corrupted prompt changes.

A template is kept in the format of ``resources/tasks`` (tasks.md, Files of built-in tasks): a slot is a role.
This module needs neither torch nor a tokenizer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz.errors import InputError

if TYPE_CHECKING:
    from circuitviz.tasks.template_tasks import PromptForm, TaskTemplate

SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")
SAME_WORDS = re.compile(r"\s*\{(\w+)\}\s*")  # the words of another slot
OWN_WORD = SAME = ""
ANOTHER_WORD = "another word"
OTHER_PREFIX = "other_"  # of the role that stands for another word of a slot
VOCABULARY = "vocabulary"


@dataclass(frozen=True)
class WordSlot:
    """A place for words in the prompts, or a word that only answers name.

    Attributes:
        name: Its name: ``{name}`` stands for the first column of its row, ``{name.column}`` for another.
        words: Rows separated by commas or line breaks, columns by ``/``; or ``{slot}`` for the words of
            another slot, none of which is drawn for both; or ``vocabulary``.
        columns: Names of the columns, separated by ``/``; by default those that answers name.
        clean: What it is in the clean prompt: a word of its own, or what another slot is.
        corrupted: What it is in the corrupted prompt: the same, ``ANOTHER_WORD``, or what another slot is.
    """

    name: str
    words: str = ""
    columns: str = ""
    clean: str = OWN_WORD
    corrupted: str = SAME


@dataclass(frozen=True)
class SlotTemplate:
    """Prompts with slots.

    Attributes:
        prompts: One or several, of which one is chosen for each pair.
        correct: Correct answers, separated by ``|``.
        incorrect: Incorrect answers, separated by ``|``. ``{other_NAME}`` is the other word of a slot.
        slots: The slots.
    """

    prompts: tuple[str, ...] = ()
    correct: str = ""
    incorrect: str = ""
    slots: tuple[WordSlot, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written."""
        return not (self.prompts or self.correct or self.incorrect or self.slots)

    def with_named_slots(self) -> SlotTemplate:
        """The template with a slot for each name in braces; slots without words that nothing names go."""
        texts = [*self.prompts, self.correct, self.incorrect]
        texts += [f"{{{name}}}" for slot in self.slots for name in (slot.clean, slot.corrupted) if name]
        texts += [slot.words for slot in self.slots if SAME_WORDS.fullmatch(slot.words)]
        known = {slot.name: slot for slot in self.slots}
        others = {f"{OTHER_PREFIX}{slot.name}" for slot in self.slots if slot.corrupted == ANOTHER_WORD}
        named = [match[1] for text in texts for match in SLOT.finditer(text)]
        names = [name for name in dict.fromkeys(named) if name not in others and name != ANOTHER_WORD]
        kept = [slot for slot in self.slots if slot.name in names or slot.words.strip()]
        added = [WordSlot(name) for name in names if name not in known]
        return SlotTemplate(self.prompts, self.correct, self.incorrect, (*kept, *added))

    def to_toml(self) -> str:
        """The template as a file of ``resources/tasks``.

        Raises:
            InputError: It is not complete; the message says what is missing.
        """
        self._check_complete()
        slots = {slot.name: slot for slot in self.slots}
        lists = {slot.name: self._word_list(slot) for slot in self.slots if not slot.clean}
        draw = dict(lists)
        clean, corrupted = {}, {}
        for slot in self.slots:
            source = slot.clean or slot.name
            other = f"{OTHER_PREFIX}{slot.name}"
            if slot.corrupted == ANOTHER_WORD:
                draw[other] = lists[source]
            if slot.clean or slot.corrupted:
                clean[slot.name] = source
                corrupted[slot.name] = {SAME: source, ANOTHER_WORD: other}.get(slot.corrupted, slot.corrupted)
        answers = [
            [SLOT.sub(lambda match: _rename(match, clean), answer) for answer in side.split("|") if answer]
            for side in (self.correct, self.incorrect)
        ]
        lines = [
            f"summary = {_text(self.prompts[0])}",
            'reference = ""',
            f"correct = {_texts(answers[0])}",
            f"incorrect = {_texts(answers[1])}",
        ]
        for name in dict.fromkeys(lists.values()):
            lines += ["", f"[words.{_text(name)}]", *self._word_lines(slots[name])]
        for key, roles in (("draw", draw), ("clean", clean), ("corrupted", corrupted)):
            lines += ["", f"[{key}]", *(f"{_text(role)} = {_text(value)}" for role, value in roles.items())]
        for prompt in self.prompts:
            lines += ["", "[[forms]]", f"prompt = {_text(prompt)}"]
        return "\n".join(lines) + "\n"

    def _check_complete(self) -> None:
        if not self.prompts:
            raise InputError(
                "The template has no prompt; one such as 'The capital of {country} is' would be right."
            )
        names = {slot.name: slot for slot in self.slots}
        if not any(slot.corrupted for slot in self.slots):
            raise InputError(
                "No slot changes in the corrupted prompt; choose 'another word' for the one that does."
            )
        if not self.correct:
            raise InputError(
                "The template has no correct answer; one such as ' {country.capital}' would be right."
            )
        for slot in self.slots:
            for target in (slot.clean, slot.corrupted):
                if target not in ("", ANOTHER_WORD) and (target not in names or names[target].clean):
                    raise InputError(f"{{{slot.name}}} is to be {{{target}}}, which has no word of its own.")
            if not slot.clean:
                self._word_list(slot)

    def _word_list(self, slot: WordSlot) -> str:
        """The slot whose words a slot is drawn from; InputError where there are none."""
        names = {one.name: one for one in self.slots}
        shared = SAME_WORDS.fullmatch(slot.words)
        if shared is not None:
            other = names.get(shared[1])
            if other is None or SAME_WORDS.fullmatch(other.words) or not other.words.strip():
                raise InputError(
                    f"{{{slot.name}}} has the words of {{{shared[1]}}}, which has none of its own."
                )
            return other.name
        if not slot.words.strip():
            raise InputError(f"There are no words for {{{slot.name}}}; 'Mary, John, Tom' would be right.")
        return slot.name

    def _word_lines(self, slot: WordSlot) -> list[str]:
        if slot.words.strip() == VOCABULARY:
            return [f"rows = {_text(VOCABULARY)}"]
        rows = split_words(slot.words)
        columns = [name.strip() for name in slot.columns.split("/") if name.strip()]
        if not columns:
            texts = (self.correct, self.incorrect, *self.prompts)
            sharing = {one.name for one in self.slots if not one.clean and self._word_list(one) == slot.name}
            sharing |= {f"{OTHER_PREFIX}{name}" for name in sharing}
            used = [m[2] for text in texts for m in SLOT.finditer(text) if m[2] and m[1] in sharing]
            columns = ["word", *dict.fromkeys(used)]
        for row in rows:
            if row.count("/") + 1 != len(columns):
                raise InputError(
                    f"The words of {{{slot.name}}} have the columns {'/'.join(columns)}; '{row[:60]}' has "
                    f"{row.count('/') + 1} of them."
                )
        return [f"columns = {_texts(columns)}", f"rows = {_texts(rows)}"]


NO_TEMPLATE = SlotTemplate()


def split_words(text: str) -> list[str]:
    """Rows of words, separated by commas or line breaks.

    >>> split_words("France/Paris, New Zealand/Wellington")
    ['France/Paris', 'New Zealand/Wellington']
    """
    rows = (row for row in re.split(r"[,\n]", text) if row.strip())
    return ["/".join(part.strip() for part in row.split("/")) for row in rows]


def slot_template_of(template: TaskTemplate) -> SlotTemplate:
    """A task's template as slots.

    Raises:
        InputError: It has variants, rules for single forms, or conditions that slots do not have.
    """
    forms = [form for variant in template.variants for form in variant]
    is_uniform = len(template.variants) == 1 and all(_rules(form) == _rules(forms[0]) for form in forms)
    if not is_uniform or forms[0].different:
        raise InputError(
            f"The template '{template.name}' has variants, conditions, or rules for single prompts, which "
            "slots do not have; edit its pairs, or its file as text."
        )
    form, draw = forms[0], template.draw
    first_roles: dict[str, str] = {}
    slots = []
    for role, name in draw.items():
        words = template.word_lists[name]
        if name in first_roles:
            slots.append(WordSlot(role, f"{{{first_roles[name]}}}", "", *_targets(form, role)))
            continue
        first_roles[name] = role
        rows = VOCABULARY if words.rows is None else ", ".join("/".join(row.values()) for row in words.rows)
        slots.append(
            WordSlot(
                role, rows, "/".join(words.columns) if len(words.columns) > 1 else "", *_targets(form, role)
            )
        )
    slots += [WordSlot(role, "", "", *_targets(form, role)) for role in form.clean if role not in draw]
    prompts = tuple(one.prompt for one in forms)
    return SlotTemplate(prompts, "|".join(form.correct), "|".join(form.incorrect), _join_others(slots))


def _join_others(slots: list[WordSlot]) -> tuple[WordSlot, ...]:
    """Slots whose other word is a slot ``other_NAME`` have ``ANOTHER_WORD`` instead, as they were written."""
    names = {slot.name for slot in slots}
    joined = []
    for slot in slots:
        other = f"{OTHER_PREFIX}{slot.name}"
        is_own = slot.clean in ("", slot.name) and slot.corrupted == other and other in names
        joined.append(WordSlot(slot.name, slot.words, slot.columns, "", ANOTHER_WORD) if is_own else slot)
    removed = {f"{OTHER_PREFIX}{slot.name}" for slot in joined if slot.corrupted == ANOTHER_WORD}
    return tuple(slot for slot in joined if slot.name not in removed)


def _targets(form: PromptForm, role: str) -> tuple[str, str]:
    clean, corrupted = form.clean.get(role, role), form.corrupted.get(role, role)
    return ("" if clean == role else clean), (SAME if corrupted == clean else corrupted)


def _rules(form: PromptForm) -> tuple[object, ...]:
    return dict(form.clean), dict(form.corrupted), form.correct, form.incorrect, form.different


def _rename(match: re.Match[str], clean: Mapping[str, str]) -> str:
    """A slot in an answer: one that stands for another is named by that one, as answers are drawn roles."""
    name = clean.get(match[1], match[1])
    return f"{{{name}.{match[2]}}}" if match[2] else f"{{{name}}}"


def _text(text: str) -> str:
    """A TOML string, which JSON's escapes are."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _texts(texts: Iterable[str]) -> str:
    return "[" + ", ".join(map(_text, texts)) + "]"
