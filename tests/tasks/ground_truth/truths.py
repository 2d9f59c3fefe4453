"""What matters in each known model, read off how it was made, and the cards that say so.

An edge is in the set if ablating it alone changes some answer. Zero ablation also takes constants away,
interchange only what differs between a clean and a corrupted prompt. Position embeddings are no sender's
output, so neither takes them away.
"""

from __future__ import annotations

_REVERSE = ["input->a0.h2<k>", "a0.h2->m0", "m0->a1.h1<q>", "input->a1.h1<v>", "a1.h1->logits"]
_PROPORTION = ["input->m0", "m0->a1.h3<v>", "a1.h3->logits"]
_BACKUP = ["input->a0.h1<v>", "a0.h1->a1.h2<k>", "input->a1.h2<v>", "a1.h2->logits"]

TRUTHS: dict[str, dict[str, list[str]]] = {
    "reverse": {
        "corrupted": _REVERSE,
        "zero": [
            *_REVERSE,
            "input->a0.h2<q>",  # the question for the bar, everywhere the same
            "input->m0",  # the constant by which the MLP knows its thresholds
        ],
    },
    "x-proportion": {
        "corrupted": _PROPORTION,
        "zero": _PROPORTION,  # a1.h3 asks by positions alone, which nothing ablates
    },
    "backup": {
        "corrupted": _BACKUP,
        "zero": [
            *_BACKUP,
            "input->a1.h2<q>",  # the question for the mark, everywhere the same
            "a1.h2->a2.h0<q>",  # the primary is at work: what holds the backup back
            "input->a2.h0<k>",  # the beginning, where the backup looks meanwhile
        ],
    },
}

_COMMON = """
The other heads and neurons are drawn at random. They read everything and write into dimensions that
only they read, so no edge from or to them matters. The two `.reference.json` files list the edges that
matter under interchange (`corrupted`) and under zero ablation: ablating one of them alone changes an
answer, ablating any other alone changes none, and keeping only them changes nothing. The tests measure
all three. No layer normalisation, ReLU, no unembedding bias; made by `tests/tasks/ground_truth/build.py`.
"""

CARDS = {
    "reverse": """# reverse

Compiled by Tracr (Lindner et al. 2023) from a RASP program: `a b c | c b` goes on with `a`.
`a0.h2` finds the bar, `m0` reckons where to look, `a1.h1` fetches the word.
"""
    + _COMMON,
    "x-proportion": """# x-proportion

Compiled by Tracr (Lindner et al. 2023) from a RASP program: the logit of `x` is the proportion of x
among the words so far. `m0` tells x from others, `a1.h3` takes the mean.
"""
    + _COMMON,
    "backup": """# backup

Written by hand: `a b * c d` goes on with `c`, the word after the mark. `a0.h1` is a previous-token
head, `a1.h2` names the word, and `a2.h0` names it only when `a1.h2` does not write. Under zero
ablation of `a1.h2` it steps in; under interchange it stays silent, as `a1.h2` still says that it works.
"""
    + _COMMON,
}
