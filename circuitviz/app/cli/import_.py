"""``circuitviz import``: another tool's file becomes a document, on a model and a task that are named."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from circuitviz.app.cli.output import drive, say, say_left_out, show
from circuitviz.errors import InputError

if TYPE_CHECKING:
    from circuitviz.session import Document


def run(given: argparse.Namespace) -> int:
    """Read a file and save it as .circuit; returns the exit code."""
    from circuitviz.formats import import_document, save_document
    from circuitviz.graph.scores import POSITIVE_HELPS, SIGN_NOTE

    if given.output.suffix != ".circuit":
        raise InputError(f"'{given.output}' was given to write to; import writes .circuit files.")
    if given.task is not None and given.model is None:
        raise InputError(f"--task {given.task} was given without --model; a task needs a model's tokenizer.")
    if given.sign == "auto" and given.task is None:
        raise InputError(
            "--sign auto was given without --model and --task, on which exact effects can be measured; name "
            "them, or say keep or flip."
        )
    document = import_document(given.source)
    if given.model is not None:
        _open(given, document)
    elif given.sign is not None:
        _settle(given, document)
    save_document(document, given.output)
    state = document.state
    edges = state.circuit.n_edges if state.circuit else 0
    known = state.scores is not None and state.scores.sign_known
    note = "" if state.scores is None else str(state.scores.info.get(SIGN_NOTE, ""))
    data = {
        "output": str(given.output), "edges": edges, "score_sign": POSITIVE_HELPS if known else "unknown",
        "note": note,
    }  # fmt: skip

    def text() -> str:
        lines = [f"wrote {given.output}: {edges:,} edges"]
        if note:
            lines.append(note)
        if state.scores is not None and not known:
            lines.append("Whether a positive score helps is not known: the signs are those of the file.")
        return "\n".join(lines)

    return show(given, data, text)


def _settle(given: argparse.Namespace, document: Document) -> None:
    """Take the scores' sign as the person says."""
    from circuitviz.session.imported import BY_PERSON, settle_sign

    document.do(settle_sign(given.sign, BY_PERSON[given.sign]))


def _open(given: argparse.Namespace, document: Document) -> None:
    """Fit a document to its model, and with a task write that down and find out the scores' sign."""
    from circuitviz.models import load_model
    from circuitviz.session.imported import fit_state, imported_provenance, measure_imported

    before = document.state
    model = load_model(given.model, given.device)
    state = fit_state(before, model.shape, given.model)
    document.apply(state)
    if given.task is None:
        if given.sign is not None:
            _settle(given, document)
        return
    from circuitviz.discovery import setting
    from circuitviz.tasks import load_task

    task = load_task(given.task, model, given.prompts, given.seed, skip_unusable=given.skip_unusable)
    say_left_out(task)
    where = setting(model, task, given.metric, given.ablation or "corrupted")
    if before.provenance is None and state.circuit is not None:
        sign = given.sign or "auto"
        origin = imported_provenance(
            model, task, where.metric, where.ablation, given.source.name, sign, given.task
        )
        document.do(measure_imported(state, origin))
    if given.sign in ("keep", "flip"):
        _settle(given, document)
    elif state.scores is not None and not state.scores.sign_known:
        from circuitviz.evaluation.faithfulness import Bench
        from circuitviz.evaluation.score_sign import decide_sign_steps
        from circuitviz.session.imported import settle_sign

        found = drive(decide_sign_steps(Bench(where), state.scores), "the sign of the scores")
        if found.sign in ("keep", "flip"):
            document.do(settle_sign(found.sign, found.note))
        else:
            say(f"circuitviz: {found.note}")
