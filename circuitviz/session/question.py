"""What a circuit of features answers: a prompt, a target, and how its value is traced back.

Such a circuit is an ordinary document; this is the typed view of its provenance.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from circuitviz.session.provenance import Provenance, text_answers

HIERARCHICAL, DIRECT, GRAPH = "hierarchical-attribution", "direct-attribution", "attribution-graph"
METHODS = (HIERARCHICAL, DIRECT, GRAPH)
DIFFERENCE = "logit-diff"  # the target that is the difference of the answers' logits
TASK = "prompt"  # what the provenance of one prompt says as its task
TYPED_PAIR = "typed pair"  # what the provenance of a pair of prompts that was typed says as its task
SELECT = "share"  # edges to a share of all |score|


@dataclass(frozen=True)
class Question:
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
    method: str = HIERARCHICAL
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
    judged: str = ""

    @property
    def is_graph(self) -> bool:
        """Whether it asks for an attribution graph, which has no threshold."""
        return self.method == GRAPH

    @property
    def metric(self) -> str:
        """What the circuit is measured by."""
        return DIFFERENCE if self.target == DIFFERENCE else "target-activation"

    @property
    def ablation(self) -> str:
        """What nodes outside the circuit take; by itself, the corrupted prompt's value where there is one."""
        return self.judged or ("corrupted" if self.corrupted else "zero")

    @property
    def opening(self) -> tuple[Any, ...]:
        """What decides run and nodes: questions that share it are answered from the same rows."""
        return self.model, self.prompt, self.tokens, self.bos, self.dictionaries, self.sites

    @property
    def aim(self) -> tuple[Any, ...]:
        """What decides the target among the nodes."""
        return self.target, self.correct, self.incorrect

    @property
    def asked(self) -> tuple[Any, ...]:
        """What is asked of which prompt and how: answers that share it differ in size and basis alone."""
        return self.model, self.prompt, self.corrupted, self.tokens, self.bos, self.aim, self.method

    def at(self, tau: float) -> Question:
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
    def of(where: Provenance | None) -> Question | None:
        """The question that a document answers; None where it is a circuit of another kind."""
        if where is None or where.method not in METHODS or not where.pairs or where.task != TASK:
            return None
        prompt, corrupted, correct, incorrect = where.pairs[0]
        given = where.options
        plain = {k: given[k] for k in _PLAIN if given.get(k) is not None}
        usual = "corrupted" if corrupted else "zero"
        return Question(
            **{**plain, **_lists(given)},
            dictionaries=where.dictionaries,
            judged="" if where.ablation == usual else where.ablation,
            model=where.model,
            prompt=prompt,
            method=where.method,
            tau=given.get("tau"),
            nodes=given.get("nodes"),
            corrupted=corrupted,
            correct=text_answers(correct),
            incorrect=text_answers(incorrect),
            bos=where.bos,
        )

    def command(self) -> str:
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
        if self.target == DIFFERENCE:
            parts += [f"--correct={'|'.join(self.correct)}", f"--incorrect={'|'.join(self.incorrect)}"]
        if self.is_graph:
            parts += [f"--rows={self.rows}", f"--node-share={self.node_share!r}"]
            return shlex.join([*parts, f"--edge-share={self.edge_share!r}"])
        parts += [f"--target={self.target}", f"--method={self.method}", f"--gate={self.gate}"]
        asked = f"--tau={self.tau!r}" if self.nodes is None else f"--nodes={self.nodes}"
        return shlex.join([*parts, asked])


def subject_of(where: Provenance | None) -> tuple[object, ...] | None:
    """What a circuit is of: the model's weights, and its task or its one prompt; None where that is unknown.

    What a person says of a circuit's parts holds for circuits of one subject and for no other. Seed and
    number of a task's prompts belong to the way of searching, not to the subject.
    """
    if where is None:
        return None
    model = where.weight_hash or where.model
    prompt = where.pairs[0][0] if where.pairs else ""
    if Question.of(where) is not None:
        return model, TASK, prompt, where.bos, tuple(where.options.get("tokens") or ())
    return model, where.task, where.pairs if where.task == TYPED_PAIR else ()


OTHER, SAME_MODEL, SAME_SUBJECT = range(3)
"""How near two circuits are: what is known of the one may hold for the other."""


def kin_of(one: Provenance | None, other: Provenance | None) -> int:
    """``SAME_SUBJECT``, ``SAME_MODEL`` or ``OTHER``; what is not known is other."""
    subject, another = subject_of(one), subject_of(other)
    if subject is None or another is None or subject[0] != another[0]:
        return OTHER
    return SAME_SUBJECT if subject == another else SAME_MODEL


_PLAIN = ("target", "gate", "errors", "rows", "node_share", "edge_share")


def _lists(given: Mapping[str, Any]) -> dict[str, Any]:
    sites = given.get("sites")
    return {
        "sites": None if sites is None else tuple(map(str, sites)),
        "tokens": tuple(map(int, given.get("tokens") or ())),
    }
