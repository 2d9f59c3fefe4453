"""What the measures of ``circuitviz.evaluation`` found, as they write it and charts and tables read it."""

from __future__ import annotations

from typing import Any

from circuitviz.errors import InputError
from circuitviz.formats.schemas import (
    BETWEEN,
    LARGEST_SEED,
    Schema,
    anything,
    count,
    each,
    interval,
    maybe,
    named,
    number,
    optional,
    record,
    rule,
    scalar,
    text,
    truth,
    whole,
)
from circuitviz.graph.traces import Traces

point = rule(
    record({"asked": count, "edges": count, **BETWEEN}),
    lambda p: (p["low"] is None) or p["high"] is not None,
    "an interval with both ends or none",
)
change = rule(interval, lambda v: v["value"] is not None or v["low"] is None, "an interval around a value")
defined = rule(interval, lambda v: v["value"] is not None, "an interval around a value")
need = rule(
    record({"node": text, "value": maybe, "change": change, "without": each(text)}),
    lambda n: (n["value"] is None) == (n["change"]["value"] is None),
    "a size where there is a change",
)
kept = rule(
    record(
        {"kind": text, "name": text, "nodes": each(text), "gap": maybe}
        | {"model": interval, "circuit": interval}
    ),
    lambda s: s["gap"] is None or None not in (s["model"]["value"], s["circuit"]["value"]),
    "a gap between two values",
)
setting = record(
    {**dict.fromkeys(("ablation", "errors"), text), **dict.fromkeys(("faithfulness", "completeness"), maybe),
     **dict.fromkeys(("circuit", "rest", "model", "ablated"), number)},
    {"patterns": text},
)  # fmt: skip
cell = rule(
    record({**dict.fromkeys(("ablation", "metric", "patched"), text), **BETWEEN}, {"why": text}),
    lambda c: c["low"] is None or None not in (c["value"], c["high"]),
    "an interval around a value",
)
effect = record({"node": text, "before": number, "after": number, "change": defined})
predicted = record({"node": text, "predicted": number, "measured": number})
role = record({"role": text, "unit": text, "scores": named(maybe)})
size = record({"nodes": whole(1), "last": text, "faithfulness": maybe, "completeness": maybe})
collected = record(
    {"traces": anything, "source": text, "model": text, "dictionaries": each(text), "nodes": count}
)
areas = record(dict.fromkeys(("cpr", "cmd", "cpr_clipped"), interval))


def _traces(value: Any, place: str) -> None:
    """Traces of ``jobs.traces.Collected``, whose numbers and sites the graph package checks."""
    collected(value, place)
    try:
        traces = Traces.from_dict(value["traces"])
    except OverflowError:
        raise InputError(f"its {place} holds a number that is not finite") from None
    for trace in traces.traces:
        number(trace.example.activation, f"{place}.traces.activation")
        for site, vector in trace.sites.items():
            named(number)({str(index): held for index, held in vector.items()}, f"{place}.traces.{site}")


RESULTS: dict[str, Schema] = {
    "ablations": record({"target": text, "cells": each(setting)}),
    "backup": record(
        {"ablated": each(text), "metric": record({"before": number, "after": number}), "heads": each(effect)}
    ),
    "completeness": record({"sets": each(kept)}),
    "curve": record({"points": each(point)}, {"cpr": maybe, "cmd": maybe, "areas": areas}),
    "minimality": record({"nodes": each(need)}),
    "predicted": record({"target": text, "response": text, "r": maybe, "points": each(predicted)}),
    "robustness": record({"cells": each(cell)}),
    "roles": rule(
        record({"roles": named(role)}, {"weights": text, "task": text}),
        lambda r: (
            len(heads := {tuple(one["scores"]) for one in r["roles"].values()}) < 2
            and all("." in head for names in heads for head in names)
        ),
        "roles with scores of the same heads, such as a1.h2",
    ),
    "sizes": record({"ablation": text, "points": each(size)}),
    "stability": record({"edges": named(number), "mean_iou": maybe, "resamples": count}),
    "traces": named(_traces),
}
measure = record({"key": text, "options": named(anything), "done": truth, "result": record({})})
evaluation = record(
    {
        "faithfulness": interval,
        "metric": record({"circuit": maybe, "model": maybe, "ablated": maybe}),
        "edges": count,
        "setting": record(
            {"prompts": count},
            {"metric": optional(text), "ablation": optional(text), "seed": optional(whole(0, LARGEST_SEED))},
        ),
    },
    {"nodes": optional(count)},
)


def check_measure(name: str, found: Any) -> None:
    """InputError in a half sentence where a measure's result is none that can be drawn.

    A measure that is not ours is kept as it is: only who registered it reads it.
    """
    place = f"measures.{name}"
    measure(found, place)
    if name in RESULTS:
        RESULTS[name](found["result"], f"{place}.result")
    for option, value in found["options"].items():
        (each(scalar) if isinstance(value, list) else scalar)(value, f"{place}.options.{option}")
