"""Names that are proposed for the files of a document."""

from __future__ import annotations

import re
from itertools import chain, count
from pathlib import Path

from circuitviz.document import Document
from circuitviz.document.origin import PromptOrigin, TaskOrigin

MAX_PROMPT_WORDS = 4


def propose_free_stem(document: Document, folder: Path, suffix: str) -> str:
    """A file name without suffix that no file has: with the method, then a number, where one has it.

    Args:
        document: One that was saved keeps its own name.
        folder: Where the file is to go.
        suffix: Of the file, with the dot.
    """
    stem = propose_stem(document)
    if document.path is not None:
        return stem
    origin = document.state.origin
    method = "" if origin is None else f"-{_join_words(origin.method)}"
    numbered = (f"{stem}{method}-{number}" for number in count(2))
    names = chain((stem, f"{stem}{method}"), numbered)
    return next(name for name in names if not (folder / f"{name}{suffix}").exists())


def propose_stem(document: Document) -> str:
    """A file name without suffix: that of the document's file, or else its task and model.

    Returns:
        Such as ``ioi-gpt2``, of letters, digits, ``.``, ``_`` and ``-``; ``circuit`` where neither is known.
    """
    if document.path is not None:
        return document.path.stem
    match document.state.origin:
        case TaskOrigin(task=task, model=model):
            subject = Path(task).stem if "/" in task or "\\" in task else task
        case PromptOrigin() as origin:
            subject, model = " ".join(origin.query.prompt.split()[:MAX_PROMPT_WORDS]), origin.query.model
        case _:
            return "circuit"
    return _join_words(f"{subject} {Path(model).name}") or "circuit"


def _join_words(text: str) -> str:
    return re.sub(r"[^\w.]+", "-", text).strip("-.")
