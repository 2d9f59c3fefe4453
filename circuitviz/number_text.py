"""Numbers as a person reads them: a minus sign is as wide as a plus, and what rounds to zero has none."""

from __future__ import annotations

import re

MINUS_SIGN = "\N{MINUS SIGN}"
NEGATIVE_NUMBER = re.compile(r"-(?=[\d.]+(e[-+]?\d+)?$|inf$)")


def decimal_number(value: float, digits: int) -> str:
    """A number with so many digits behind the point.

    >>> decimal_number(-1.234, 2), decimal_number(-0.001, 2)
    ('−1.23', '0.00')
    """
    return with_minus_sign(f"{value:z.{digits}f}")


def signed_number(value: float, digits: int) -> str:
    """A number with its sign, and so many digits behind the point.

    >>> signed_number(-1.234, 2), signed_number(0.5, 1)
    ('−1.23', '+0.5')
    """
    return with_minus_sign(f"{value:+z.{digits}f}")


def interval_text(low: float, high: float, digits: int) -> str:
    """Both ends of an interval in brackets, with so many digits behind the point.

    >>> interval_text(-0.02, 0.913, 2)
    '[−0.02, 0.91]'
    """
    return f"[{decimal_number(low, digits)}, {decimal_number(high, digits)}]"


def rounded_number(value: float, digits: int) -> str:
    """A number rounded to so many digits, those before the point included.

    >>> rounded_number(-1234.5, 3), rounded_number(0.25, 3)
    ('−1.23e+03', '0.25')
    """
    return with_minus_sign(f"{value:z.{digits}g}")


def with_minus_sign(text: str) -> str:
    """A number with a minus sign instead of a hyphen; any other text as it is.

    >>> with_minus_sign("-0.5"), with_minus_sign("pre-trained")
    ('−0.5', 'pre-trained')
    """
    return MINUS_SIGN + text[1:] if NEGATIVE_NUMBER.match(text) else text
