"""Label suggestions by rule, from where a feature is active and which tokens it promotes.

A suggestion says what a share of the examples have in common; it is no claim, and nothing tests it here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LEAST_SHARE = 0.7  # of the examples that a suggestion has to hold for
LEAST_EXAMPLES = 4  # from which on rules are tried
MAX_LISTED_TOKENS = 3  # tokens of a suggestion that lists several
MIN_STEM_LETTERS = 4  # that words of a family begin with
PROMOTED_TOKENS = 3  # that have to be of one family
RULE_NAMES = (
    "token",
    "tokens",
    "word family",
    "class",
    "after",
    "position",
    "induction",
    "repeated",
    "promotes",
)
TOKEN_CLASSES = {
    "a number": re.compile(r"\s*\d+([.,]\d+)*"),
    "a line break": re.compile(r"\s*⏎+"),
    "punctuation": re.compile(r"\s*[^\w\s⏎]+"),
    "a capitalised word": re.compile(r"\s*[A-Z][a-z]+"),
}


@dataclass(frozen=True, slots=True)
class ActiveExample:
    """A place where a feature is strongly active.

    Attributes:
        tokens: Tokens around it, as they are shown.
        peak: Index of the active token among them.
        position: Its position in its passage.
    """

    tokens: Sequence[str]
    peak: int
    position: int

    @property
    def token(self) -> str:
        """The active token."""
        return self.tokens[self.peak]

    @property
    def previous(self) -> str | None:
        """The token before it; None where it is not shown."""
        return self.tokens[self.peak - 1] if self.peak else None


@dataclass(frozen=True, slots=True)
class LabelSuggestion:
    """A text that a feature might be called.

    Attributes:
        text: The text.
        rule: The rule that it follows from, one of ``RULE_NAMES``.
        share: The share of the examples that it holds for.
        n_examples: How many examples there were.
    """

    text: str
    rule: str
    share: float
    n_examples: int

    @property
    def source(self) -> str:
        """What it rests on, in words."""
        if self.rule == "promotes":
            return "rule: promoted tokens"
        return f"rule: {self.rule}, {self.share:.0%} of {self.n_examples} examples"


def suggest_labels(
    examples: Sequence[ActiveExample], promoted_tokens: Sequence[str] = ()
) -> list[LabelSuggestion]:
    """Return label suggestions, those that hold for most examples first; of equal ones the most specific.

    Args:
        examples: A feature's strongest examples; below ``LEAST_EXAMPLES`` none is suggested from them.
        promoted_tokens: The tokens that it promotes, the most first.
    """
    found: list[LabelSuggestion] = []
    if len(examples) >= LEAST_EXAMPLES:
        for rule, suggest in _RULES.items():
            text, n_matches = suggest(examples)
            share = n_matches / len(examples)
            if text and share >= LEAST_SHARE:
                found.append(LabelSuggestion(text, rule, share, len(examples)))
    if {"token", "word family"} & {one.rule for one in found}:
        found = [one for one in found if one.rule not in ("tokens", "class")]  # they say less of the same
    if any(one.rule == "induction" for one in found):
        found = [one for one in found if one.rule != "repeated"]
    found.sort(key=lambda one: -one.share)  # stable: the order of the rules is from specific to general
    family = _family(promoted_tokens[:PROMOTED_TOKENS])
    if family and len(promoted_tokens) >= PROMOTED_TOKENS:
        found.append(LabelSuggestion(f"says {family}", "promotes", 1.0, len(examples)))
    return found


def _same_token(examples: Sequence[ActiveExample]) -> tuple[str, int]:
    (token, count), *_ = Counter(_word(one.token) for one in examples).most_common()
    return f"‘{token}’", count


def _few_tokens(examples: Sequence[ActiveExample]) -> tuple[str, int]:
    common = Counter(_word(one.token) for one in examples).most_common(MAX_LISTED_TOKENS)
    common = [(token, count) for token, count in common if count > 1]
    if len(common) < 2:
        return "", 0
    return ", ".join(f"‘{token}’" for token, _ in common), sum(count for _, count in common)


def _word_family(examples: Sequence[ActiveExample]) -> tuple[str, int]:
    words = [_word(one.token) for one in examples]
    stems = Counter(word[:MIN_STEM_LETTERS] for word in words if len(word) >= MIN_STEM_LETTERS)
    if not stems:
        return "", 0
    stem, _ = stems.most_common(1)[0]
    members = [word for word in words if word.startswith(stem)]
    return (f"words like ‘{_common_prefix(members)}…’", len(members)) if len(set(members)) > 1 else ("", 0)


def _token_class(examples: Sequence[ActiveExample]) -> tuple[str, int]:
    counts = {
        name: sum(bool(pattern.fullmatch(one.token)) for one in examples)
        for name, pattern in TOKEN_CLASSES.items()
    }
    name = max(counts, key=lambda each: counts[each])
    return name, counts[name]


def _after_token(examples: Sequence[ActiveExample]) -> tuple[str, int]:
    (token, count), *_ = Counter(_word(one.previous or "") for one in examples).most_common()
    return (f"the token after ‘{token}’", count) if token else ("", 0)


def _same_position(examples: Sequence[ActiveExample]) -> tuple[str, int]:
    (position, count), *_ = Counter(one.position for one in examples).most_common()
    return ("the first token" if position == 0 else f"position {position}"), count


def _earlier_places(example: ActiveExample) -> list[int]:
    word = _word(example.token)
    return [i for i in range(example.peak) if _word(example.tokens[i]) == word]


def _repeated_token(examples: Sequence[ActiveExample]) -> tuple[str, int]:
    return "a token that stood before", sum(bool(_earlier_places(one)) for one in examples)


def _induction(examples: Sequence[ActiveExample]) -> tuple[str, int]:
    """Like a token that stood before, and what followed it then follows again."""

    def follows_again(example: ActiveExample) -> bool:
        after = example.peak + 1
        return after < len(example.tokens) and any(
            _word(example.tokens[i + 1]) == _word(example.tokens[after]) for i in _earlier_places(example)
        )

    return "induction: a token whose next token repeats", sum(map(follows_again, examples))


_RULES: dict[str, Callable[[Sequence[ActiveExample]], tuple[str, int]]] = {
    "token": _same_token,
    "word family": _word_family,
    "tokens": _few_tokens,
    "induction": _induction,
    "after": _after_token,
    "position": _same_position,
    "class": _token_class,
    "repeated": _repeated_token,
}


def _family(tokens: Sequence[str]) -> str:
    """What tokens have in common, in words; empty where they are neither one word nor one family."""
    words = list(map(_word, tokens))
    if not words or not all(words):
        return ""
    if len(set(words)) == 1:
        return f"‘{words[0]}’"
    prefix = _common_prefix(words)
    return f"words like ‘{prefix}…’" if len(prefix) >= MIN_STEM_LETTERS else ""


def _word(token: str) -> str:
    """A token without surrounding space and case."""
    return token.strip().casefold()


def _common_prefix(words: Sequence[str]) -> str:
    first, last = min(words), max(words)
    n = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    return first[:n]
