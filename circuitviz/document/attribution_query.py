"""What a circuit of features answers: a prompt, a target, and how its value is traced back.

It is what a person asks for, and what the circuit's `PromptOrigin` keeps.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import Any

HIERARCHICAL_ATTRIBUTION, DIRECT_ATTRIBUTION, ATTRIBUTION_GRAPH = (
    "hierarchical-attribution",
    "direct-attribution",
    "attribution-graph",
)
PROMPT_METHODS = (HIERARCHICAL_ATTRIBUTION, DIRECT_ATTRIBUTION, ATTRIBUTION_GRAPH)
LOGIT_DIFF_TARGET = "logit-diff"  # the target that is the difference of the answers' logits
PROMPT_TASK = "prompt"  # what stands in the place of a task's name
EDGE_SHARE_SELECTION = "share"  # edges to a share of all |score|


@dataclass(frozen=True)
class AttributionQuery:
    """Why a target has its value on a prompt.

    Attributes:
        model: name or local path of the model.
        prompt: the text on which the target is traced back.
        target: a node (`m3.f12@7`, `m3.n45@7`, `a1.h2@7`), a token after the prompt (` Mary`), or
            `logit-diff` of `correct` against `incorrect`; empty, in an attribution graph: the most likely
            logits.
        method: one of `PROMPT_METHODS`.
        gate: whether nodes are compared with the threshold by their attribution (`signed`) or its size
            (`absolute`).
        tau: the threshold; None before it is found from `nodes`.
        nodes: about how many nodes to keep; None where the threshold itself was chosen.
        corrupted: the corrupted prompt, which measurements take values from; empty: none.
        correct: correct answers.
        incorrect: incorrect answers.
        sites: sites that are decomposed into features; None: all that have a dictionary.
        dictionaries: files and folders of dictionaries; empty: the demo's own.
        errors: whether reconstruction errors are `kept` or `dropped` when the circuit is evaluated.
        bos: whether the prompt begins with the model's BOS token; None: as the tokenizer does by itself.
        tokens: token ids of the prompt, where its text does not give them.
        rows: most rows that an attribution graph computes.
        node_share: share of the influence that the nodes of an attribution graph keep.
        edge_share: share of the influence that the edges of an attribution graph keep.
        chosen_ablation: the ablation that the circuit is evaluated under, where a person chose one.
    """

    model: str
    prompt: str
    target: str = ""
    method: str = HIERARCHICAL_ATTRIBUTION
    gate: str = "signed"
    tau: float | None = None
    nodes: int | None = 100
    corrupted: str = ""
    correct: tuple[str, ...] = ()
    incorrect: tuple[str, ...] = ()
    sites: tuple[str, ...] | None = None
    dictionaries: tuple[str, ...] = ()
    errors: str = "kept"
    bos: bool | None = None
    tokens: tuple[int, ...] = ()
    rows: int = 2000
    node_share: float = 0.8
    edge_share: float = 0.98
    chosen_ablation: str = ""

    @property
    def is_graph(self) -> bool:
        """Whether it asks for an attribution graph, which has no threshold."""
        return self.method == ATTRIBUTION_GRAPH

    @property
    def has_answer_pair(self) -> bool:
        """Whether prompt, corrupted prompt and correct answer make a pair, on which claims can be tested."""
        return bool(self.corrupted and self.correct)

    @property
    def metric(self) -> str:
        """What the circuit is measured by."""
        return LOGIT_DIFF_TARGET if self.target == LOGIT_DIFF_TARGET else "target-activation"

    @property
    def ablation(self) -> str:
        """What nodes outside the circuit take; by itself, the corrupted prompt's value where there is one."""
        return self.chosen_ablation or ("corrupted" if self.corrupted else "zero")

    @property
    def run_key(self) -> tuple[Any, ...]:
        """What decides run and nodes: queries that share it are answered from the same rows."""
        return self.model, self.prompt, self.tokens, self.bos, self.dictionaries, self.sites

    @property
    def target_key(self) -> tuple[Any, ...]:
        """What decides the target among the nodes."""
        return self.target, self.correct, self.incorrect

    @property
    def query_key(self) -> tuple[Any, ...]:
        """What is asked of which prompt and how: answers that share it differ in size and basis alone."""
        return self.model, self.prompt, self.corrupted, self.tokens, self.bos, self.target_key, self.method

    def with_threshold(self, tau: float) -> AttributionQuery:
        """The same query with a threshold that somebody chose."""
        return replace(self, tau=tau, nodes=None)

    @property
    def options(self) -> dict[str, Any]:
        """What a file keeps as options: lists and numbers, as JSON has them."""
        made: dict[str, Any] = {
            "target": self.target,
            "sites": None if self.sites is None else list(self.sites),
            "dictionaries": list(self.dictionaries),
            "errors": self.errors,
        }
        if self.tokens:
            made["tokens"] = list(self.tokens)
        if self.is_graph:
            shares = {"node_share": self.node_share, "edge_share": self.edge_share}
            return {**made, "rows": self.rows, **shares}
        return {**made, "gate": self.gate, "tau": self.tau, "nodes": self.nodes}

    def canonical(self) -> AttributionQuery:
        """The same query with the fields that its method does not use at their defaults, as files keep it."""
        if self.is_graph:
            own = replace(self, gate="signed", tau=None, nodes=None)
        else:
            own = replace(self, rows=2000, node_share=0.8, edge_share=0.98)
        return own.with_evaluation_setting(self.ablation, self.errors)

    def with_evaluation_setting(self, ablation: str, errors: str) -> AttributionQuery:
        """The same query, its circuit evaluated under another ablation and error mode."""
        usual = "corrupted" if self.corrupted else "zero"
        return replace(self, chosen_ablation="" if ablation == usual else ablation, errors=errors)

    def command_line(self) -> str:
        """The command line that answers it again."""
        parts = ["circuitviz", "attribute" if self.is_graph else "local-circuit", "-m", self.model]
        for folder in self.dictionaries:
            parts += ["--dictionaries", folder]
        if self.sites is not None:
            parts.append(f"--sites={','.join(self.sites)}")
        if self.bos is False:
            parts.append("--no-bos")
        parts.append(f"--prompt={self.prompt}")
        if self.tokens:
            parts.append(f"--tokens={','.join(map(str, self.tokens))}")
        if self.corrupted:
            parts.append(f"--corrupted={self.corrupted}")
        if self.target == LOGIT_DIFF_TARGET:
            parts += [f"--correct={'|'.join(self.correct)}", f"--incorrect={'|'.join(self.incorrect)}"]
        if self.is_graph:
            parts += [f"--rows={self.rows}", f"--node-share={self.node_share!r}"]
            return shlex.join([*parts, f"--edge-share={self.edge_share!r}"])
        parts += [f"--target={self.target}", f"--method={self.method}", f"--gate={self.gate}"]
        asked = f"--tau={self.tau!r}" if self.nodes is None else f"--nodes={self.nodes}"
        return shlex.join([*parts, asked])
