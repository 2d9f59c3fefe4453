"""Origin of a circuit, complete enough to compute it again on another machine.

In files both kinds of origin have the form of a ``TaskOrigin``: for a circuit of one prompt, ``task`` is
``prompt``, ``pairs`` holds the prompt, and ``options`` hold the query.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from circuitviz.document import Document, Origin, PromptOrigin, TaskOrigin
from circuitviz.document.attribution_query import (
    HEADS_ATTENTION,
    PROMPT_METHODS,
    PROMPT_TASK,
    AttributionQuery,
)
from circuitviz.document.origin import PairTexts, select_text_answers
from circuitviz.dtypes import FULL_DTYPE
from circuitviz.errors import InputError
from circuitviz.formats.parts.registry import Arrays, DocumentPart, FileContents, parts, to_jsonable
from circuitviz.formats.schemas import (
    any_count,
    any_number,
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
    with_rule,
)
from circuitviz.graph.ablation_constants import AblationConstants
from circuitviz.graph.limits import MAX_SEED
from circuitviz.graph.spans import check_spans

RENAMED_FIELDS = {"asked": "requested"}  # by the name in files
CONSTANTS_KEY = "constants"
CONSTANT_ARRAYS = ("embed", "heads", "mlps")
CONSTANT_FIELDS = ("weight_hash", "steps", "seed", "loss", "mean_loss")
FIELDS = tuple(
    {"requested": "asked"}.get(field.name, field.name)
    for field in dataclasses.fields(TaskOrigin)
    if field.name != CONSTANTS_KEY
)
SHARED_FIELDS = "weight_hash task_hash select requested versions machine seconds created".split()
SCALAR_OPTIONS = (
    "target",
    "gate",
    "errors",
    "rows",
    "node_share",
    "edge_share",
    "neurons",
    "convention",
    "contributors",
)
TEXT_FIELDS = "model weight_hash task task_hash metric ablation method select machine created dtype".split()
option_schema = either_of(any_scalar, list_of(any_scalar))
span_schema = with_rule(
    list_of(either_of(any_text, any_count)),
    lambda span: [type(part) for part in span] == [str, int, int],
    "a name, a first character and an end",
)
spans_schema = list_of(list_of(span_schema))
folders_schema = optional_value(either_of(any_text, list_of(any_text)))
provenance_schema = record_of(
    {},
    {**dict.fromkeys(TEXT_FIELDS, any_text), **dict.fromkeys(("asked", "seconds"), optional_number),
     "prompts": any_count, "seed": integer_between(0, MAX_SEED), "bos": optional_value(boolean),
     "options": mapping_of(option_schema), "versions": mapping_of(any_scalar),
     "task_options": mapping_of(either_of(option_schema, mapping_of(any_scalar))),
     "pairs": list_of(list_of(either_of(any_text, list_of(any_value)))), "by_span": boolean},
)  # fmt: skip
constants_schema = record_of(
    {"weight_hash": any_text, "steps": any_count, "seed": integer_between(0, MAX_SEED),
     "loss": any_number, "mean_loss": any_number},
    {},
)  # fmt: skip
query_schema = record_of(
    {},
    {**dict.fromkeys(("target", "gate", "errors", "attention", "convention"), optional_value(any_text)),
     **dict.fromkeys(("tau", "node_share", "edge_share"), optional_number),
     "sites": optional_value(list_of(any_text)), "tokens": optional_value(list_of(any_count)),
     **dict.fromkeys(("nodes", "neurons", "rows", "contributors"), optional_value(any_count)),
     "dictionaries": folders_schema},
)  # fmt: skip


class OriginPart(DocumentPart):
    """``provenance``: model, weights, task with its prompts, method, versions, machine."""

    keys = ("provenance",)

    def write(self, document: Document) -> dict[str, Any]:
        """The origin; None where it is unknown."""
        origin = document.state.origin
        return {"provenance": origin and origin_to_json(origin)}

    def tensors(self, document: Document) -> Arrays:
        """The constants of optimal ablation."""
        origin = document.state.origin
        if origin is None or isinstance(origin, PromptOrigin) or origin.constants is None:
            return {}
        return {f"constant_{name}": getattr(origin.constants, name) for name in CONSTANT_ARRAYS}

    def state(self, contents: FileContents) -> dict[str, Any]:
        """The origin, its texts and numbers checked."""
        provenance = contents.manifest["provenance"]
        if provenance is None:
            return {}
        origin = origin_from_json(provenance)
        if CONSTANTS_KEY in provenance and isinstance(origin, TaskOrigin):
            origin = dataclasses.replace(
                origin, constants=read_constants(contents, provenance[CONSTANTS_KEY])
            )
        return {"origin": origin}


def read_constants(contents: FileContents, data: Any) -> AblationConstants:
    """The constants of optimal ablation, checked against the model's shape.

    Raises:
        InputError: A tensor is missing or of another shape; the message is half a sentence.
    """
    constants_schema(data, f"provenance.{CONSTANTS_KEY}")
    if contents.graph is None:
        raise InputError("it has constants of ablation and no model")
    shape, arrays = contents.graph.shape, {}
    heads = contents.tensors.get("constant_heads", np.empty(0))
    d_head = heads.shape[-1] if heads.ndim else 0  # the model's, which says it when they are used
    n_mlps = shape.n_layers if shape.mlp else 0
    expected_shapes = {
        "embed": (shape.d_model,),
        "heads": (shape.n_layers, shape.n_heads, d_head),
        "mlps": (n_mlps, shape.d_model),
    }
    for name, expected in expected_shapes.items():
        array = contents.tensors.get(f"constant_{name}")
        if (
            array is None
            or array.shape != expected
            or array.dtype.kind != "f"
            or not np.isfinite(array).all()
        ):
            raise InputError(
                f"its constants of ablation ('constant_{name}') are not finite numbers {expected}"
            )
        arrays[name] = array.astype(np.float32)
    values: dict[str, Any] = {**arrays, **{name: data[name] for name in CONSTANT_FIELDS}}
    return AblationConstants(**values)


def origin_from_json(data: Any) -> Origin:
    """Return the origin from JSON data.

    Raises:
        InputError: A value is invalid; the message is half a sentence.
    """
    mapping_of(any_value)(data, "provenance")
    values = {k: v for k, v in data.items() if k in FIELDS}
    provenance_schema(values, "provenance")
    for name in ("options", "task_options", "versions"):
        values[name] = dict(values.get(name, {}))
    counts = values["task_options"].get("left_out", {})
    if not isinstance(counts, dict) or not all(isinstance(n, int) for n in counts.values()):
        raise InputError(f"its provenance says {counts!r} of rows that were left out")
    spans = data.get("spans") or [[]] * len(values["pairs"])
    spans_schema(spans, "provenance.spans")
    if len(spans) != len(values["pairs"]):
        raise InputError(f"it names spans of {len(spans):,} prompts and holds {len(values['pairs']):,} pairs")
    values["pairs"] = tuple(
        _parse_pair(pair, named) for pair, named in zip(values["pairs"], spans, strict=True)
    )
    origin = TaskOrigin(**{RENAMED_FIELDS.get(k, k): v for k, v in values.items()})
    if origin.method in PROMPT_METHODS:  # then options are those of a query
        query_schema(values["options"], "provenance.options")
        if origin.pairs and origin.task == PROMPT_TASK:
            return _to_prompt_origin(origin)
    return origin


def origin_to_json(origin: Origin) -> dict[str, Any]:
    """Return an origin as files hold it; without `dtype` and `by_span` where they are as in earlier files.

    Of constants there is what is said of them beside their tensors.
    """
    values = {name: getattr(origin, RENAMED_FIELDS.get(name, name)) for name in FIELDS}
    if values["dtype"] == FULL_DTYPE:
        del values["dtype"]
    if isinstance(origin, TaskOrigin) and origin.constants is not None:
        values[CONSTANTS_KEY] = {name: getattr(origin.constants, name) for name in CONSTANT_FIELDS}
    if not values["by_span"]:
        del values["by_span"]
    if any(len(pair) > 4 for pair in origin.pairs):  # beside the pairs, as earlier versions read four fields
        values["pairs"] = [pair[:4] for pair in origin.pairs]
        values["spans"] = [list(*pair[4:]) for pair in origin.pairs]
    return {
        name: to_jsonable(dict(value) if isinstance(value, Mapping) else value)
        for name, value in values.items()
    }


def _to_prompt_origin(origin: TaskOrigin) -> PromptOrigin:
    """Convert the file's form of the origin of a circuit of one prompt."""
    prompt, corrupted, correct, incorrect = origin.pairs[0][:4]
    options = origin.options
    sites = options.get("sites")
    query = AttributionQuery(
        origin.model,
        prompt,
        method=origin.method,
        corrupted=corrupted,
        correct=select_text_answers(correct),
        incorrect=select_text_answers(incorrect),
        bos=origin.bos,
        dictionaries=origin.dictionaries,
        sites=None if sites is None else tuple(map(str, sites)),
        tokens=tuple(map(int, options.get("tokens") or ())),
        tau=options.get("tau"),
        nodes=options.get("nodes"),
        dtype=origin.dtype,
        attention=options.get("attention") or HEADS_ATTENTION,
        **{name: options[name] for name in SCALAR_OPTIONS if options.get(name) is not None},
    )
    return PromptOrigin(
        query.with_evaluation_setting(origin.ablation, query.errors),
        **{name: getattr(origin, name) for name in SHARED_FIELDS},
    )


def _parse_pair(pair: list[Any], spans: list[Any]) -> PairTexts:
    clean, corrupted, correct, incorrect = pair
    answers = tuple(map(_parse_answer, correct)), tuple(map(_parse_answer, incorrect))
    if not spans:
        return str(clean), str(corrupted), *answers
    return str(clean), str(corrupted), *answers, check_spans(str(clean), map(tuple, spans))


def _parse_answer(answer: Any) -> str | int:
    """An answer: its text, or its id in the vocabulary."""
    if isinstance(answer, bool) or not isinstance(answer, str | int):
        raise InputError(f"its provenance says {answer!r} as an answer")
    return answer


parts.register("provenance", summary="model, task, method and machine")(OriginPart())
