"""What can be listed and chosen, without importing torch where names alone are asked for."""

from __future__ import annotations

from typing import Any

from circuitviz.options import Option, describe_options

BUILT_IN_READINGS = {
    "lens": "logit lens at each layer and position, or of one node",
    "attention": "attention pattern of a head",
    "effects": "direct logit attribution of every node",
    "patching": "effect of patching each node at each position",
    "ov": "what a head writes when it attends to each position",
    "qk": "which tokens a head's queries match",
    "features-ov": "what heads carry between two features, by head",
    "features-qk": "which pairs of features an attention score is made of",
}
"""Readings whose pages, and perhaps flags, are their own; others are registered in ``circuitviz.lens.registry``."""


def method_options(method: str) -> tuple[Option, ...]:
    """A method's options; InputError on an unknown method."""
    from circuitviz.discovery import methods

    return describe_options(methods.get(method).options)


def measure_options(measure: str) -> tuple[Option, ...]:
    """A measure's options; none for faithfulness, nor for a name that the verb itself will refuse."""
    from circuitviz.evaluation import measures

    return describe_options(measures.get(measure).options) if measure in measures.names() else ()


def reading_options(reading: str) -> tuple[Option, ...]:
    """The options of a registered reading; none of another name, which the flag itself refuses."""
    if reading in BUILT_IN_READINGS:
        return ()
    from circuitviz.lens.registry import readings

    return describe_options(readings.get(reading).options) if reading in readings.names() else ()


def reading_names(reading: str) -> list[str]:
    """The names that ``--reading`` takes; the registry is imported only where another than a built-in is asked for."""
    if reading in BUILT_IN_READINGS or not reading:
        return list(BUILT_IN_READINGS)
    from circuitviz.lens.registry import readings

    return [*BUILT_IN_READINGS, *readings.names()]


def list_available(kind: str) -> list[dict[str, Any]]:
    """Everything of one kind, with a line about it; broken extensions carry their error."""
    if kind == "models":
        from circuitviz.models import DEMO_MODEL, list_shipped_models

        known = "a model whose circuit is known; 'circuitviz list references' names it"
        about = {DEMO_MODEL: "a small GPT-2-shaped model that ships with circuitviz"}
        return [{"name": name, "summary": about.get(name, known)} for name in list_shipped_models()]
    if kind == "references":
        return _list_references()
    if kind == "ablations":
        from circuitviz.models import ABLATIONS

        meanings = (
            "the sender's activation on the corrupted prompt (interchange)",
            "zero",
            "the sender's mean over the task",
            "the sender's mean per position over the task",
        )
        return [{"name": n, "summary": s} for n, s in zip(ABLATIONS, meanings, strict=True)]
    registry = _registry_of(kind)
    rows: list[dict[str, Any]] = []
    if kind == "readings":
        rows += [{"name": name, "summary": summary} for name, summary in BUILT_IN_READINGS.items()]
    for entry in registry.entries():
        row = {"name": entry.name, "summary": entry.summary}
        if entry.reference:
            row["reference"] = entry.reference
        if kind == "formats":
            row["suffix"] = entry.value.suffix
        if described := describe_options(entry.options):
            row["options"] = [{"flag": o.flag, "default": o.default, "help": o.help} for o in described]
        rows.append(row)
    return rows + [{"name": n, "error": error} for n, error in registry.import_errors.items()]


def _list_references() -> list[dict[str, Any]]:
    from circuitviz.formats import import_document
    from circuitviz.formats.reference_circuit import list_references

    rows = []
    for name, path in list_references().items():
        told = import_document(path).extra["reference"]
        rows.append({"name": name, "summary": told["about"], "reference": "; ".join(told["sources"])})
    return rows


def _registry_of(kind: str) -> Any:
    if kind == "tasks":
        from circuitviz.tasks import tasks

        return tasks
    if kind == "methods":
        from circuitviz.discovery import methods

        return methods
    if kind == "metrics":
        from circuitviz.metrics import metrics

        return metrics
    if kind == "measures":
        from circuitviz.evaluation import measures

        return measures
    if kind == "readings":
        from circuitviz.lens.registry import readings

        return readings
    from circuitviz.formats import formats

    return formats
