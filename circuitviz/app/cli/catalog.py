"""What can be listed and chosen, without importing torch where names alone are asked for."""

from __future__ import annotations

from typing import Any

from circuitviz.options import Option, describe


def options_of(method: str) -> tuple[Option, ...]:
    """A method's options; InputError on an unknown method."""
    from circuitviz.discovery import methods

    return describe(methods.get(method).options)


def measure_options(measure: str) -> tuple[Option, ...]:
    """A measure's options; none for faithfulness, nor for a name that the verb itself will refuse."""
    from circuitviz.evaluation import measures

    return describe(measures.get(measure).options) if measure in measures.names() else ()


def catalog(what: str) -> list[dict[str, Any]]:
    """Everything of one kind, with a line about it; broken extensions carry their error."""
    if what == "models":
        from circuitviz.models import DEMO, shipped

        known = "a model whose circuit is known; 'circuitviz list references' names it"
        about = {DEMO: "a small GPT-2-shaped model that ships with circuitviz"}
        return [{"name": name, "summary": about.get(name, known)} for name in shipped()]
    if what == "references":
        return _references()
    if what == "ablations":
        from circuitviz.models import ABLATIONS

        meanings = (
            "the sender's activation on the corrupted prompt (interchange)",
            "zero",
            "the sender's mean over the task",
            "the sender's mean per position over the task",
        )
        return [{"name": n, "summary": s} for n, s in zip(ABLATIONS, meanings, strict=True)]
    registry = _registry(what)
    rows: list[dict[str, Any]] = []
    for entry in registry.entries():
        row = {"name": entry.name, "summary": entry.summary}
        if entry.reference:
            row["reference"] = entry.reference
        if what == "formats":
            row["suffix"] = entry.value.suffix
        if described := describe(entry.options):
            row["options"] = [{"flag": o.flag, "default": o.default, "help": o.help} for o in described]
        rows.append(row)
    return rows + [{"name": n, "error": error} for n, error in registry.broken.items()]


def _references() -> list[dict[str, Any]]:
    from circuitviz.formats import import_document
    from circuitviz.formats.reference import references

    rows = []
    for name, path in references().items():
        told = import_document(path).extra["reference"]
        rows.append({"name": name, "summary": told["about"], "reference": "; ".join(told["sources"])})
    return rows


def _registry(what: str) -> Any:
    if what == "tasks":
        from circuitviz.tasks import tasks

        return tasks
    if what == "methods":
        from circuitviz.discovery import methods

        return methods
    if what == "metrics":
        from circuitviz.metrics import metrics

        return metrics
    if what == "measures":
        from circuitviz.evaluation import measures

        return measures
    from circuitviz.formats import formats

    return formats
