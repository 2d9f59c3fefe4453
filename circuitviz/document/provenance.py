"""Where a circuit comes from: enough to compute it again, also when its files have moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from circuitviz.graph.names import parse_folders
from circuitviz.graph.scores import IMPORTED_METHOD

TaskAnswer = str | int


def select_text_answers(answers: Iterable[TaskAnswer]) -> tuple[str, ...]:
    """The answers that are text: what a person types; ids are of task files alone."""
    return tuple(answer for answer in answers if isinstance(answer, str))


@dataclass(frozen=True)
class Provenance:
    """Model, task, method and machine of a discovery.

    ``pairs`` are the task's prompts themselves: clean, corrupted, correct and incorrect answers, these as
    text or as ids in the vocabulary, as the task was given them.
    ``asked`` is the number of edges asked for (or the threshold), ``select`` the way to choose.
    """

    model: str
    weight_hash: str
    task: str
    task_hash: str
    pairs: tuple[tuple[str, str, tuple[TaskAnswer, ...], tuple[TaskAnswer, ...]], ...]
    metric: str
    ablation: str
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    select: str = "greedy"
    asked: float | None = None
    prompts: int = 0
    seed: int = 0
    bos: bool | None = None
    task_options: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    seconds: float = 0.0
    created: str = ""

    @property
    def requirements(self) -> tuple[object, ...]:
        """What has to be open for the circuit to be measured: model, prompts, metric and ablation."""
        return self.model, self.task, self.task_hash, self.metric, self.ablation

    @property
    def dictionaries(self) -> tuple[str, ...]:
        """Files and folders of the dictionaries that were used; none: the demo's own, or no features.

        A method over a task names them in one text, a question about a prompt lists them.
        """
        given = self.options.get("dictionaries") or ()
        return parse_folders(given) if isinstance(given, str) else tuple(map(str, given))

    def command_line(self) -> str:
        """The command line that computes it again."""
        from circuitviz.document.attribution_query import AttributionQuery  # which is a view of this

        if (question := AttributionQuery.from_provenance(self)) is not None:
            return question.command_line()
        if self.method == IMPORTED_METHOD:
            from circuitviz.document.imported_circuits import import_command_line

            return import_command_line(self)
        parts = ["circuitviz discover", f"-m {self.model}", f"-t {self.task}"]
        parts += [f"--method {self.method}", f"--select {self.select}"]
        if self.asked is not None:
            flag = "--threshold" if self.select == "threshold" else "--edges"
            parts.append(f"{flag} {self.asked:g}")
        parts += [f"--prompts {self.prompts}", f"--seed {self.seed}"]
        parts += [f"--metric {self.metric}", f"--ablation {self.ablation}"]
        parts += ["--skip-unusable"] if self.task_options.get("left_out") else []
        parts += [f"--{name.replace('_', '-')} {value}" for name, value in self.options.items()]
        return " ".join(parts)
