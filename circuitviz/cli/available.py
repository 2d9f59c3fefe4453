"""What can be listed and chosen, without importing torch where names alone are asked for."""

from __future__ import annotations

from typing import Any

from circuitviz import discovery, evaluation, formats, lens, metrics, models, tasks
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
"""Readings with pages, and perhaps flags, of their own; ``circuitviz.lens.registry`` has the others."""


def method_options(method: str) -> tuple[Option, ...]:
    """A method's options; InputError on an unknown method."""
    return describe_options(discovery.methods.get(method).options)


def task_options(task: str) -> tuple[Option, ...]:
    """The options of a built-in task or of a template's file; none of other files and of unknown names."""
    return describe_options(tasks.task_options_class(task))


def measure_options(measure: str) -> tuple[Option, ...]:
    """A measure's options; none for faithfulness, nor for a name that the verb itself will refuse."""
    return (
        describe_options(evaluation.measures.get(measure).options)
        if measure in evaluation.measures.names()
        else ()
    )


def reading_options(reading: str) -> tuple[Option, ...]:
    """The options of a registered reading; none of another name, which the flag itself refuses."""
    if reading in BUILT_IN_READINGS:
        return ()
    return describe_options(lens.readings.get(reading).options) if reading in lens.readings.names() else ()


def reading_names(reading: str) -> list[str]:
    """The names that ``--reading`` takes; the registry is loaded only for one that is not built in."""
    if reading in BUILT_IN_READINGS or not reading:
        return list(BUILT_IN_READINGS)
    return [*BUILT_IN_READINGS, *lens.readings.names()]


def list_available(kind: str) -> list[dict[str, Any]]:
    """Everything of one kind, with a line about it; broken extensions carry their error."""
    if kind == "models":
        known = "a model whose circuit is known; 'circuitviz list references' names it"
        about = {models.DEMO_MODEL: "a small GPT-2-shaped model that ships with circuitviz"}
        return [{"name": name, "summary": about.get(name, known)} for name in models.list_shipped_models()]
    if kind == "references":
        return _list_references()
    if kind == "ablations":
        meanings = (
            "the sender's activation on the corrupted prompt (interchange)",
            "zero",
            "the sender's mean over the task",
            "the sender's mean per position over the task",
            "a constant of the sender, learned to disturb the model least",
        )
        return [{"name": n, "summary": s} for n, s in zip(models.ABLATIONS, meanings, strict=True)]
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
    if kind == "tasks":
        rows += [{"name": name, "summary": "own prompts"} for name in tasks.list_prompt_sets()]
    return rows + [{"name": n, "error": error} for n, error in registry.import_errors.items()]


def _list_references() -> list[dict[str, Any]]:
    rows = []
    for name, path in formats.list_references().items():
        reference = formats.import_document(path).extra["reference"]
        rows.append(
            {"name": name, "summary": reference["about"], "reference": "; ".join(reference["sources"])}
        )
    return rows


def _registry_of(kind: str) -> Any:
    if kind == "tasks":
        return tasks.tasks
    if kind == "methods":
        return discovery.methods
    if kind == "metrics":
        return metrics.metrics
    if kind == "measures":
        return evaluation.measures
    if kind == "readings":
        return lens.readings
    return formats.formats
