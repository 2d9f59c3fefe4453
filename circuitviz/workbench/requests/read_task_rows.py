"""A task's pairs as rows of own prompts: of a built-in task, a set, a file, or of the open document."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz import tasks
from circuitviz.document.origin import PairTexts
from circuitviz.errors import InputError
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.prompt_inspection import row_of_pair
from circuitviz.workbench.requests.inspect_prompts import PromptsModel
from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine

MAX_ROWS = 100_000


@dataclass(frozen=True)
class RowsRead(Reply):
    """The pairs of a task as rows.

    ``is_set``: they are a set's; ``note`` says what is missing, empty where nothing is.
    """

    source: str
    rows: tuple[PromptRow, ...]
    is_set: bool = False
    note: str = ""


@dataclass(frozen=True)
class ReadTaskRows(Request):
    """Read a task's pairs as rows to be edited: of a built-in task, a set, a file, or of a document.

    ``pairs``: those of a document, instead of the task's own. A model is opened where one is needed.
    """

    title = "Could not read the prompts of the task"
    priority = Priority.OPEN_PROMPTS_MODEL

    model: PromptsModel
    task: str
    n_prompts: int = 64
    seed: int = 0
    pairs: tuple[PairTexts, ...] = ()

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One reply; InputError where there is no such task, or it has too many pairs to edit."""
        name = self.task
        set_file = None if self.pairs else tasks.find_prompt_set(name)
        file = name if tasks.is_task_file(name) or os.sep in name else set_file
        n_unreadable = 0
        if self.pairs:
            pairs = [tasks.PromptPair(*pair) for pair in self.pairs]
            has_ids = any(isinstance(answer, int) for p in pairs for answer in (*p.correct, *p.incorrect))
        else:
            pairs, has_ids = [], file is None or tasks.needs_tokenizer(str(file))
        model = self.model.find(engine)
        if has_ids and model is None:
            yield from engine.open_prompts_model(self.model.name, self.model.device, self.model.dtype)
            model = self.model.require(engine)
        tokens = None if model is None else model.tokens
        if not self.pairs and file is not None:
            pairs, n_unreadable = tasks.read_pairs(str(file), tokens, MAX_ROWS + 1)
            if len(pairs) > MAX_ROWS:
                raise InputError(
                    f"'{os.path.basename(name)}' has more pairs than the {MAX_ROWS:,} that the editor holds; "
                    "a file of fewer would be right. A search reads the file as it is."
                )
        elif not self.pairs:
            assert model is not None
            pairs = list(tasks.load_task(name, model, self.n_prompts, self.seed).pairs)
        read = [row_of_pair(pair, tokens) for pair in pairs]
        n_lost = sum(n for _, n in read)
        notes = [
            f"{n_unreadable:,} rows hold no pair and are left out." if n_unreadable else "",
            f"{n_lost:,} answers cannot be written as text and are left out." if n_lost else "",
        ]
        yield RowsRead(
            name, tuple(row for row, _ in read), set_file is not None, " ".join(filter(None, notes))
        )
