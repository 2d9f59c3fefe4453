"""The query that a circuit of features answers: a prompt, a target, and how the target is attributed.

A person fills it in before the search; the circuit's `PromptOrigin` stores it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import Any

from circuitviz.dtypes import FULL_DTYPE

HIERARCHICAL_ATTRIBUTION, DIRECT_ATTRIBUTION, ATTRIBUTION_GRAPH = (
    "hierarchical-attribution",
    "direct-attribution",
    "attribution-graph",
)
PROMPT_METHODS = (HIERARCHICAL_ATTRIBUTION, DIRECT_ATTRIBUTION, ATTRIBUTION_GRAPH)
LOGIT_DIFF_TARGET = "logit-diff"  # the target that is the difference of the answers' logits
PROMPT_TASK = "prompt"  # used where a task's name is expected
ATTENTION_MODES = TRANSPARENT_ATTENTION, HEADS_ATTENTION = "transparent", "heads"
CONVENTION_NAMES = OWN_CONVENTION, CIRCUIT_TRACER_CONVENTION = "circuitviz", "circuit-tracer"
NEURON_COUNT = 1000  # neurons that are nodes where a model has no dictionaries
HEAD_PATTERN = re.compile(r"a\d+\.h\d+@\d+")
EDGE_SHARE_SELECTION = "share"  # edges to a share of all |score|


@dataclass(frozen=True)
class AttributionQuery:
    """A question why a target has its value on a prompt.

    Attributes:
        model: Name or local path of the model.
        prompt: The text on which the target is attributed.
        target: A node (`m3.f12@7`, `m3.n45@7`, `a1.h2@7`), a token after the prompt (` Mary`), or
            `logit-diff` of `correct` against `incorrect`; if empty, in an attribution graph, the most likely
            logits.
        method: One of `PROMPT_METHODS`.
        gate: Whether nodes are compared with the threshold by their attribution (`signed`) or its size
            (`absolute`).
        tau: The threshold; None before it is computed from `nodes`.
        nodes: About how many nodes to select; None where the threshold itself was chosen.
        corrupted: The corrupted prompt, from which evaluations take values; empty without one.
        correct: Correct answers.
        incorrect: Incorrect answers.
        sites: Sites that are decomposed into features; None for all that have a dictionary, () for none.
        dictionaries: Files and folders of dictionaries; if empty, the demo's own.
        errors: Whether reconstruction errors are `kept` or `dropped` when the circuit is evaluated.
        bos: Whether the prompt begins with the model's BOS token; None for the tokenizer's default.
        tokens: Token ids of the prompt, where its text does not give them.
        rows: Greatest number of rows that an attribution graph computes.
        node_share: Share of the influence that the nodes of an attribution graph hold.
        edge_share: Share of the influence that the edges of an attribution graph hold.
        chosen_ablation: The ablation that the circuit is evaluated under, where a person chose one.
        dtype: The precision that the model's weights are kept in, one of `DTYPE_CHOICES`.
        neurons: How many neurons, those of largest attribution, are nodes in MLPs that are not decomposed; 0
            where such MLPs are nodes themselves.
        attention: Whether edges pass through heads of attention without a dictionary (`transparent`) or such
            heads are nodes (`heads`); `transparent` in circuit-tracer's convention, else `heads` where the
            target is a head.
        contributors: How many nodes that count through attention scores are added to a circuit with a
            threshold.
        convention: `circuitviz`, or `circuit-tracer` for that tool's nodes and logits.
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
    dtype: str = FULL_DTYPE
    neurons: int = 0
    attention: str = TRANSPARENT_ATTENTION
    convention: str = OWN_CONVENTION
    contributors: int = 0

    def __post_init__(self) -> None:
        if self.convention == CIRCUIT_TRACER_CONVENTION:
            object.__setattr__(self, "attention", TRANSPARENT_ATTENTION)
        elif HEAD_PATTERN.fullmatch(self.target):
            object.__setattr__(self, "attention", HEADS_ATTENTION)  # a target is a node

    @property
    def is_graph(self) -> bool:
        """Whether it asks for an attribution graph, which has no threshold."""
        return self.method == ATTRIBUTION_GRAPH

    @property
    def needs_dictionaries(self) -> bool:
        """Whether any site may be decomposed into features."""
        return self.sites != ()

    @property
    def has_answer_pair(self) -> bool:
        """Whether prompt, corrupted prompt and correct answer make a pair, on which claims can be tested."""
        return bool(self.corrupted and self.correct)

    @property
    def metric(self) -> str:
        """Name of the metric of the circuit's evaluation."""
        return LOGIT_DIFF_TARGET if self.target == LOGIT_DIFF_TARGET else "target-activation"

    @property
    def ablation(self) -> str:
        """Ablation of nodes outside the circuit; by default the corrupted prompt's values, else zero."""
        return self.chosen_ablation or ("corrupted" if self.corrupted else "zero")

    @property
    def run_key(self) -> tuple[Any, ...]:
        """Key of the run and its nodes: queries with equal keys share attribution rows."""
        basis = self.dictionaries, self.sites, self.neurons, self.attention, self.convention
        return self.model, self.prompt, self.tokens, self.bos, *basis

    @property
    def target_key(self) -> tuple[Any, ...]:
        """Key of the target within the run."""
        return self.target, self.correct, self.incorrect

    @property
    def query_key(self) -> tuple[Any, ...]:
        """Key of prompt, target and method: circuits with equal keys differ in size and basis alone."""
        return self.model, self.prompt, self.corrupted, self.tokens, self.bos, self.target_key, self.method

    def with_threshold(self, tau: float) -> AttributionQuery:
        """The same query with a threshold chosen by a person."""
        return replace(self, tau=tau, nodes=None)

    @property
    def options(self) -> dict[str, Any]:
        """The options as files store them, ready for JSON."""
        options: dict[str, Any] = {
            "target": self.target,
            "sites": None if self.sites is None else list(self.sites),
            "dictionaries": list(self.dictionaries),
            "errors": self.errors,
        }
        if self.tokens:
            options["tokens"] = list(self.tokens)
        if self.neurons:
            options["neurons"] = self.neurons
        if self.attention != HEADS_ATTENTION:  # the only one in files of before
            options["attention"] = self.attention
        if self.convention != OWN_CONVENTION:
            options["convention"] = self.convention
        if self.contributors:
            options["contributors"] = self.contributors
        if self.is_graph:
            shares = {"node_share": self.node_share, "edge_share": self.edge_share}
            return {**options, "rows": self.rows, **shares}
        return {**options, "gate": self.gate, "tau": self.tau, "nodes": self.nodes}

    def canonical(self) -> AttributionQuery:
        """The same query with fields that its method does not use at their defaults, as files store it."""
        if self.is_graph:
            query = replace(self, gate="signed", tau=None, nodes=None)
        else:
            query = replace(self, rows=2000, node_share=0.8, edge_share=0.98)
        return query.with_evaluation_setting(self.ablation, self.errors)

    def with_evaluation_setting(self, ablation: str, errors: str) -> AttributionQuery:
        """The same query, its circuit evaluated under another ablation and error mode."""
        default_ablation = "corrupted" if self.corrupted else "zero"
        return replace(self, chosen_ablation="" if ablation == default_ablation else ablation, errors=errors)

    def command_line(self) -> str:
        """The command line that computes the circuit again."""
        parts = ["circuitviz", "attribute" if self.is_graph else "local-circuit", "-m", self.model]
        parts.append(f"--dtype={self.dtype}")
        for folder in self.dictionaries:
            parts += ["--dictionaries", folder]
        if self.sites is not None:
            parts.append(f"--sites={','.join(self.sites)}")
        if self.neurons:
            parts.append(f"--neurons={self.neurons}")
        parts.append(f"--attention={self.attention}")
        if self.convention != OWN_CONVENTION:
            parts.append(f"--convention={self.convention}")
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
        if self.contributors:
            parts.append(f"--contributors={self.contributors}")
        size_flag = f"--tau={self.tau!r}" if self.nodes is None else f"--nodes={self.nodes}"
        return shlex.join([*parts, size_flag])
