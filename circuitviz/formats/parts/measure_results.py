"""Schemas of the results of measures, as charts and tables read them."""

from __future__ import annotations

from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.parts.circuit import task_check_schema
from circuitviz.formats.schemas import (
    INTERVAL_FIELDS,
    Schema,
    any_count,
    any_scalar,
    any_text,
    any_value,
    boolean,
    finite_number,
    integer_between,
    interval_schema,
    list_of,
    mapping_of,
    optional_number,
    optional_value,
    record_of,
    with_rule,
)
from circuitviz.graph.limits import MAX_SEED
from circuitviz.graph.traces import TraceSet

curve_point_schema = with_rule(
    record_of({"asked": any_count, "edges": any_count, **INTERVAL_FIELDS}),
    lambda p: (p["low"] is None) or p["high"] is not None,
    "an interval with both ends or none",
)
change_schema = with_rule(
    interval_schema, lambda v: v["value"] is not None or v["low"] is None, "an interval around a value"
)
defined_change_schema = with_rule(
    interval_schema, lambda v: v["value"] is not None, "an interval around a value"
)
need_schema = with_rule(
    record_of(
        {"node": any_text, "value": optional_number, "change": change_schema, "without": list_of(any_text)}
    ),
    lambda n: (n["value"] is None) == (n["change"]["value"] is None),
    "a size where there is a change",
)
node_set_schema = with_rule(
    record_of(
        {"kind": any_text, "name": any_text, "nodes": list_of(any_text), "gap": optional_number}
        | {"model": interval_schema, "circuit": interval_schema}
    ),
    lambda s: s["gap"] is None or None not in (s["model"]["value"], s["circuit"]["value"]),
    "a gap between two values",
)
setting_schema = record_of(
    {**dict.fromkeys(("ablation", "errors"), any_text),
     **dict.fromkeys(("faithfulness", "completeness"), optional_number),
     **dict.fromkeys(("circuit", "rest", "model", "ablated"), finite_number)},
    {"patterns": any_text},
)  # fmt: skip
cell_schema = with_rule(
    record_of(
        {**dict.fromkeys(("ablation", "metric", "patched"), any_text), **INTERVAL_FIELDS}, {"why": any_text}
    ),
    lambda c: c["low"] is None or None not in (c["value"], c["high"]),
    "an interval around a value",
)
effect_schema = record_of(
    {"node": any_text, "before": finite_number, "after": finite_number, "change": defined_change_schema}
)
prediction_schema = record_of({"node": any_text, "predicted": finite_number, "measured": finite_number})
role_schema = record_of({"role": any_text, "unit": any_text, "scores": mapping_of(optional_number)})
size_schema = record_of(
    {
        "nodes": integer_between(1),
        "last": any_text,
        "faithfulness": optional_number,
        "completeness": optional_number,
    }
)
neuronpedia_schema = record_of(
    {
        "address": any_text,
        "explanations": list_of(record_of({"text": any_text, "source": any_text})),
        "statistics": record_of({}, {**dict.fromkeys(("max_activation", "density"), finite_number),
                                     **dict.fromkeys(("promoted", "suppressed"), list_of(any_value))}),
    }
)  # fmt: skip
collected_traces_schema = record_of(
    {
        "traces": any_value,
        "source": any_text,
        "model": any_text,
        "dictionaries": list_of(any_text),
        "nodes": any_count,
    },
    {"neuronpedia": neuronpedia_schema},
)
areas_schema = record_of(dict.fromkeys(("cpr", "cmd", "cpr_clipped"), interval_schema))


random_schema = with_rule(
    record_of(
        {"asked": any_count, "edges": finite_number, "circuits": any_count, **INTERVAL_FIELDS},
        {"values": list_of(finite_number), "own": interval_schema},
    ),
    lambda b: (b["value"] is None) == (b["low"] is None) == (b["high"] is None),
    "a median with both ends or none",
)


split_schema = record_of(
    {"split": any_text, "difference": any_text, "prompts": list_of(any_count), "iou": optional_number}
    | {"in_sample": change_schema, "held_out": change_schema},
    {"why": any_text},
)
mib_row_schema = record_of(
    {**dict.fromkeys(("method", "task", "sample", "error"), any_text), "prompts": any_count},
    dict.fromkeys(("cpr", "cmd", "cpr_clipped"), interval_schema),
)
telling_prompt_schema = record_of({"prompt": any_count, "text": any_text, "metric": list_of(finite_number)})
rivals_schema = with_rule(
    record_of(
        {"found": any_count, "edges": any_count, "core": list_of(any_text)}
        | {"faithfulness": list_of(interval_schema), "rivals": list_of(list_of(any_text))}
        | {"iou": list_of(list_of(finite_number)), "prompts": list_of(telling_prompt_schema)},
        {"closest": record_of({**INTERVAL_FIELDS, "iou": finite_number})},
    ),
    lambda r: (
        r["found"] == len(r["rivals"])
        and len(r["faithfulness"]) == len(r["iou"]) == r["found"] + 1
        and all(len(row) == r["found"] + 1 for row in r["iou"])
    ),
    "a faithfulness and a row of overlaps for the circuit and each rival",
)


def _check_traces(value: Any, location: str) -> None:
    """Check collected traces, whose structure ``TraceSet`` checks further."""
    collected_traces_schema(value, location)
    try:
        traces = TraceSet.from_dict(value["traces"])
    except OverflowError:
        raise InputError(f"its {location} holds a number that is not finite") from None
    for trace in traces.traces:
        finite_number(trace.example.activation, f"{location}.traces.activation")
        for site, vector in trace.sites.items():
            mapping_of(finite_number)(
                {str(index): value for index, value in vector.items()}, f"{location}.traces.{site}"
            )


RESULT_SCHEMAS: dict[str, Schema] = {
    "ablations": record_of({"target": any_text, "cells": list_of(setting_schema)}),
    "backup": record_of(
        {
            "ablated": list_of(any_text),
            "metric": record_of({"before": finite_number, "after": finite_number}),
            "heads": list_of(effect_schema),
        }
    ),
    "completeness": record_of({"sets": list_of(node_set_schema)}),
    "curve": record_of(
        {"points": list_of(curve_point_schema)},
        {"cpr": optional_number, "cmd": optional_number, "areas": areas_schema}
        | {"random": list_of(random_schema)},
    ),
    "generalisation": record_of({"edges": any_count, "splits": list_of(split_schema)}),
    "mib": record_of({"rows": list_of(mib_row_schema)}),
    "minimality": record_of({"nodes": list_of(need_schema)}),
    "predicted": record_of(
        {"target": any_text, "response": any_text, "r": optional_number, "points": list_of(prediction_schema)}
    ),
    "random": random_schema,
    "rivals": rivals_schema,
    "robustness": record_of({"cells": list_of(cell_schema)}),
    "roles": with_rule(
        record_of({"roles": mapping_of(role_schema)}, {"weights": any_text, "task": any_text}),
        lambda r: (
            len(heads := {tuple(one["scores"]) for one in r["roles"].values()}) < 2
            and all("." in head for names in heads for head in names)
        ),
        "roles with scores of the same heads, such as a1.h2",
    ),
    "sizes": record_of({"ablation": any_text, "points": list_of(size_schema)}),
    "stability": record_of(
        {"edges": mapping_of(finite_number), "mean_iou": optional_number, "resamples": any_count}
    ),
    "task": task_check_schema,
    "traces": mapping_of(_check_traces),
}
measure_schema = record_of(
    {"key": any_text, "options": mapping_of(any_value), "done": boolean, "result": record_of({})}
)
evaluation_schema = record_of(
    {
        "faithfulness": interval_schema,
        "metric": record_of(
            {"circuit": optional_number, "model": optional_number, "ablated": optional_number}
        ),
        "edges": any_count,
        "setting": record_of(
            {"prompts": any_count},
            {
                "metric": optional_value(any_text),
                "ablation": optional_value(any_text),
                "seed": optional_value(integer_between(0, MAX_SEED)),
            },
        ),
    },
    {
        "nodes": optional_value(any_count),
        **dict.fromkeys(("completeness", "frozen_faithfulness"), optional_number),
    },
)


def check_measure(name: str, entry: Any) -> None:
    """Check the stored result of a measure; results of third parties' measures are not checked.

    Raises:
        InputError: The result does not have the form that charts read; the message is half a sentence.
    """
    location = f"measures.{name}"
    measure_schema(entry, location)
    if name in RESULT_SCHEMAS:
        RESULT_SCHEMAS[name](entry["result"], f"{location}.result")
    for option, value in entry["options"].items():
        (list_of(any_scalar) if isinstance(value, list) else any_scalar)(
            value, f"{location}.options.{option}"
        )
