"""Where a circuit comes from, kept whole: its file can be computed again on another machine."""

from __future__ import annotations

import dataclasses
from typing import Any

from circuitviz.document import Document, Provenance
from circuitviz.document.attribution_query import PROMPT_METHODS
from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import DocumentPart, FileContents, parts, to_jsonable
from circuitviz.formats.schemas import (
    MAX_SEED,
    any_count,
    any_scalar,
    any_text,
    any_value,
    boolean,
    either_of,
    integer_between,
    list_of,
    mapping_of,
    optional_number,
    optional_value,
    record_of,
)

TEXT_FIELDS = [
    "model",
    "weight_hash",
    "task",
    "task_hash",
    "metric",
    "ablation",
    "method",
    "select",
    "machine",
    "created",
]
option_schema = either_of(any_scalar, list_of(any_scalar))
folders_schema = optional_value(either_of(any_text, list_of(any_text)))
provenance_schema = record_of(
    {},
    {**dict.fromkeys(TEXT_FIELDS, any_text), **dict.fromkeys(("asked", "seconds"), optional_number), "prompts": any_count,
     "seed": integer_between(0, MAX_SEED), "bos": optional_value(boolean), "options": mapping_of(option_schema),
     "task_options": mapping_of(either_of(option_schema, mapping_of(any_scalar))), "versions": mapping_of(any_scalar),
     "pairs": list_of(list_of(either_of(any_text, list_of(any_value))))},
)  # fmt: skip
query_schema = record_of(
    {},
    {**dict.fromkeys(("target", "gate", "errors"), optional_value(any_text)), "sites": optional_value(list_of(any_text)),
     **dict.fromkeys(("tau", "node_share", "edge_share"), optional_number), "nodes": optional_value(any_count),
     "rows": optional_value(any_count), "tokens": optional_value(list_of(any_count)), "dictionaries": folders_schema},
)  # fmt: skip


class ProvenancePart(DocumentPart):
    """``provenance_schema``: model, weights, task with its prompts, method, versions, machine."""

    keys = ("provenance",)

    def write(self, document: Document) -> dict[str, Any]:
        """All fields, or nothing where the circuit was imported."""
        where = document.state.provenance
        return {"provenance": where and to_jsonable(dataclasses.asdict(where))}

    def state(self, opened: FileContents) -> dict[str, Any]:
        """The provenance, its texts and numbers checked."""
        given = opened.manifest["provenance"]
        if given is None:
            return {}
        mapping_of(any_value)(given, "provenance")
        known = {field.name for field in dataclasses.fields(Provenance)}
        values = {k: v for k, v in given.items() if k in known}
        provenance_schema(values, "provenance")
        for name in ("options", "task_options", "versions"):
            values[name] = dict(values.get(name, {}))
        counts = values["task_options"].get("left_out", {})
        if not isinstance(counts, dict) or not all(isinstance(n, int) for n in counts.values()):
            raise InputError(f"its provenance says {counts!r} of rows that were left out")
        values["pairs"] = tuple(
            (str(clean), str(corrupted), tuple(map(_parse_answer, right)), tuple(map(_parse_answer, wrong)))
            for clean, corrupted, right, wrong in values["pairs"]
        )
        where = Provenance(**values)
        if where.method in PROMPT_METHODS:  # which are options of a question about a prompt
            query_schema(values["options"], "provenance.options")
        return {"provenance": where}


def _parse_answer(given: Any) -> str | int:
    """An answer as text, or its id in the vocabulary."""
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise InputError(f"its provenance says {given!r} as an answer")
    return given


parts.register("provenance", summary="model, task, method and machine")(ProvenancePart())
