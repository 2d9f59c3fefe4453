"""Where a circuit comes from, kept whole: its file can be computed again on another machine."""

from __future__ import annotations

import dataclasses
from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import Opened, Part, parts, plain
from circuitviz.formats.schemas import (
    LARGEST_SEED,
    anything,
    count,
    each,
    either,
    maybe,
    named,
    optional,
    record,
    scalar,
    text,
    truth,
    whole,
)
from circuitviz.session import Document, Provenance
from circuitviz.session.question import METHODS

TEXTS = "model weight_hash task task_hash metric ablation method select machine created".split()
option = either(scalar, each(scalar))
folders = optional(either(text, each(text)))
provenance = record(
    {},
    {**dict.fromkeys(TEXTS, text), **dict.fromkeys(("asked", "seconds"), maybe), "prompts": count,
     "seed": whole(0, LARGEST_SEED), "bos": optional(truth), "options": named(option),
     "task_options": named(either(option, named(scalar))), "versions": named(scalar),
     "pairs": each(each(either(text, each(anything))))},
)  # fmt: skip
question = record(
    {},
    {**dict.fromkeys(("target", "gate", "errors"), optional(text)), "sites": optional(each(text)),
     **dict.fromkeys(("tau", "node_share", "edge_share"), maybe), "nodes": optional(count),
     "rows": optional(count), "tokens": optional(each(count)), "dictionaries": folders},
)  # fmt: skip


class ProvenancePart(Part):
    """``provenance``: model, weights, task with its prompts, method, versions, machine."""

    keys = ("provenance",)

    def write(self, document: Document) -> dict[str, Any]:
        """All fields, or nothing where the circuit was imported."""
        where = document.state.provenance
        return {"provenance": where and plain(dataclasses.asdict(where))}

    def state(self, opened: Opened) -> dict[str, Any]:
        """The provenance, its texts and numbers checked."""
        given = opened.manifest["provenance"]
        if given is None:
            return {}
        named(anything)(given, "provenance")
        known = {field.name for field in dataclasses.fields(Provenance)}
        values = {k: v for k, v in given.items() if k in known}
        provenance(values, "provenance")
        for name in ("options", "task_options", "versions"):
            values[name] = dict(values.get(name, {}))
        counts = values["task_options"].get("left_out", {})
        if not isinstance(counts, dict) or not all(isinstance(n, int) for n in counts.values()):
            raise InputError(f"its provenance says {counts!r} of rows that were left out")
        values["pairs"] = tuple(
            (str(clean), str(corrupted), tuple(map(_answer, right)), tuple(map(_answer, wrong)))
            for clean, corrupted, right, wrong in values["pairs"]
        )
        where = Provenance(**values)
        if where.method in METHODS:  # which are options of a question about a prompt
            question(values["options"], "provenance.options")
        return {"provenance": where}


def _answer(given: Any) -> str | int:
    """An answer as text, or its id in the vocabulary."""
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise InputError(f"its provenance says {given!r} as an answer")
    return given


parts.register("provenance", summary="model, task, method and machine")(ProvenancePart())
