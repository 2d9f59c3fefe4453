"""A model written by hand: a head that names the word after the mark, and one that would if it were gone.

Its heads::

    layer 0   a0.h1  previous token: copies the word before into "before:"
    layer 1   a1.h2  primary: looks where before:* is, writes the word there, and that it has done so
    layer 2   a2.h0  backup: looks at the same place, but at the beginning while the primary is at work
"""

from __future__ import annotations

import math

import numpy as np
from layout import BOS, D_HEAD, D_MODEL, UNKNOWN, Head, Plan, onto

WORDS = ["a", "b", "c", "d", "e", "f", "*"]
LONGEST = 12
SHARP = 100.0  # e^−100 is nothing beside 1 in single precision
ANSWER = 10.0


def backup() -> Plan:
    """The three heads; each score is made with one coordinate a condition."""
    ours = [BOS, UNKNOWN, *WORDS]
    read = [BOS, *WORDS]
    places = [f"place:{i}" for i in range(LONGEST)]
    names = [
        *(f"word:{w}" for w in read),
        *places,
        *(f"before:{w}" for w in WORDS),
        *(f"answer:{w}" for w in WORDS),
        "one",
        "done",
    ]
    tokens, positions = np.zeros((len(ours), D_MODEL)), np.zeros((LONGEST, D_MODEL))
    for row, word in enumerate(ours):
        if word != UNKNOWN:
            tokens[row, names.index(f"word:{word}")] = 1.0
        tokens[row, names.index("one")] = 1.0
    for place, name in enumerate(places):
        positions[place, names.index(name)] = 1.0
    unembedding = np.zeros((len(ours), D_MODEL))
    for word in WORDS:
        unembedding[ours.index(word), names.index(f"answer:{word}")] = ANSWER
    plan = Plan(ours, names, tokens, positions, unembedding, layers=3)

    words = [f"word:{w}" for w in WORDS]
    copy = onto(names, words)
    score = SHARP * math.sqrt(D_HEAD)  # what the attention divides by

    here_before = {name: i for i, name in enumerate(places)}
    q = score * onto(names, places[1:], {name: here_before[name] - 1 for name in places[1:]})
    plan.heads[0, 1] = Head(q, onto(names, places), copy, onto(names, [f"before:{w}" for w in WORDS]).T)

    answer = onto(names, [f"answer:{w}" for w in WORDS]).T
    done = len(WORDS)  # the value's coordinate behind the words
    says = answer + onto(names, ["done"], {"done": done}).T
    marked = onto(names, ["before:*"])
    at_work = np.eye(D_HEAD)[done]  # comes through wherever the primary looks
    plan.heads[1, 2] = Head(score * onto(names, ["one"]), marked, copy, says, at_work)

    asks = score * (onto(names, ["one"]) + 2.0 * onto(names, ["done"], {"done": 1}))
    offers = marked + onto(names, [f"word:{BOS}"], {f"word:{BOS}": 1})
    plan.heads[2, 0] = Head(asks, offers, copy, answer)
    return plan
