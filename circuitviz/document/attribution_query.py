"""What a circuit of features answers: a prompt, a target, and how its value is traced back.

Such a circuit is an ordinary document; this is the typed view of its provenance.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from circuitviz.document.provenance import Provenance, select_text_answers

HIERARCHICAL_ATTRIBUTION, DIRECT_ATTRIBUTION, ATTRIBUTION_GRAPH = (
    "hierarchical-attribution",
    "direct-attribution",
    "attribution-graph",
)
PROMPT_METHODS = (HIERARCHICAL_ATTRIBUTION, DIRECT_ATTRIBUTION, ATTRIBUTION_GRAPH)
LOGIT_DIFF_TARGET = "logit-diff"  # the target that is the difference of the answers' logits
PROMPT_TASK = "prompt"  # what the provenance of one prompt says as its task
TYPED_PAIR_TASK = "typed pair"  # what the provenance of a pair of prompts that was typed says as its task
EDGE_SHARE_SELECTION = "share"  # edges to a share of all |score|


@dataclass(frozen=True)
class AttributionQuery:
    """Why a target has its value on a prompt.

    target: a node (``m3.f12@7``, ``m3.n45@7``, ``a1.h2@7``), a token after the prompt (`` Mary``), or
    ``logit-diff`` of ``correct`` against ``incorrect``; empty, in an attribution graph: the likely logits.
    tau: the threshold, None before it is found from ``nodes``, about so many; nodes: None where the
    threshold itself was chosen. tokens: ids of the prompt, where its text does not give them.
    sites: those opened into features, None: all that have a dictionary; dictionaries: folders, none: the
    demo's own. errors: ``kept`` or ``dropped`` when the circuit is judged; judged: the ablation that it is
    judged by, where somebody chose one. rows, node_share, edge_share:
    of attribution graphs.
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
    def metric(self) -> str:
        """What the circuit is measured by."""
        return LOGIT_DIFF_TARGET if self.target == LOGIT_DIFF_TARGET else "target-activation"

    @property
    def ablation(self) -> str:
        """What nodes outside the circuit take; by itself, the corrupted prompt's value where there is one."""
        return self.chosen_ablation or ("corrupted" if self.corrupted else "zero")

    @property
    def run_key(self) -> tuple[Any, ...]:
        """What decides run and nodes: questions that share it are answered from the same rows."""
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
        """The same question with a threshold that somebody chose."""
        return replace(self, tau=tau, nodes=None)

    @property
    def options(self) -> dict[str, Any]:
        """What a provenance keeps as options: lists and numbers, as JSON has them."""
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

    @staticmethod
    def from_provenance(origin: Provenance | None) -> AttributionQuery | None:
        """The question that a document answers; None where it is a circuit of another kind."""
        if (
            origin is None
            or origin.method not in PROMPT_METHODS
            or not origin.pairs
            or origin.task != PROMPT_TASK
        ):
            return None
        prompt, corrupted, correct, incorrect = origin.pairs[0]
        given = origin.options
        plain = {k: given[k] for k in _SCALAR_OPTIONS if given.get(k) is not None}
        usual = "corrupted" if corrupted else "zero"
        return AttributionQuery(
            **{**plain, **_list_options(given)},
            dictionaries=origin.dictionaries,
            chosen_ablation="" if origin.ablation == usual else origin.ablation,
            model=origin.model,
            prompt=prompt,
            method=origin.method,
            tau=given.get("tau"),
            nodes=given.get("nodes"),
            corrupted=corrupted,
            correct=select_text_answers(correct),
            incorrect=select_text_answers(incorrect),
            bos=origin.bos,
        )

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


def subject_key(origin: Provenance | None) -> tuple[object, ...] | None:
    """What a circuit is of: the model's weights, and its task or its one prompt; None where that is unknown.

    What a person says of a circuit's parts holds for circuits of one subject and for no other. Seed and
    number of a task's prompts belong to the way of searching, not to the subject.
    """
    if origin is None:
        return None
    model = origin.weight_hash or origin.model
    prompt = origin.pairs[0][0] if origin.pairs else ""
    if AttributionQuery.from_provenance(origin) is not None:
        return model, PROMPT_TASK, prompt, origin.bos, tuple(origin.options.get("tokens") or ())
    return model, origin.task, origin.pairs if origin.task == TYPED_PAIR_TASK else ()


OTHER_SUBJECT, SAME_MODEL, SAME_SUBJECT = range(3)
"""How near two circuits are: what is known of the one may hold for the other."""


def subject_relation(one: Provenance | None, other: Provenance | None) -> int:
    """``SAME_SUBJECT``, ``SAME_MODEL`` or ``OTHER_SUBJECT``; what is not known is other."""
    subject, another = subject_key(one), subject_key(other)
    if subject is None or another is None or subject[0] != another[0]:
        return OTHER_SUBJECT
    return SAME_SUBJECT if subject == another else SAME_MODEL


_SCALAR_OPTIONS = ("target", "gate", "errors", "rows", "node_share", "edge_share")


def _list_options(given: Mapping[str, Any]) -> dict[str, Any]:
    sites = given.get("sites")
    return {
        "sites": None if sites is None else tuple(map(str, sites)),
        "tokens": tuple(map(int, given.get("tokens") or ())),
    }
