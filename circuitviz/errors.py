"""Two kinds of failure, because a person mends a wrong input and a failed computation differently."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """The input was wrong: one sentence on what was given, what is wrong, what would be right.

    The command line prints it and exits with 2; the window shows it in a dialog.
    """


class ComputationError(RuntimeError):
    """A computation failed on input that looked right (out of memory, not a number, ...); exit 1."""


class InputWarning(UserWarning):
    """What was given can be used, but perhaps is not what was meant: one sentence for a person.

    The command line prints it as a line of its own; Python programs can filter the class.
    """


def suggest_name(given_name: str, known_names: Iterable[str]) -> str:
    """Return `` Did you mean 'eap-ig'?`` for a near miss, else an empty string.

    >>> suggest_name("eap_ig", ["eap", "eap-ig"])
    " Did you mean 'eap-ig'?"
    """
    near = get_close_matches(given_name.lower(), list(known_names), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def first_error_line(error: BaseException) -> str:
    """The first line of an error's message, for a sentence of ours; its type where it has no message.

    Two lines where the first ends in a colon.

    >>> first_error_line(ValueError("the sizes differ.")), first_error_line(KeyError())
    ('the sizes differ', 'KeyError')
    """
    lines = (str(error).strip() or type(error).__name__).splitlines()
    text = " ".join(lines[: 2 if lines[0].endswith(":") else 1])
    return " ".join(text.split()).rstrip(".")[:200]
