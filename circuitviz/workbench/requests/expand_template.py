"""A template of own prompts becomes pairs: how many there can be, which words fit, and a sample of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import perm, prod
from pathlib import Path
from typing import TYPE_CHECKING

from circuitviz import tasks
from circuitviz.errors import InputError
from circuitviz.tasks.prompt_sets import PromptRow
from circuitviz.workbench.prompt_inspection import row_of_pair
from circuitviz.workbench.requests.inspect_prompts import PromptsModel
from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine

MAX_PAIRS = 5000
MAX_COUNTED_PAIRS = 600


@dataclass(frozen=True)
class TemplateExpanded(Reply):
    """What comes of a template.

    ``n_possible``: so many pairs differ, or where they are not counted (``is_counted``), at most so many;
    ``left_out``: words of each list whose answers are not one token; ``refusal``: why there is no pair;
    ``is_model_open``: whether the model is.
    """

    request: ExpandTemplate
    rows: tuple[PromptRow, ...] = ()
    n_possible: int = 0
    is_counted: bool = False
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refusal: str = ""
    is_model_open: bool = True


@dataclass(frozen=True)
class ExpandTemplate(Request):
    """Draw pairs from the text of a template's file."""

    title = "Could not make pairs of the template"
    priority = Priority.INSPECT_PROMPTS

    model: PromptsModel
    text: str
    n_pairs: int
    seed: int = 0

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One reply; what is wrong with the template is in it."""
        model = self.model.find(engine)
        if model is None:
            yield TemplateExpanded(self, is_model_open=False)
            return
        try:
            template = tasks.parse_template(Path("template"), self.text)
            usable = tasks.find_usable_words(template, model.tokens)
            roles = list(template.draw.values())
            n_forms = sum(len(forms) for forms in template.variants[:1])
            n_possible = n_forms * prod(perm(len(usable[name]), roles.count(name)) for name in set(roles))
            is_counted = (
                n_possible <= MAX_COUNTED_PAIRS
            )  # then all are drawn: words of other lengths do not go
            n_pairs = min(n_possible if is_counted else self.n_pairs, MAX_PAIRS)
            pairs = tasks.make_template_pairs(
                template, model.tokens, n_pairs, self.seed, tasks.TemplateOptions(), may_be_fewer=True
            )
            n_possible = len(pairs) if is_counted else n_possible
        except InputError as error:
            yield TemplateExpanded(self, refusal=str(error))
            return
        left_out = {
            name: tuple("/".join(row.values()) for row in words.rows or () if row not in usable[name])
            for name, words in template.word_lists.items()
        }
        rows = tuple(row_of_pair(pair, model.tokens)[0] for pair in pairs[: self.n_pairs])
        yield TemplateExpanded(self, rows, n_possible, is_counted, left_out)
