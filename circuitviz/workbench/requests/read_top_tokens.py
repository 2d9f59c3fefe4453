"""The tokens that the circuit's nodes promote, for finding nodes by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitviz import lens
from circuitviz.workbench.requests.messages import Reply, Request
from circuitviz.workbench.requests.priority import Priority

if TYPE_CHECKING:
    from circuitviz.workbench.engine import Engine


@dataclass(frozen=True)
class TopTokensRead(Reply):
    """For each node the tokens that it raises most on a prompt, with their logits."""

    prompt: int
    top_tokens: dict[str, list[tuple[str, float]]]


@dataclass(frozen=True)
class ReadTopTokens(Request):
    """Read the top tokens of nodes; what the open model does not have is left out."""

    title = "Could not read the nodes' top tokens"
    priority = Priority.READ_TOP_TOKENS
    may_preempt_search = True

    nodes: tuple[str, ...]
    prompt: int = 0

    def execute(self, engine: Engine) -> Iterator[Reply]:
        """One reply."""
        engine.require_open()
        known = [name for name in self.nodes if name in engine.model.graph.node_index]
        yield TopTokensRead(self.prompt, lens.read_top_tokens(engine.model, engine.task, known, self.prompt))
