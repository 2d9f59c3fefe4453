"""Names that are proposed for the files of a document."""

from __future__ import annotations

import re
from pathlib import Path

from circuitviz.document import Document
from circuitviz.document.origin import PromptOrigin, TaskOrigin

MAX_PROMPT_WORDS = 4


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
    name = re.sub(r"[^\w.]+", "-", f"{subject} {Path(model).name}").strip("-.")
    return name or "circuit"
