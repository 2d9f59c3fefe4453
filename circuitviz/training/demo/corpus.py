"""Generation of the demo model's training text, with held-out combinations.

A hash decides which combinations of names, years and nouns are held out. Training text never contains them;
the model's accuracy is measured on them only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from itertools import combinations

from circuitviz.tasks.word_lists import (
    ADJECTIVES,
    CENTURIES,
    EVENTS,
    FEMALE_NAMES,
    MALE_NAMES,
    NAMES,
    NOUNS,
    OBJECTS,
    PLACES,
    PREPOSITIONS,
    VERBS,
    YEARS,
)

HELD_OUT_ONE_IN = 8  # one combination in eight

IOI_FORMS = (
    "When {a} and {b} went to the {place}, {s} gave a {object} to",
    "When {a} and {b} got a {object} at the {place}, {s} decided to give it to",
    "After {a} and {b} went to the {place}, {s} handed the {object} to",
    "While {a} and {b} were at the {place}, {s} showed a {object} to",
    "Then, {a} and {b} had a long day at the {place}, and {s} gave a {object} to",
    "Then {a} and {b} went to the {place}. {s} wanted to give a {object} to",
    "The {place} {a} and {b} went to had a {object}. {s} gave it to",
    "Friends {a} and {b} found a {object} at the {place}. {s} gave it to",
)
YEAR_FORMS = (
    "The {event} lasted from the year {century}{year} to the year {century}",
    "The {event} went on from {century}{year} to {century}",
    "The {event} began in {century}{year} and ended in {century}",
    "In {century}{year} the {event} began, and it was over in {century}",
)
AGREEMENT_FORMS = (
    "The {subject} {preposition} the {other}",
    "The {adjective} {subject} {preposition} the {other}",
    "I think the {subject} {preposition} the {other}",
)
GENDER_FORMS = (
    "So {name} said that",
    "{name} went to the {place} because",
    "{name} was at the {place}, and then",
    "Once upon a time, there was a little {kind} named {name}. One day,",
    "{name} is tired, so",
    "{name} took the {object} because",
)
PRONOUNS = {"girl": "she", "boy": "he"}


def is_held_out(*words: str) -> bool:
    """Return whether a combination of words, in any order, is kept out of the training text."""
    digest = sha256("|".join(sorted(words)).encode()).digest()
    return digest[0] % HELD_OUT_ONE_IN == 0


def held_out_name_pairs() -> list[tuple[str, str]]:
    """Return every pair of names that training never shows together."""
    return [pair for pair in combinations(NAMES, 2) if is_held_out(*pair)]


def held_out_years() -> list[tuple[str, str]]:
    """Return every (century, year) that training never shows except as the end of a span; 02 to 97."""
    return [(c, y) for c in CENTURIES for y in YEARS[2:98] if is_held_out(c, "year " + y)]


def held_out_noun_pairs() -> list[tuple[str, str]]:
    """Return every pair of nouns, by their singulars, that training never shows in one clause."""
    return [(a, b) for a, _ in NOUNS for b, _ in NOUNS if a != b and is_held_out(a, b)]


class DemoCorpus:
    """An endless, seeded stream of training sentences."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._sentence_kinds: list[tuple[Callable[[], str], float]] = [
            (self.ioi_sentence, 5),
            (self.year_sentence, 4),
            (self.agreement_sentence, 4),
            (self.gender_sentence, 2),
            (self.repetition_sentence, 3),
            (self.filler_sentence, 2),
        ]

    def sentence(self) -> str:
        """Return one sentence of a random kind."""
        makers, weights = zip(*self._sentence_kinds, strict=True)
        maker: Callable[[], str] = self._random.choices(makers, weights)[0]
        return maker()

    def passages(self) -> Iterator[str]:
        """Iterate over passages of one to three sentences."""
        while True:
            yield " ".join(self.sentence() for _ in range(self._random.choice((1, 1, 1, 2, 3))))

    def ioi_sentence(self) -> str:
        """Return a sentence of two names: one occurs again, and the other, or a third, is given something."""
        pick = self._random
        third = pick.random() < 0.2
        names = self._pick_names(3 if third else 2)
        a, b = names[:2]
        subject = names[2] if third else pick.choice((a, b))
        receiver = b if subject == a else a if subject == b else pick.choice((a, b))
        form = pick.choice(IOI_FORMS)
        words = {"place": pick.choice(PLACES), "object": pick.choice(OBJECTS)}
        return form.format(a=a, b=b, s=subject, **words) + f" {receiver}."

    def year_sentence(self) -> str:
        """Return a span of years whose end is after its start."""
        pick = self._random
        century, year = self._pick_year(YEARS[1:99])
        start = int(year)
        form = pick.choice(YEAR_FORMS).format(event=pick.choice(EVENTS), century=century, year=year)
        return form + YEARS[pick.randrange(start + 1, 100)] + "."

    def agreement_sentence(self) -> str:
        """Return a sentence whose verb agrees with the first noun, whatever the second noun's number."""
        pick = self._random
        while True:
            subject, other = pick.sample(NOUNS, 2)
            if not is_held_out(subject[0], other[0]):
                break
        plural = pick.randrange(2)
        verb = pick.choice(VERBS)[plural]
        if pick.random() < 0.25:
            start = f"The {subject[plural]}"
        else:
            start = pick.choice(AGREEMENT_FORMS).format(
                subject=subject[plural],
                other=other[pick.randrange(2)],
                preposition=pick.choice(PREPOSITIONS),
                adjective=pick.choice(ADJECTIVES),
            )
        end = "been" if verb in ("has", "have") else "very"
        return f"{start} {verb} {end} {pick.choice(ADJECTIVES)}."

    def gender_sentence(self) -> str:
        """Return a sentence with a pronoun that fits the name."""
        pick = self._random
        kind = pick.choice(("girl", "boy"))
        name = pick.choice(FEMALE_NAMES if kind == "girl" else MALE_NAMES)
        words = {"place": pick.choice(PLACES), "object": pick.choice(OBJECTS), "kind": kind}
        form = pick.choice(GENDER_FORMS).format(name=name, **words)
        return f"{form} {PRONOUNS[kind]} was {pick.choice(ADJECTIVES)}."

    def repetition_sentence(self) -> str:
        """Return a random row of words, twice or more: only induction can continue it."""
        pick = self._random
        words = [*PLACES, *OBJECTS, *ADJECTIVES, *EVENTS]
        row = pick.sample(words, pick.randrange(3, 9))
        return " ".join(row * pick.choice((2, 2, 3))) + "."

    def filler_sentence(self) -> str:
        """Return a plain sentence about one person or thing."""
        pick = self._random
        forms = (
            "{name} likes the {adjective} {object}.",
            "There is a {object} in the {place}.",
            "The {object} in the {place} is {adjective}.",
            "{name} bought a {adjective} {object} at the {place}.",
            "It was a {adjective} day in {century}{year}.",
            "{name} wants to go to the {place}.",
        )
        century, year = self._pick_year(YEARS)
        return pick.choice(forms).format(
            name=pick.choice(NAMES),
            adjective=pick.choice(ADJECTIVES),
            object=pick.choice(OBJECTS),
            place=pick.choice(PLACES),
            century=century,
            year=year,
        )

    def _pick_year(self, years: list[str]) -> tuple[str, str]:
        while True:
            century, year = self._random.choice(CENTURIES), self._random.choice(years)
            if not is_held_out(century, "year " + year):
                return century, year

    def _pick_names(self, number: int) -> list[str]:
        while True:
            names = self._random.sample(NAMES, number)
            if not any(is_held_out(*pair) for pair in combinations(names, 2)):
                return names


def lexicon_lines() -> Iterable[str]:
    """Iterate over every word as it is in a sentence and at its start, so that each becomes one token."""
    singulars, plurals = zip(*NOUNS, strict=True)
    verbs = [verb for pair in VERBS for verb in pair]
    groups = (NAMES, PLACES, OBJECTS, EVENTS, singulars, plurals, PREPOSITIONS, verbs, ADJECTIVES)
    for words in (*groups, tuple(PRONOUNS), tuple(PRONOUNS.values())):
        for word in words:
            yield f"{word} {word}"
    for century in CENTURIES:
        for year in YEARS:
            yield f"{century}{year} {century}{year}"
