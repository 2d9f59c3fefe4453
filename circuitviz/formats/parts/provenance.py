"""Where a circuit comes from, kept whole: its file can be computed again on another machine."""

from __future__ import annotations

import dataclasses
from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import Opened, Part, parts, plain
from circuitviz.session import Document, Provenance

TEXTS = (
    "model weight_hash task task_hash metric ablation method select machine created".split()
)


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
        known = {field.name for field in dataclasses.fields(Provenance)}
        values = {k: v for k, v in given.items() if k in known}
        for name in TEXTS:
            if not isinstance(values.get(name, ""), str):
                raise InputError(f"its provenance says {values[name]!r} as {name}")
        for name in ("asked", "prompts", "seed", "seconds"):
            if not isinstance(values.get(name, 0), int | float | None):
                raise InputError(f"its provenance says {values[name]!r} as {name}")
        for name in ("options", "task_options", "versions"):
            values[name] = dict(values.get(name, {}))
        counts = values["task_options"].get("left_out", {})
        if not isinstance(counts, dict) or not all(isinstance(n, int) for n in counts.values()):
            raise InputError(f"its provenance says {counts!r} of rows that were left out")
        values["pairs"] = tuple(
            (str(clean), str(corrupted), tuple(map(_answer, right)), tuple(map(_answer, wrong)))
            for clean, corrupted, right, wrong in values["pairs"]
        )
        return {"provenance": Provenance(**values)}


def _answer(given: Any) -> str | int:
    """An answer as text, or its id in the vocabulary."""
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise InputError(f"its provenance says {given!r} as an answer")
    return given


parts.register("provenance", summary="model, task, method and machine")(ProvenancePart())
